"""Tickets a day by rule as a picture: a strip a rule, one above the other, over the same days."""

from typing import Final

import cv2
import numpy as np

from app.backtest.days import Chart, Row, binned
from app.backtest.lettering import Canvas, Colour, Pen

WIDTH: Final = 1200
_LEFT, _RIGHT = 300, WIDTH - 40
_TOP: Final = 110
_BELOW: Final = 60
_STRIPS: Final = 640
"""Pixels for all strips together, within what is least and most for one."""
_LOWEST, _HIGHEST = 56, 200
_GAP: Final = 22
_NARROWEST: Final = 2
_WIDEST: Final = 108
_DATES_APART: Final = 84
_COUNTS_APART: Final = 44
"""Between two bars, for each to say its count."""
_INK: Final[Colour] = (40, 40, 40)
_PALE: Final[Colour] = (120, 120, 120)
_LINE: Final[Colour] = (225, 225, 225)
_GROUND: Final[Colour] = (255, 255, 255)
_BAR: Final[Colour] = (180, 110, 30)
_SHADOW: Final[Colour] = (175, 175, 175)


def picture(chart: Chart, *, title: str, zone: str) -> bytes:
    """A PNG of ``WIDTH`` pixels. ``zone``: whose days these are. The same input gives the same
    bytes on the same OpenCV."""
    fitted = binned(chart, most=(_RIGHT - _LEFT) // _NARROWEST)
    rows = max(1, len(fitted.rows))
    high = min(_HIGHEST, max(_LOWEST, _STRIPS // rows))
    canvas = np.full((_TOP + rows * high + _BELOW, WIDTH, 3), _GROUND, np.uint8)
    pen = Pen(canvas)
    _head(pen, fitted, title)
    pitch = min(_WIDEST, (_RIGHT - _LEFT) / fitted.bins)
    for at, row in enumerate(fitted.rows):
        _strip(canvas, pen, row, top=_TOP + at * high, high=high, pitch=pitch)
    if not fitted.rows:
        pen.middle("no ticket", x=WIDTH // 2, y=_TOP + high // 2, size=20, colour=_PALE)
    _dates(canvas, pen, fitted, floor=_TOP + rows * high, pitch=pitch, zone=zone)
    done, png = cv2.imencode(".png", canvas)
    assert done  # noqa: S101 - a whole canvas can be encoded
    return bytes(png)


def _head(pen: Pen, chart: Chart, title: str) -> None:
    room = WIDTH - 60
    pen.head(pen.cut(title, size=24, within=room), x=30, y=44, size=24, colour=_INK)
    shadows = f" and {chart.shadows:,} of shadow rules (grey)" if chart.shadows else ""
    scale = "; each row has a scale of its own" if len(chart.rows) > 1 else ""
    text = f"{chart.what}, {chart.span}: {chart.tickets:,}{shadows}{scale}"
    pen.left(text, x=30, y=76, size=16, colour=_PALE)


def _strip(canvas: Canvas, pen: Pen, row: Row, *, top: int, high: int, pitch: float) -> None:
    floor, room = top + high, high - _GAP
    middle = floor - room // 2
    name = pen.cut(row.name, size=16, within=_LEFT - 70)
    pen.left(name, x=30, y=middle, size=16, colour=_INK)
    kind = f"{row.total:,}, shadow" if row.shadow else f"{row.total:,}"
    pen.left(kind, x=30, y=middle + 18, size=13, colour=_PALE)
    pen.right(f"{row.most:,}", x=_LEFT - 10, y=floor - room + 6, size=13, colour=_PALE)
    cv2.line(canvas, (_LEFT, floor - room), (_RIGHT, floor - room), _LINE, 1)
    colour = _SHADOW if row.shadow else _BAR
    for at, count in enumerate(row.counts):
        if count:
            left, right = _edges(at, pitch)
            tall = max(2, round(room * count / row.most))
            cv2.rectangle(canvas, (left, floor - tall), (right, floor - 1), colour, cv2.FILLED)
            if pitch >= _COUNTS_APART:
                x, y = (left + right) // 2, floor - tall - 4
                pen.middle(f"{count:,}", x=x, y=y, size=13, colour=_INK)
    cv2.line(canvas, (_LEFT, floor), (_RIGHT, floor), _PALE, 1)


def _edges(at: int, pitch: float) -> tuple[int, int]:
    """The first and the last column of pixels of a bar."""
    begin = _LEFT + at * pitch
    gap = 0.2 * pitch if pitch >= 5 else 0.0
    left = round(begin + gap / 2)
    return left, max(left, round(begin + pitch - gap / 2) - 1)


def _dates(canvas: Canvas, pen: Pen, chart: Chart, *, floor: int, pitch: float, zone: str) -> None:
    step = next(n for n in _steps() if n * pitch >= _DATES_APART)
    for at in range(0, chart.bins, step):
        x = round(_LEFT + (at + 0.5) * pitch)
        cv2.line(canvas, (x, floor), (x, floor + 5), _PALE, 1)
        pen.middle(f"{chart.begins(at)}", x=x, y=floor + 22, size=13, colour=_PALE)
    pen.right(f"days of {zone}", x=_RIGHT, y=floor + 46, size=13, colour=_PALE)


def _steps() -> list[int]:
    """Bins between two dates: days, then weeks."""
    return [1, 2, *(7 * 2**n for n in range(12))]
