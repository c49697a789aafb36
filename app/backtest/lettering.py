"""Text on a picture: in the fonts that OpenCV 5 brings, Chinese too; before it, in ASCII."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.uint8]
Colour = tuple[int, int, int]
"""Blue, green, red."""
_FONT: Final[Any] = getattr(cv2, "FontFace", None)
_OLD: Final = cv2.FONT_HERSHEY_SIMPLEX
_PLAIN: Final = 400
_BOLD: Final = 700


class Pen:
    """Writes on one picture."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._font: Any = None if _FONT is None else _FONT("sans")

    def left(self, text: str, *, x: int, y: int, size: int, colour: Colour) -> None:
        """Begins at ``x``; ``y`` is the line that letters stand on, ``size`` in pixels."""
        self._write(text, x, y, size, colour, _PLAIN)

    def head(self, text: str, *, x: int, y: int, size: int, colour: Colour) -> None:
        """As ``left``, in bold."""
        self._write(text, x, y, size, colour, _BOLD)

    def right(self, text: str, *, x: int, y: int, size: int, colour: Colour) -> None:
        """Ends at ``x``."""
        self._write(text, x - self.width(text, size=size), y, size, colour, _PLAIN)

    def middle(self, text: str, *, x: int, y: int, size: int, colour: Colour) -> None:
        self._write(text, x - self.width(text, size=size) // 2, y, size, colour, _PLAIN)

    def width(self, text: str, *, size: int) -> int:
        if self._font is None:
            return int(cv2.getTextSize(_ascii(text), _OLD, size / 30, 1)[0][0])
        high, wide = self._canvas.shape[:2]
        return int(cv2.getTextSize((wide, high), text, (0, size), self._font, size, _PLAIN)[2])

    def cut(self, text: str, *, size: int, within: int) -> str:
        """What of the text has room, with an ellipsis where that is not all."""
        if self.width(text, size=size) <= within:
            return text
        while text and self.width(f"{text}...", size=size) > within:
            text = text[:-1]
        return f"{text}..."

    def _write(self, text: str, x: int, y: int, size: int, colour: Colour, weight: int) -> None:
        if self._font is None:
            thick = 2 if weight == _BOLD else 1
            at = _ascii(text)
            cv2.putText(self._canvas, at, (x, y), _OLD, size / 30, colour, thick, cv2.LINE_AA)
        else:
            cv2.putText(self._canvas, text, (x, y), colour, self._font, size, weight)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")
