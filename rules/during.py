"""``during:`` as data: at which times a rule judges."""

from dataclasses import dataclass
from typing import Literal

Days = Literal["workdays", "holidays"] | tuple[int, ...]
"""Numbers are Monday 0 to Sunday 6."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``offset`` milliseconds after an event of the day; from midnight by the wall clock."""

    base: Literal["midnight", "sunrise", "sunset"]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begin`` until right before ``end``, which lies on the next day where that would not be
    later. It belongs to the day on which it begins."""

    begin: Edge
    end: Edge


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
