"""How often a camera that is well is called ill, and the reverse: `python -m bench.health`.

On the given clips (`CITYPATROL_DATA`), played over and over for ten minutes, a picture every five
seconds: as they are; from the third minute on with what is no fault done to them (a night's colour
cast, dim, infrared, fog, compression, rain, a lorry); and with faults done to them. Detection is
counted from when it is promised: 30 s later, for a frozen picture a minute.
"""

import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.intervals import Figure, wilson
from bench.report import arguments, report
from detectors.health import CameraHealth
from detectors.types import Frame, Pixels

FIXED: Final = (
    "intersection_traffic_lights_511wi",
    "suburban_street_fixed_camera",
    "shop_pavement_cctv",
    "motorway_overpass",
)
MOVING: Final = ("potholes_walk", "street_litter_pan_stills")
SECONDS: Final = 600
ILL_FROM_S: Final = 180
STEP_S: Final = 5
Edit = Callable[[Pixels], Pixels]


def pictures(path: Path) -> list[Pixels]:
    """One a second."""
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS)
    found: list[Pixels] = []
    number = 0
    while (read := capture.read())[0]:
        if number >= len(found) * rate:
            found.append(np.asarray(read[1], np.uint8))
        number += 1
    return found


def _noisy(pixels: NDArray[np.uint8 | np.float32], *, sigma: float) -> Pixels:
    """Each picture has noise of its own, the same in every run."""
    noise = np.random.default_rng(zlib.crc32(pixels[::7].tobytes())).normal(0, sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def _night(pixels: Pixels) -> Pixels:
    return _noisy(np.asarray(pixels * np.array([0.25, 0.32, 0.5]), np.float32), sigma=6)


def _dim(pixels: Pixels) -> Pixels:
    return _noisy(np.asarray(pixels * 0.15, np.float32), sigma=4)


def _infrared(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    lit = np.asarray(255 * (grey / 255.0) ** 0.6, np.float32)
    return np.asarray(np.repeat(_noisy(lit, sigma=8)[:, :, np.newaxis], 3, axis=2), np.uint8)


def _fog(pixels: Pixels) -> Pixels:
    hazy = np.clip(200 + (pixels.astype(np.float32) - 128) * 0.2, 0, 255)
    return np.asarray(hazy, np.uint8)


def _dense_fog(pixels: Pixels) -> Pixels:
    hazy = np.asarray(190 + (pixels.astype(np.float32) - 128) * 0.12, np.float32)
    return _noisy(hazy, sigma=1)


def _squeezed(pixels: Pixels) -> Pixels:
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 10])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def _rain(pixels: Pixels) -> Pixels:
    """Streaks at other places in each picture."""
    rng = np.random.default_rng(zlib.crc32(pixels[::5].tobytes()))
    height, width = pixels.shape[:2]
    rainy = pixels.copy()
    for x, y in zip(rng.integers(0, width, 400), rng.integers(0, height, 400), strict=True):
        end = (int(x) + width // 100, int(y) + height // 18)
        cv2.line(rainy, (int(x), int(y)), end, (200, 200, 200), 1)
    return rainy


def _lorry(pixels: Pixels) -> Pixels:
    """Two fifths of the picture are hidden."""
    hidden = pixels.copy()
    height, width = pixels.shape[:2]
    hidden[height // 4 :, width // 4 : width * 4 // 5] = (90, 60, 40)
    return hidden


BENIGN: Final[Mapping[str, Edit]] = {
    "as_it_is": lambda pixels: pixels,
    "night_cast": _night,
    "dim": _dim,
    "infrared": _infrared,
    "fog": _fog,
    "dense_fog": _dense_fog,
    "compressed": _squeezed,
    "rain": _rain,
    "lorry": _lorry,
}


def _blurred(sigma_of_640: float, *, noise: float = 0.0) -> Edit:
    def edit(pixels: Pixels) -> Pixels:
        soft = cv2.GaussianBlur(pixels, (0, 0), sigma_of_640 * pixels.shape[1] / 640)
        return (
            _noisy(np.asarray(soft, np.uint8), sigma=noise) if noise else np.asarray(soft, np.uint8)
        )

    return edit


def _turned(across: float, *, degrees: float = 0.0) -> Edit:
    """The camera turned: the view moves, and what was outside is shown as the edge repeated."""

    def edit(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turn[0, 2] += across * width
        moved = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.uint8)

    return edit


def _cloth(pixels: Pixels) -> Pixels:
    return _noisy(np.full(pixels.shape, 70, np.float32), sigma=3 + pixels.mean() / 100)


def _black(pixels: Pixels) -> Pixels:
    return _noisy(np.zeros(pixels.shape, np.float32), sigma=2 + pixels.mean() / 100)


def _of(shown: list[Pixels]) -> Edit:
    """Another camera's pictures instead."""
    return lambda pixels: shown[zlib.crc32(pixels[::9].tobytes()) % len(shown)]


def ill(clips: Mapping[str, list[Pixels]], clip: str) -> dict[str, tuple[str, Edit]]:
    """The state that is to be named, and what is done, by the name of the figure."""
    others = [name for name in FIXED if name != clip]
    edits: dict[str, tuple[str, Edit]] = {
        "black": ("black", _black),
        "covered": ("covered", _cloth),
        "frozen": ("frozen", lambda _: clips[clip][0]),
        "blurred_2": ("blurred", _blurred(2)),
        "blurred_4": ("blurred", _blurred(4)),
        "blurred_8": ("blurred", _blurred(8)),
        "blurred_4_noise": ("blurred", _blurred(4, noise=3)),
        "moved_3_percent": ("moved", _turned(0.03)),
        "moved_10_percent": ("moved", _turned(0.1)),
        "moved_25_percent": ("moved", _turned(0.25)),
        "rolled_5_degrees": ("", _turned(0.0, degrees=5)),
    }
    for other in others:
        edits[f"wrong_scene_{other.partition('_')[0]}"] = "wrong_scene", _of(clips[other])
    return edits


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


def measure(data: Path, *, seconds: int) -> dict[str, Figure]:
    clips = {name: pictures(data / "clips" / f"{name}.mp4") for name in (*FIXED, *MOVING)}
    rates: dict[str, Figure] = {}
    for kind, edit in BENIGN.items():
        wrong = kept = of = 0
        for clip in FIXED:
            played = states(clips[clip], edit=edit, seconds=seconds)
            for second, state, blind in played:
                if second >= ILL_FROM_S or kind == "as_it_is":
                    of, wrong, kept = of + 1, wrong + (state is not None), kept + blind
        rates[f"well_{kind}_called_ill"] = wilson(wrong, of=of, what="pictures")
        rates[f"well_{kind}_kept_back"] = wilson(kept, of=of, what="pictures")
    for clip in MOVING:
        found = [state for _, state, _ in states(clips[clip], edit=lambda p: p, seconds=seconds)]
        bad = sum(state is not None for state in found)
        rates[f"moving_camera_{clip.partition('_')[0]}_called_ill"] = wilson(
            bad, of=len(found), what="pictures"
        )
    hits: dict[str, list[bool]] = {}
    named: dict[str, list[bool]] = {}
    for clip in FIXED:
        for kind, (state_due, edit) in ill(clips, clip).items():
            name = "wrong_scene" if state_due == "wrong_scene" else kind
            due = 65 if kind == "frozen" else 35
            for second, state, _ in states(clips[clip], edit=edit, seconds=seconds):
                if second >= ILL_FROM_S + due:
                    hits.setdefault(name, []).append(state is not None)
                    named.setdefault(name, []).append(state == state_due)
    for name, found_ill in hits.items():
        rates[f"ill_{name}_seen"] = wilson(sum(found_ill), of=len(found_ill), what="pictures")
        if name != "rolled_5_degrees":
            right = named[name]
            rates[f"ill_{name}_named"] = wilson(sum(right), of=len(right), what="pictures")
    return rates


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    data = Path(os.environ.get("CITYPATROL_DATA", "../shared/data"))
    if not (data / "clips").is_dir():
        print(
            f"no clips in {data}: set CITYPATROL_DATA to the folder that has clips/; not measured"
        )
        return 0
    seconds = 300 if args.quick else SECONDS
    rates = measure(data, seconds=seconds)
    if not args.json:
        width = max(map(len, rates))
        for name, figure in rates.items():
            print(f"{name:{width}}  {figure.text()}")
    figures = {name: figure.value for name, figure in rates.items()}
    conditions = {"seconds_a_clip": seconds, "step_s": STEP_S, "ill_from_s": ILL_FROM_S}
    report("health", figures, conditions=conditions, as_json=True)
    return 1 if rates["well_as_it_is_called_ill"].value else 0


if __name__ == "__main__":
    sys.exit(main())
