"""What a fixed camera looks at, and whether it still looks there. Pure: no file, no clock."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 160
HEIGHT: Final = 96
SAME: Final = 0.3
"""Likeness from which two pictures show one view. Measured (`bench.health`): frames of one fixed
camera 0.37 and more, also dim, in fog or infrared; of two cameras 0.08 at most."""
MOVED: Final = 0.35
"""Likeness at the best shift from which it is the same view, moved: of two cameras 0.13 at most."""
SHAKES: Final = 0.013
"""A shift in fractions of the picture that wind makes, and that no region is lost by."""
RESEMBLES: Final = 0.12
BLURRED: Final = 0.35
REMEMBERS: Final = 30
"""Frames over which the known view is averaged."""
_AROUND: Final = 15
_STEPS: Final = 127
_FLAT: Final = 6.0
"""Grey levels of contrast under which a part of the picture counts as flat, so that noise is no
texture."""

Texture = NDArray[np.float32]
"""HEIGHT x WIDTH: how much brighter each part is than what is around it, whatever the light. Mean
0, length 1."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two textures compared, each -1..1: ``here`` as they lie, ``best`` at the shift that fits best
    (``across``, ``down``: fractions of width and height)."""

    here: float
    best: float
    across: float
    down: float

    @property
    def shift(self) -> float:
        return max(abs(self.across), abs(self.down))


def texture(grey: NDArray[np.uint8]) -> Texture:
    """Of a picture in grey levels, of any size."""
    small = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    mean = cv2.blur(small, (_AROUND, _AROUND))
    spread = np.sqrt(np.maximum(cv2.blur(small * small, (_AROUND, _AROUND)) - mean * mean, 0))
    return unit(np.asarray((small - mean) / (spread + _FLAT), np.float32))


def unit(values: NDArray[np.float32]) -> Texture:
    """Mean 0, length 1; all 0 where there is nothing."""
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length > 0 else centred, np.float32)


def compare(seen: Texture, known: Texture) -> Likeness:
    """Correlation at every shift (by way of the spectrum, so what leaves at one edge comes in at
    the other)."""
    product = np.fft.rfft2(seen) * np.conj(np.fft.rfft2(known))
    surface = np.fft.irfft2(product, s=seen.shape)
    down, across = np.unravel_index(int(surface.argmax()), surface.shape)
    rows, columns = int(down), int(across)
    return Likeness(
        here=float(surface[0, 0]),
        best=float(surface[rows, columns]),
        across=(columns - WIDTH if columns > WIDTH // 2 else columns) / WIDTH,
        down=(rows - HEIGHT if rows > HEIGHT // 2 else rows) / HEIGHT,
    )


class Views:
    """What one camera has been seen to look at, by the kind of light (colour or grey, day or dark:
    a camera changes over to infrared at once, and a dark street shows other things).

    The first picture of a kind of light is believed, where it is dark or resembles one of another
    kind: a false ticket for each camera at dusk is worse than a change of picture missed at dusk.
    What is seen and fits is learned, so that parked cars and seasons do not add up.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bool, bool], _Known] = {}

    def recognises(self, seen: Texture) -> bool:
        """Whether it is the known view, however faint."""
        return any(compare(seen, known.texture).here >= SAME for known in self._known.values())

    def doubt(
        self, seen: Texture, *, grey: bool, dark: bool, faint: bool, octave: float
    ) -> str | None:
        """``moved``, ``wrong_scene`` or ``blurred``; None where it looks as it did.

        ``octave``: how much finer detail there is than coarser, a ratio; blur takes it away.
        ``faint``: so little is seen that it may be any view; neither believed nor doubted.
        """
        light = grey, dark
        known = self._known.get(light)
        if known is None and faint:
            return None
        if known is None:
            others = [compare(seen, other.texture).here for other in self._known.values()]
            if not others or dark or max(others) >= RESEMBLES:
                self._known[light] = _Known(seen, octave)
                return None
            return "wrong_scene"
        likeness = compare(seen, known.texture)
        if likeness.here < SAME and not (likeness.best >= MOVED and likeness.shift <= SHAKES):
            if faint:
                return None
            return "moved" if likeness.best >= MOVED else "wrong_scene"
        if octave < BLURRED * known.octave:
            return "blurred"
        if not faint:
            known.learn(seen, octave)
        return None

    def learned(self) -> list[dict[str, Any]]:
        """JSON for ``recall``, about 20 kB a kind of light."""
        return [
            {"grey": grey, "dark": dark, "octave": known.octave, "texture": _text(known.texture)}
            for (grey, dark), known in self._known.items()
        ]

    def recall(self, learned: Sequence[Mapping[str, Any]]) -> None:
        """ValueError where this is none of ``learned``."""
        try:
            known = {
                (bool(one["grey"]), bool(one["dark"])): _Known(
                    _of_text(one["texture"]), float(one["octave"])
                )
                for one in learned
            }
        except (KeyError, TypeError) as error:
            message = f"is no view ({type(error).__name__}: {error})"
            raise ValueError(message) from error
        self._known = known


def _text(known: Texture) -> str:
    top = float(np.abs(known).max())
    steps = np.rint(known * (_STEPS / top if top > 0 else 0)).astype(np.int8)
    return base64.b64encode(steps.tobytes()).decode("ascii")


def _of_text(text: str) -> Texture:
    """binascii.Error, of base64, is a ValueError."""
    steps = np.frombuffer(base64.b64decode(text, validate=True), np.int8)
    if steps.size != WIDTH * HEIGHT:
        message = f"is no view: {steps.size} parts, not {WIDTH * HEIGHT}"
        raise ValueError(message)
    return unit(steps.reshape(HEIGHT, WIDTH).astype(np.float32))


class _Known:
    def __init__(self, seen: Texture, octave: float) -> None:
        self.texture = seen
        self.octave = octave
        self._frames = 1

    def learn(self, seen: Texture, octave: float) -> None:
        self._frames = min(self._frames + 1, REMEMBERS)
        share = 1 / self._frames
        self.texture = unit((1 - share) * self.texture + share * seen)
        self.octave += share * (octave - self.octave)
