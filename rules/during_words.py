"""``during`` in words: times of the day, days of the week, days that are worked."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from citypatrol.units import duration_ms
from citypatrol.yamlfile import Model, wrong
from rules.during import Days, Edge, Span

_CLOCK: Final = r"(?:[01]?\d|2[0-4]):[0-5]\d"
_SUN: Final = r"sun(?:rise|set)(?:[+-]\d{1,6}(?:s|m|h))?"
_SPAN: Final = rf"({_CLOCK}|{_SUN})(?:-| to )({_CLOCK}|{_SUN})"
_DAY_MS: Final = 86_400_000
_LONGEST_MS: Final = 12 * 3_600_000
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS: Final = {"weekdays": (0, 1, 2, 3, 4), "weekends": (5, 6)}
_WORKED: Final = ("workdays", "holidays")


def _span(text: object) -> Span:
    found = re.fullmatch(_SPAN, text, re.ASCII) if isinstance(text, str) else None
    if found is None:
        message = f"'{text}' is no time; write one like 22:00-06:00 or sunset-30m to sunrise"
        raise ValueError(message)
    begin, end = _edge(found[1]), _edge(found[2])
    if begin.base == "midnight" and begin.offset >= _DAY_MS:
        message = f"'{text}' begins where the day is over; write 00:00"
        raise ValueError(message)
    if begin == end:
        message = f"'{text}' begins where it ends; leave time out for the whole day"
        raise ValueError(message)
    return Span(begin, end)


def _edge(text: str) -> Edge:
    if not text.startswith("sun"):
        hours, minutes = map(int, text.split(":"))
        if hours * 60 + minutes > 24 * 60:
            message = f"'{text}' is no time of day; the last one is 24:00"
            raise ValueError(message)
        return Edge("midnight", (hours * 60 + minutes) * 60_000)
    base: Literal["sunrise", "sunset"] = "sunrise" if text.startswith("sunrise") else "sunset"
    offset = text.removeprefix(base)
    if not offset:
        return Edge(base)
    away = duration_ms(offset[1:])
    if away > _LONGEST_MS:
        message = f"'{text}' is too far from it; 12h are the most"
        raise ValueError(message)
    return Edge(base, away if offset[0] == "+" else -away)


def _spans(value: object) -> tuple[Span, ...]:
    if isinstance(value, list) and not value:
        message = "holds at no time; write one time or more"
        raise ValueError(message)
    return tuple(map(_span, value if isinstance(value, list) else [value]))


def _days(value: object) -> Days:
    if value in _WORKED:
        return "workdays" if value == "workdays" else "holidays"
    if isinstance(value, str) and value in _DAYS:
        return _DAYS[value]
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(one, str) and one in _WEEK for one in names):
        strange = [one for one in names if one not in _WEEK]
        known = ", ".join((*_WEEK, *_DAYS, *_WORKED))
        message = f"'{strange[0] if strange else value}' is no day; there are {known}"
        raise ValueError(message)
    return tuple(sorted({_WEEK.index(one) for one in names}))


_ONE_SPAN: Final = {"type": "string", "pattern": f"^{_SPAN}$".replace("?:", "")}
_ONE_DAY: Final = {"enum": list(_WEEK)}
Times = Annotated[
    tuple[Span, ...],
    BeforeValidator(_spans),
    WithJsonSchema({"anyOf": [_ONE_SPAN, {"type": "array", "minItems": 1, "items": _ONE_SPAN}]}),
]
DaysWord = Annotated[
    Days,
    BeforeValidator(_days),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [*_WEEK, *_DAYS, *_WORKED]},
                {"type": "array", "minItems": 1, "items": _ONE_DAY},
            ]
        }
    ),
]


class DuringWords(Model):
    """Days are those of the city; a time that goes over midnight belongs to the day on which it
    begins."""

    time: Times = ()
    days: DaysWord | None = None
    calendar: Literal["china"] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.time and self.days is None:
            message = "says nothing; write time, days, or both"
            raise ValueError(message)
        if self.calendar is not None and self.days not in _WORKED:
            message = f"says which days are worked; write days: {' or '.join(_WORKED)}"
            raise wrong(message, "calendar")
        return self
