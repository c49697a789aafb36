"""Times in rule tests: ``90s`` or ``1h30m`` after the start, or ``2026-05-13T08:00:00Z``. Pure."""

import re
from datetime import datetime
from typing import Annotated, Final, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

from citypatrol.clock import Ts
from citypatrol.units import duration_ms, format_duration

_PARTS: Final = re.compile(r"\d{1,15}(?:ms|s|m|h|d)", re.ASCII)
_STEPS: Final = (86_400_000, 3_600_000, 60_000, 1_000, 1)
_FORM: Final = "write one like 90s or 1h30m after the start, or 2026-05-13T08:00:00Z"


class Moment(NamedTuple):
    """``ms`` after the start, or, where it is ``fixed``, since 1970."""

    ms: int
    fixed: bool = False

    def at(self, start: Ts) -> Ts:
        return self.ms if self.fixed else start + self.ms


def parse_moment(text: object) -> Moment:
    """Raises ValueError with the value and the form."""
    if isinstance(text, Moment):
        return text
    if isinstance(text, str) and "T" in text:
        return Moment(parse_time(text), fixed=True)
    parts = _PARTS.findall(text) if isinstance(text, str) else []
    if not parts or "".join(parts) != text:
        message = f"'{text}' is no time; {_FORM}"
        raise ValueError(message)
    return Moment(sum(map(duration_ms, parts)))


def parse_time(text: object) -> Ts:
    """A time with its zone. Raises ValueError with the value and the form."""
    try:
        moment = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"'{text}' is no time with its zone; write one like 2026-05-13T08:00:00+08:00"
        raise ValueError(message)
    return round(moment.timestamp() * 1000)


def told(ms: int) -> str:
    """``1h30m``: the exact offset in as many units as it takes."""
    sign, ms = ("-", -ms) if ms < 0 else ("", ms)
    parts = []
    for step in _STEPS:
        whole = ms // step * step
        if whole:
            parts.append(f"{whole // step}{format_duration(step)[1:]}")
        ms -= whole
    return sign + ("".join(parts) or "0s")


_ZONED: Final = r"[0-9]{4}.*T.*(Z|[+-][0-9:.]+)"
_OFFSET: Final = r"([0-9]{1,15}(ms|s|m|h|d))+"
MomentField = Annotated[
    Moment,
    BeforeValidator(parse_moment),
    WithJsonSchema({"type": "string", "pattern": rf"^({_OFFSET}|{_ZONED})$"}),
]
TimeField = Annotated[
    int,
    BeforeValidator(parse_time),
    WithJsonSchema({"type": "string", "pattern": f"^{_ZONED}$"}),
]
