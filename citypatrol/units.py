"""Durations and sizes as people write them: ``500ms 90s 10m 4h 7d``, ``512MB 20GB``."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

_DURATION: Final = re.compile(r"(\d{1,15})(ms|s|m|h|d)", re.ASCII)
_SIZE: Final = re.compile(r"(\d{1,15})(B|kB|KB|MB|GB|TB)", re.ASCII)
_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES: Final = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
LONGEST_MS: Final = 36_500 * _MS["d"]
LARGEST_BYTES: Final = 10**18


def duration_ms(text: object) -> int:
    """Milliseconds of ``500ms``, ``90s``, ``10m``, ``4h`` or ``7d``; one number and one unit.

    Raises ValueError with the value and the form, for a value that is no text too.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        message = f"{_shown(text)} is no duration; write one like 90s, 10m, 4h or 7d"
        raise ValueError(message)
    ms = int(found[1]) * _MS[found[2]]
    if ms > LONGEST_MS:
        message = f"{_shown(text)} is too long; the longest duration is 36500d"
        raise ValueError(message)
    return ms


def size_bytes(text: object) -> int:
    """Bytes of ``512MB`` or ``20GB``; units are decimal (1 GB is 10^9 bytes).

    Raises ValueError with the value and the form, for a value that is no text too.
    """
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        message = f"{_shown(text)} is no size; write one like 512MB or 20GB"
        raise ValueError(message)
    size = int(found[1]) * _BYTES[found[2]]
    if size > LARGEST_BYTES:
        message = f"{_shown(text)} is too large; the largest size is 1000000TB"
        raise ValueError(message)
    return size


def format_duration(ms: int) -> str:
    """The shortest exact form: 90000 is ``90s``, 600000 is ``10m``. ``ms`` is not negative."""
    if ms == 0:
        return "0s"
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if ms % _MS[unit] == 0)
    return f"{ms // _MS[unit]}{unit}"


def _shown(value: object) -> str:
    text = str(value)
    return f"'{text}'" if len(text) <= 40 else f"'{text[:40]}...'"


def _duration_field(value: object, info: ValidationInfo) -> int:
    if info.context is None and isinstance(value, int) and not isinstance(value, bool):
        return value  # from code, not from a file
    return duration_ms(value)


def _size_field(value: object, info: ValidationInfo) -> int:
    if info.context is None and isinstance(value, int) and not isinstance(value, bool):
        return value
    return size_bytes(value)


DurationMs = Annotated[
    int,
    BeforeValidator(_duration_field),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}),
]
"""A field in milliseconds, written as a duration in files; code may pass the int."""

MORE_THAN_0S: Final = {"type": "string", "pattern": "^0*[1-9][0-9]*(ms|s|m|h|d)$"}
"""The JSON Schema of a duration that must not be none."""

SizeBytes = Annotated[
    int,
    BeforeValidator(_size_field),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+(B|kB|KB|MB|GB|TB)$"}),
]
"""A field in bytes, written as a size in files; code may pass the int."""
