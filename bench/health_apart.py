"""Views that health was not tuned on, for ``bench.health``, and how any film is judged."""

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from bench.health_edits import BENIGN, Edit, black, blurred, cloth, of_scene, turned
from bench.intervals import Figure, wilson
from detectors.health import CameraHealth
from detectors.types import Frame, Pixels

ILL_FROM_S: Final = 180
STEP_S: Final = 5
FILM: Final = 12
"""Pictures of a film that is made of a still one."""


def states(
    frames: list[Pixels], *, edit: Edit, seconds: int
) -> Iterator[tuple[int, str | None, bool]]:
    """Second, fault, and whether others are kept from judging: of each picture of the run. No two
    pictures are the same to the bit, as with a real sensor, unless the edit makes them so."""
    watch = CameraHealth("bench")
    made = [edit(frame) for frame in frames]
    for second in range(0, seconds, STEP_S):
        source = made if second >= ILL_FROM_S else frames
        pixels = source[second // STEP_S % len(source)]
        if not (source is made and made[0] is made[-1]):
            pixels = pixels.copy()
            pixels[second % 7, second // 7 % 50, 0] ^= 1
        seen = watch(Frame("bench", second * 1000, pixels))
        state = seen.findings[0].state if seen.findings else None
        yield second, state, seen.blind


def apart(data: Path, *, most: int) -> dict[str, list[Pixels]]:
    """Views that the thresholds of a view were never set on, each of another place: photographs of
    roads, and every fifth picture of a drive (CamVid, sequence Seq05VD). A still picture stands for
    a fixed camera: with a sensor's noise, a light that changes, and something dark that passes.
    Whether one is sharp was set on photographs that hold these too."""
    folder = data / "backgrounds" / "images"
    paths = [*sorted(folder.glob("normalroad_*")), *sorted(folder.glob("camvid_Seq05VD_*"))[::5]]
    return {path.stem: _as_film(path) for path in paths[:: max(1, len(paths) // most)]}


def _as_film(path: Path) -> list[Pixels]:
    still = np.asarray(cv2.imread(str(path)), np.uint8)
    still = still[: still.shape[0] // 2 * 2, : still.shape[1] // 2 * 2]
    share = min(1.0, 640 / still.shape[1])
    still = np.asarray(cv2.resize(still, None, fx=share, fy=share), np.uint8)
    height, width = still.shape[:2]
    rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
    film = []
    for number in range(FILM):
        gain = 1 + 0.15 * np.sin(2 * np.pi * number / FILM)
        lit = np.asarray(still * gain + rng.normal(0, 3, still.shape), np.float32)
        left = number * width // FILM
        lit[height * 2 // 3 : height * 5 // 6, left : left + width // 8] *= 0.3
        film.append(np.clip(lit, 0, 255).astype(np.uint8))
    return film


def held_apart(data: Path, *, seconds: int, most: int) -> dict[str, Figure]:
    """The rates on views of ``apart``: well, and with faults done to them."""
    films = apart(data, most=most)
    rates: dict[str, Figure] = {}
    for kind, edit in BENIGN.items():
        wrong = of = 0
        for film in films.values():
            for second, state, _ in states(film, edit=edit, seconds=seconds):
                if second >= ILL_FROM_S or kind == "as_it_is":
                    of, wrong = of + 1, wrong + (state is not None)
        rates[f"apart_well_{kind}_called_ill"] = wilson(wrong, of=of, what="pictures")
    names = list(films)
    for kind in ("black", "covered", "blurred_4", "moved_10_percent", "wrong_scene"):
        seen = of = 0
        for index, film in enumerate(films.values()):
            edit = _FAULTS.get(kind) or of_scene(films[names[index - 1]])
            for second, state, _ in states(film, edit=edit, seconds=seconds):
                if second >= ILL_FROM_S + 35:
                    of, seen = of + 1, seen + (state is not None)
        rates[f"apart_ill_{kind}_seen"] = wilson(seen, of=of, what="pictures")
    return rates


_FAULTS: Final[Mapping[str, Edit]] = {
    "black": black,
    "covered": cloth,
    "blurred_4": blurred(4),
    "moved_10_percent": turned(0.1),
}
