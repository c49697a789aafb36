"""Makes the parts that the demo's pictures are composed of, from photographs that may be passed on.

`python -m bench.make_demo_pictures DATA` (DATA holds `litter/`, `traffic_light/`, `clips/` ... as
their SOURCES.md describe them) writes `app/demo/pictures/`. Run it only to change them: the result
is in the repository, and `app/demo/SOURCES.md` says where each part comes from.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Point = tuple[float, float]

OUT = Path(__file__).resolve().parents[1] / "app" / "demo" / "pictures"
WIDTH, HEIGHT = 1040, 585
"""A little more than is shown, so that each seed has its own frame."""
HEAD_WIDTH, HEAD_HEIGHT, HEAD_EDGE = 76, 220, 4
ROAD_SECONDS, ROAD_FPS, ROAD_START_S = 14, 2, 0.0

HEADS: Mapping[str, tuple[str, Sequence[Point]]] = {
    "red": ("0183", ((175.9, 87.7), (250.9, 85.9), (259.7, 307.7), (184.0, 310.7))),
    "yellow": ("0001", ((170.6, 105.9), (246.0, 105.9), (250.5, 327.0), (176.1, 327.0))),
    "green": ("0188", ((173.0, 112.0), (245.6, 111.7), (251.3, 327.1), (179.0, 328.0))),
}
"""One signal head photographed in three states: picture, and the housing's corners in it from the
upper left one on, clockwise."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A photograph as background. ``top``: where the cut begins, as a share of what is too high;
    ``blurred``: faces, as x, y, radius in its own pixels; ``swept``: litter that lies there, as x,
    y, radius in the pixels of the cut, painted over with what lies around it."""

    photo: str
    top: float
    blurred: Sequence[tuple[int, int, int]] = ()
    swept: Sequence[tuple[int, int, int]] = ()


GROUNDS: Mapping[str, Ground] = {
    "pavement_1": Ground("clean_076", 0.8),
    "pavement_2": Ground("clean_137", 0.6, swept=((251, 352, 14), (391, 390, 12), (749, 351, 9))),
    "pavement_3": Ground("clean_010", 0.6),
    "corner": Ground("017", 0.35, ((546, 190, 17), (676, 222, 11), (722, 228, 11), (739, 240, 11))),
}

LENSES = (0.185, 0.50, 0.81)
"""Where the middles of the lenses lie, as shares of the head's height."""
LENS_SHADE, LENS_COLOUR = 0.35, 0.3
"""The photographs were taken in front of the head, in full light; over a street the visors lie on
the lenses that are not lit: their brightness and colour become so much of what they were."""

LITTER: Mapping[str, tuple[str, tuple[int, int, int, int]]] = {
    "can": ("182", (372, 165, 422, 196)),
    "red_bag": ("147", (30, 543, 108, 602)),
    "cloth": ("011", (312, 642, 346, 682)),
    "tins": ("163", (138, 329, 175, 357)),
    "packet": ("193", (395, 482, 412, 501)),
    "cup": ("195", (506, 304, 530, 331)),
    "pink_bag": ("142", (122, 222, 212, 294)),
}
"""Things that lie on Amsterdam's streets: photograph, and a box around each in its pixels."""


def amsterdam(data: Path, number: str) -> Pixels:
    for folder in ("litter", "litter_unlabelled_amsterdam"):
        path = data / folder / "images" / f"ams_{number}.jpg"
        if path.exists():
            return _read(path)
    message = f"no photograph ams_{number}.jpg under {data}"
    raise SystemExit(message)


def _read(path: Path) -> Pixels:
    pixels = cv2.imread(str(path))
    if pixels is None:
        message = f"{path} cannot be read"
        raise SystemExit(message)
    return np.asarray(pixels, dtype=np.uint8)


def _scaled(pixels: Pixels, share: float) -> Pixels:
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, None, fx=share, fy=share, interpolation=how), np.uint8)


def ground(data: Path, spec: Ground) -> Pixels:
    """A background of WIDTH x HEIGHT."""
    photo = amsterdam(data, spec.photo)
    for x, y, radius in spec.blurred:
        part = np.s_[y - radius : y + radius, x - radius : x + radius]
        photo[part] = cv2.GaussianBlur(photo[part], (0, 0), radius / 2.5)
    photo = _scaled(photo, WIDTH / photo.shape[1])
    top = round((photo.shape[0] - HEIGHT) * spec.top)
    return _swept(photo[top : top + HEIGHT], spec.swept)


def _swept(cut: Pixels, spots: Sequence[tuple[int, int, int]]) -> Pixels:
    mask = np.zeros(cut.shape[:2], np.uint8)
    for x, y, radius in spots:
        cv2.circle(mask, (x, y), radius, 255, cv2.FILLED)
    return np.asarray(cv2.inpaint(cut, mask, 5, cv2.INPAINT_TELEA), np.uint8) if spots else cut


