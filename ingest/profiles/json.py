"""``payload: json``: one flat object, ``ts`` and ``value`` or one key a metric."""

import json
import math
from typing import Any, Final, NoReturn

import orjson

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.profiles.reading import LARGEST_PAYLOAD, NotFinite, Reading, shown
from ingest.profiles.rfc3339 import milliseconds

_SECONDS_BELOW: Final = 1e11
_MOST_METRICS: Final = 1_000
_LONGEST_NAME: Final = 200


def read_json(payload: bytes) -> Reading:
    """DOORS, MQTT. A key that is no number or boolean is ignored and counted. Raises ``Reject``."""
    if len(payload) > LARGEST_PAYLOAD:
        message = f"{len(payload):,} bytes; at most {LARGEST_PAYLOAD:,} are read"
        raise Reject(message)
    fields = _fields(payload)
    ts = _time(fields.pop("ts")) if "ts" in fields else None
    values: list[tuple[str | None, float]] = []
    ignored = 0
    aside: Reject | None = None
    for key, value in fields.items():
        kind = type(value)
        if kind is not float and kind is not int and kind is not bool:
            ignored += 1
            continue
        number = _float(value)
        if not math.isfinite(number):
            aside = NotFinite(f"`{shown(key)}` is not finite")
        elif key == "value":
            values.append((None, number))
        elif 0 < len(key) <= _LONGEST_NAME and key.isprintable():
            values.append((key, number))
        else:
            aside = Reject(f"`{shown(key)}` is no name for a metric")
    if not values:
        raise aside or Reject("no key holds a number")
    if len(values) > _MOST_METRICS:
        message = f"{len(values):,} metrics in one message; at most {_MOST_METRICS:,} are read"
        raise Reject(message)
    return Reading(values, ts, ignored, aside)


def _fields(payload: bytes) -> dict[str, Any]:
    found: Any
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        found = _read_slowly(payload, error)
    if type(found) is not dict:
        message = f"not a JSON object: `{shown(payload)}`"
        raise Reject(message)
    # As many colons as keys: no key can stand twice. orjson takes the last of two in silence.
    if payload.count(b":") != len(found) and not _plainly_single(payload, found):
        _read_slowly(payload, None)
    fields: dict[str, Any] = found
    return fields


def _plainly_single(payload: bytes, found: dict[str, Any]) -> bool:
    """The usual case of more colons than keys is a time in text."""
    ts = found.get("ts")
    if type(ts) is not str or b"\\" in payload:
        return False
    return payload.count(b":") - ts.count(":") == len(found)


def _read_slowly(payload: bytes, error: Exception | None) -> Any:
    """The standard library tells keys that stand twice, and reads the NaN that many devices send
    although JSON has none."""
    try:
        return json.loads(payload.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as bad:
        message = f"not UTF-8 at byte {bad.start}"
    except RecursionError:
        message = "nested too deeply"
    except ValueError as bad:
        message = f"not JSON: {error or bad}"
    raise Reject(message)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for number, key in enumerate(keys) if key in keys[:number])
        message = f"key `{shown(twice)}` stands twice"
        raise Reject(message)
    return found


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _time(value: Any) -> Ts:
    if type(value) is str:
        ts = milliseconds(value)
        if ts is None:
            _no_time(f"`{shown(value)}`")
        return ts
    if type(value) is not int and type(value) is not float:
        _no_time("neither a number nor text")
    if not math.isfinite(_float(value)):
        _no_time("not finite")
    if abs(value) < _SECONDS_BELOW:
        return round(value * 1000)
    return round(value)


def _no_time(what: str) -> NoReturn:
    message = f"`ts` is {what}; send seconds, milliseconds or RFC 3339 with its zone"
    raise Reject(message)
