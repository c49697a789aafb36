"""Tickets a day by rule as lines of text. Pure."""

from collections.abc import Callable
from typing import Final

from app.backtest.days import Chart, Row, binned
from app.terminal import printable, width

_WIDEST: Final = 6
_SHORTEST_NAME: Final = 16
_LEAST: Final = 10
Paint = Callable[[str], str]


def bars(chart: Chart, *, columns: int, heights: str, paint: Paint) -> list[str]:
    """A line a rule, each on a scale of its own, no longer than ``columns`` where that can be.

    ``heights``: nothing and eight heights; ``paint`` colours what was drawn.
    """
    names = [_name(row, max(_SHORTEST_NAME, columns // 4)) for row in chart.rows]
    left = max((width(name) for name in names), default=0)
    ends = max((len(_end(row, chart)) for row in chart.rows), default=0)
    room = max(_LEAST, columns - left - ends - 6)
    fitted = binned(chart, most=room)
    wide = min(_WIDEST, max(1, room // fitted.bins))
    lines = [f"{fitted.what}, {fitted.span}"]
    for name, row in zip(names, fitted.rows, strict=True):
        drawn = paint(_drawn(row, heights, wide))
        pad = " " * (left - width(name))
        lines.append(f"{name}{pad}  |{drawn}|  {_end(row, fitted)}")
    return lines


def _drawn(row: Row, heights: str, wide: int) -> str:
    gap = 1 if wide > 1 else 0
    return "".join(heights[_height(n, row.most)] * (wide - gap) + " " * gap for n in row.counts)


def _height(count: int, most: int) -> int:
    """Of eight; one ticket is seen beside a thousand."""
    return 0 if count == 0 else max(1, round(8 * count / most))


def _name(row: Row, longest: int) -> str:
    name = printable(row.name)
    while width(name) > longest:
        name = name[:-2] + "~"
    return f"{name} (shadow)" if row.shadow else name


def _end(row: Row, chart: Chart) -> str:
    at = row.counts.index(row.most)
    word = "on" if chart.each == 1 else "from"
    return f"{row.total:,}, most {row.most:,} {word} {chart.begins(at):%m-%d}"