def heads(data: Path) -> dict[str, Pixels]:
    """The head in its states, and ``off``: each of its lenses as it is when another one is lit."""
    edge = HEAD_EDGE
    right, bottom = HEAD_WIDTH - edge, HEAD_HEIGHT - edge
    square = np.array([(edge, edge), (right, edge), (right, bottom), (edge, bottom)], np.float32)
    flat: dict[str, Pixels] = {}
    for state, (number, corners) in HEADS.items():
        photo = _read(data / "traffic_light" / "images" / f"cinta_{number}.jpg")
        warp = cv2.getPerspectiveTransform(np.array(corners, np.float32), square)
        size = (HEAD_WIDTH, HEAD_HEIGHT)
        flat[state] = np.asarray(cv2.warpPerspective(photo, warp, size, flags=cv2.INTER_CUBIC))
    third = (HEAD_HEIGHT - 2 * edge) / 3
    ends = [0, round(edge + third), round(edge + 2 * third), HEAD_HEIGHT]
    off = flat["red"].copy()
    off[: ends[1]] = flat["green"][: ends[1]]
    shaded = _shaded(off)
    states = {"off": shaded}
    for index, state in enumerate(("red", "yellow", "green")):
        part = np.s_[ends[index] : ends[index + 1]]
        light = np.clip(flat[state][part].astype(np.float32) - off[part], 0, 60).max(axis=2) / 60
        light = cv2.GaussianBlur(light, (0, 0), 1.5)[:, :, np.newaxis]
        states[state] = shaded.copy()
        mixed = shaded[part] * (1 - light) + flat[state][part] * light
        states[state][part] = np.rint(mixed).astype(np.uint8)
    alpha = np.zeros((HEAD_HEIGHT, HEAD_WIDTH), np.uint8)
    alpha[edge:bottom, edge:right] = 255
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.8), np.uint8)
    return {state: np.dstack([pixels, alpha]) for state, pixels in states.items()}


def _shaded(off: Pixels) -> Pixels:
    """The dark head with its lenses in the shadow of their visors."""
    lens = np.zeros(off.shape[:2], np.float32)
    for share in LENSES:
        middle = (HEAD_WIDTH // 2, int(HEAD_HEIGHT * share))
        cv2.circle(lens, middle, int(HEAD_WIDTH * 0.40), 1.0, cv2.FILLED)
    lens = cv2.GaussianBlur(lens, (0, 0), 2.0)[:, :, np.newaxis].astype(np.float32)
    grey = off.mean(axis=2, keepdims=True)
    pale = grey + (off - grey) * LENS_COLOUR
    mixed = pale * (1 - lens) + pale * lens * LENS_SHADE
    return np.asarray(np.rint(mixed), np.uint8)


def litter(data: Path, number: str, box: tuple[int, int, int, int]) -> Pixels:
    """The thing in the box without its ground (GrabCut), three times as large, with alpha."""
    photo = amsterdam(data, number)
    x1, y1, x2, y2 = box
    margin = int(0.5 * max(x2 - x1, y2 - y1)) + 3
    left, top = max(0, x1 - margin), max(0, y1 - margin)
    part = _scaled(photo[top : y2 + margin, left : x2 + margin], 3)
    around = tuple(3 * n for n in (x1 - left - 1, y1 - top - 1, x2 - x1 + 2, y2 - y1 + 2))
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.setRNGSeed(1)
    back, front = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(part, mask, around, back, front, 6, cv2.GC_INIT_WITH_RECT)
    inside = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, labels, facts, _ = cv2.connectedComponentsWithStats(inside)
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    alpha = np.where(labels == largest, 255, 0).astype(np.uint8)
    closed = cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    alpha = np.asarray(cv2.GaussianBlur(closed, (5, 5), 0), np.uint8)
    rows, columns = np.nonzero(alpha > 40)
    tight = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return np.dstack([part[tight], alpha[tight]]).astype(np.uint8)


def road(data: Path, path: Path) -> None:
    """Some seconds of a real street camera, few frames a second."""
    clip = data / "clips" / "suburban_street_fixed_camera.mp4"
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        out = target.add_stream("libx264", rate=ROAD_FPS)
        out.options = {"crf": "24", "preset": "slow"}
        camera = source.streams.video[0]
        out.width, out.height, out.pix_fmt = camera.width, camera.height, "yuv420p"
        taken = 0
        for frame in source.decode(video=0):
            if frame.time is None or frame.time < ROAD_START_S + taken / ROAD_FPS:
                continue
            pixels = frame.to_ndarray(format="bgr24")
            target.mux(out.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
            taken += 1
            if taken == ROAD_SECONDS * ROAD_FPS:
                break
        target.mux(out.encode(None))


def make(data: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, spec in GROUNDS.items():
        quality = [cv2.IMWRITE_JPEG_QUALITY, 90]
        cv2.imwrite(str(out / f"{name}.jpg"), ground(data, spec), quality)
    for state, pixels in heads(data).items():
        cv2.imwrite(str(out / f"head_{state}.png"), pixels)
    for name, (number, box) in LITTER.items():
        cv2.imwrite(str(out / f"litter_{name}.png"), litter(data, number, box))
    road(data, out / "road.mp4")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with the photographs")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    make(args.data, args.out)
    files = [path for path in args.out.iterdir() if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
