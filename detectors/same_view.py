"""Whether a camera still looks where it looked: what lies in one view lies in no other. For a watch
that remembers places, also over a restart. Pure: time is an argument."""

import base64
import binascii
from typing import Final

import cv2
import numpy as np

from citypatrol.clock import Ts
from detectors import letterbox
from detectors.types import Pixels
from detectors.view import HEIGHT, SAME, WIDTH, Texture, texture, unit

ADOPTS_MS: Final = 300_000
"""How long another view must last before it is taken for the camera's own: a lorry stops in front,
a camera that turns comes back."""
_LEARNS: Final = 1 / 30
_STEPS: Final = 127


class SameView:
    """``here``: None while another view is seen, false for a new one, from which on it is known."""

    def __init__(self) -> None:
        self._known: Texture | None = None
        self._strange: Ts | None = None

    def here(self, pixels: Pixels, *, at: Ts) -> bool | None:
        seen = _texture(pixels)
        if self._known is not None:
            if float((seen * self._known).sum()) >= SAME:
                self._strange = None
                self._known = unit((1 - _LEARNS) * self._known + _LEARNS * seen)
                return True
            if self._strange is None or at < self._strange:
                self._strange = at
            if at - self._strange < ADOPTS_MS:
                return None
        self._known, self._strange = seen, None
        return False

    def learned(self) -> str | None:
        """Text for ``recall``, about 20 kB."""
        if self._known is None:
            return None
        top = float(np.abs(self._known).max())
        steps = np.rint(self._known * (_STEPS / top if top > 0 else 0)).astype(np.int8)
        return base64.b64encode(steps.tobytes()).decode("ascii")

    def recall(self, learned: str | None) -> None:
        """ValueError where the text is none of ``learned``."""
        if learned is None:
            self._known = None
            return
        try:
            steps = np.frombuffer(base64.b64decode(learned, validate=True), np.int8)
        except (binascii.Error, ValueError) as error:
            message = "the view is no base64"
            raise ValueError(message) from error
        if steps.size != WIDTH * HEIGHT:
            message = f"the view has {steps.size} parts, not {WIDTH * HEIGHT}"
            raise ValueError(message)
        self._known = unit(steps.reshape(HEIGHT, WIDTH).astype(np.float32))


def _texture(pixels: Pixels) -> Texture:
    small = cv2.resize(letterbox.as_colour(pixels), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return texture(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8))
