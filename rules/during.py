"""``during:`` as data: at which times a rule judges."""

from dataclasses import dataclass
from typing import Final, Literal

_HOUR_MS: Final = 3_600_000
_AS_A_RULE: Final = {"midnight": 0, "sunrise": 6 * _HOUR_MS, "sunset": 18 * _HOUR_MS}
_SEASONS: Final = 3 * _HOUR_MS
Days = Literal["workdays", "holidays"] | tuple[int, ...]
"""Numbers are Monday 0 to Sunday 6."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``offset`` milliseconds after an event of the day; from midnight by the wall clock."""

    base: Literal["midnight", "sunrise", "sunset"]
    offset: int = 0

    @property
    def usual(self) -> int:
        """Milliseconds after midnight where the day is as long as the night."""
        return _AS_A_RULE[self.base] + self.offset


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begin`` until right before ``end``. It belongs to the day on which it begins."""

    begin: Edge
    end: Edge

    @property
    def is_overnight(self) -> bool:
        """Whether ``end`` lies on the next day: for all seasons alike, so that a sunset after 23:00
        makes ``sunset to 23:00`` no time at all and not nearly a day."""
        by_the_sun = {edge.base != "midnight" for edge in (self.begin, self.end)}
        return self.end.usual <= self.begin.usual - (_SEASONS if len(by_the_sun) == 2 else 0)


@dataclass(frozen=True, slots=True)
class During:
    """``spans``: none for the whole day; ``days``: None for all. ``calendar`` says which days are
    worked. ``place``: latitude and longitude where a source has none of its own; the sun of a
    source without any is never known."""

    spans: tuple[Span, ...] = ()
    days: Days | None = None
    calendar: str | None = None
    timezone: str = "UTC"
    place: tuple[float, float] | None = None

    @property
    def by_the_sun(self) -> bool:
        edges = (edge for span in self.spans for edge in (span.begin, span.end))
        return any(edge.base != "midnight" for edge in edges)
