"""Tickets a day by rule, as rows for a picture or a terminal. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from app.backtest.reckoning import Answer

ROWS: Final = 12
"""The most; rules beyond share the last one."""


@dataclass(frozen=True, slots=True)
class Row:
    """``counts``: the tickets of each bin, oldest first. ``shadow``: nobody was to be sent."""

    name: str
    shadow: bool
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def most(self) -> int:
        return max(self.counts)


@dataclass(frozen=True, slots=True)
class Chart:
    """``first`` and ``last``: the city's days, both included; ``each``: days in a bin, the last of
    which may be shorter. The rows with the most tickets first, those of all others at the end."""

    first: date
    last: date
    rows: tuple[Row, ...]
    each: int = 1

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def bins(self) -> int:
        return -(-self.days // self.each)

    @property
    def tickets(self) -> int:
        return sum(row.total for row in self.rows if not row.shadow)

    @property
    def shadows(self) -> int:
        return sum(row.total for row in self.rows if row.shadow)

    @property
    def span(self) -> str:
        """``2026-05-06 to 2026-05-13``."""
        return f"{self.first}" if self.days == 1 else f"{self.first} to {self.last}"

    @property
    def what(self) -> str:
        return "tickets a day" if self.each == 1 else f"tickets in {self.each} days"

    def begins(self, at: int) -> date:
        """The first day of a bin."""
        return self.first + timedelta(days=at * self.each)


def chart_of(answer: Answer) -> Chart:
    """From the first to the last day of an answer that has seen samples."""
    assert answer.since is not None  # noqa: S101 - whoever asks has looked
    assert answer.until is not None  # noqa: S101 - whoever asks has looked
    found = answer.found
    first, last = (date.fromisoformat(found.day(at)) for at in (answer.since, answer.until))
    return chart(found.daily(), first=first, last=last)


def chart(counts: Iterable[Mapping[str, Any]], *, first: date, last: date) -> Chart:
    """``counts``: as ``Found.daily`` has them. A ticket from outside these days widens them."""
    found: dict[tuple[str, bool], dict[date, int]] = {}
    for row in counts:
        day = date.fromisoformat(row["day"])
        first, last = min(first, day), max(last, day)
        mine = found.setdefault((row["rule"], bool(row["shadow"])), {})
        mine[day] = mine.get(day, 0) + row["tickets"]
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    rows = [
        Row(name, shadow, tuple(mine.get(day, 0) for day in days))
        for (name, shadow), mine in found.items()
    ]
    rows.sort(key=lambda row: (-row.total, row.name, row.shadow))
    return Chart(first, last, tuple(_together(rows)))


def binned(whole: Chart, *, most: int) -> Chart:
    """With at most so many bins, each of as many days as that takes."""
    each = max(1, -(-whole.days // most))
    rows = tuple(
        replace(row, counts=tuple(sum(row.counts[at : at + each]) for at in _starts(row, each)))
        for row in whole.rows
    )
    return replace(whole, rows=rows, each=each)


def _starts(row: Row, each: int) -> range:
    return range(0, len(row.counts), each)


def _together(rows: Sequence[Row]) -> list[Row]:
    """What a shadow rule would have filed is never added to what units would have got."""
    if len(rows) <= ROWS:
        return list(rows)
    rest = rows[ROWS - 2 :]
    parts = [[row for row in rest if row.shadow is shadow] for shadow in (False, True)]
    alone = not (parts[0] and parts[1])
    kept = list(rows[: ROWS - 1 if alone else ROWS - 2])
    for part in parts:
        others = [row for row in part if row not in kept]
        if others:
            sums = (sum(day) for day in zip(*(row.counts for row in others), strict=True))
            name = "1 other" if len(others) == 1 else f"{len(others)} others"
            kept.append(Row(name, others[0].shadow, tuple(sums)))
    return kept
