"""``payload: json``: one flat object, ``ts`` and ``value`` or one key a metric."""

import math
from typing import Any, Final, NoReturn

import orjson

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.profiles.jsontext import number, slowly
from ingest.profiles.reading import LARGEST_PAYLOAD, LONGEST_NAME, NotFinite, Reading, shown
from ingest.profiles.rfc3339 import milliseconds

SECONDS_BELOW: Final = 1e11
MOST_METRICS: Final = 1_000


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
        found = number(value)
        if found is None:
            ignored += 1
        elif not math.isfinite(found):
            aside = NotFinite(f"`{shown(key)}` is not finite")
        elif key == "value":
            values.append((None, found))
        elif 0 < len(key) <= LONGEST_NAME and key.isprintable():
            values.append((key, found))
        else:
            aside = Reject(f"`{shown(key)}` is no name for a metric")
    if not values:
        raise aside or Reject("no key holds a number")
    if len(values) > MOST_METRICS:
        message = f"{len(values):,} metrics in one message; at most {MOST_METRICS:,} are read"
        raise Reject(message)
    return Reading(values, ts, ignored, aside)


def _fields(payload: bytes) -> dict[str, Any]:
    found: Any
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        found = slowly(payload, error)
    if type(found) is not dict:
        message = f"not a JSON object: `{shown(payload)}`"
        raise Reject(message)
    # As many colons as keys: no key can stand twice. orjson takes the last of two in silence.
    if payload.count(b":") != len(found) and not _plainly_single(payload, found):
        slowly(payload, None)
    fields: dict[str, Any] = found
    return fields


def _plainly_single(payload: bytes, found: dict[str, Any]) -> bool:
    """The usual case of more colons than keys is a time in text."""
    ts = found.get("ts")
    if type(ts) is not str or b"\\" in payload:
        return False
    return payload.count(b":") - ts.count(":") == len(found)


def _time(value: Any) -> Ts:
    if type(value) is str:
        ts = milliseconds(value)
        if ts is None:
            _no_time(f"`{shown(value)}`")
        return ts
    found = None if type(value) is bool else number(value)
    if found is None:
        _no_time("neither a number nor text")
    if not math.isfinite(found):
        _no_time("not finite")
    return round(found * 1000 if abs(found) < SECONDS_BELOW else found)


def _no_time(what: str) -> NoReturn:
    message = f"`ts` is {what}; send seconds, milliseconds or RFC 3339 with its zone"
    raise Reject(message)
