"""JSON as devices send it: fast where it is sound, with the reason where it is not."""

import json
import math
from typing import Any

import orjson

from citypatrol.errors import Reject
from ingest.profiles.reading import shown


def tree(payload: bytes) -> Any:
    """The JSON value of a payload that may be nested. Raises ``Reject``, for a key that stands
    twice in one object too."""
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return slowly(payload, error)
    # Every key ends in `":`; only an escaped quote can put one into a text. orjson takes the last
    # of two equal keys in silence.
    if payload.count(b'":') != _keys(found):
        slowly(payload, None)
    return found


def slowly(payload: bytes, error: Exception | None) -> Any:
    """The standard library tells keys that stand twice, and reads the NaN that many devices send
    although JSON has none. ``error``: what orjson said. Raises ``Reject``."""
    try:
        return json.loads(payload.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as bad:
        message = f"not UTF-8 at byte {bad.start}"
    except RecursionError:
        message = "nested too deeply"
    except ValueError as bad:
        message = f"not JSON: {error or bad}"
    raise Reject(message)


def number(value: Any) -> float | None:
    """A JSON number or boolean as a float, infinite where it is too large; None for all else."""
    kind = type(value)
    if kind is not float and kind is not int and kind is not bool:
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for number, key in enumerate(keys) if key in keys[:number])
        message = f"key `{shown(twice)}` stands twice"
        raise Reject(message)
    return found


def _keys(found: Any) -> int:
    """How many keys there are at every depth; without recursion, for what is nested deeply."""
    count = 0
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            count += len(one)
            waiting.extend(part for part in one.values() if type(part) in (dict, list))
        elif type(one) is list:
            waiting.extend(part for part in one if type(part) in (dict, list))
    return count
