"""The `masks` part of `bench.vision`: who is covered before a picture is kept.

On people and vehicles drawn by hand in some pictures of the data folder (``masking_boxes.txt``);
what is covered too, although it is what pictures are kept for, is counted on the labelled litter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.intervals import Figure, wilson
from detectors import masking
from detectors.masking import PLATES_BELOW, Finder
from detectors.pictures import read_clip, read_picture
from detectors.train import dataset
from detectors.types import Box, Pixels

DRAWN: Final = Path(__file__).with_name("masking_boxes.txt")
COVERED: Final = 0.75
"""Share of a person, or of a vehicle's lower part, from which it counts as covered: the boxes are
drawn to 2 % of a picture."""
HIDDEN: Final = 0.5
_LITTER_SOURCES: Final = ("ams", "korea", "malta")
_MOST_LITTER: Final = 60


@dataclass(frozen=True, slots=True)
class Drawn:
    """One thing: ``kind`` person or vehicle, ``box`` in fractions."""

    kind: str
    box: Box

    @property
    def cut(self) -> bool:
        """Whether the picture's edge cuts it."""
        return min(self.box[:2]) <= 0 or max(self.box[2:]) >= 1


def drawn(path: Path = DRAWN) -> Iterator[tuple[str, list[Drawn]]]:
    """Each picture's path below the data folder, and what is in it."""
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, *words = line.split()
        things = []
        for start in range(0, len(words), 5):
            x1, y1, x2, y2 = (float(word) / 1000 for word in words[start + 1 : start + 5])
            things.append(Drawn(words[start], (x1, y1, x2, y2)))
        yield name, things


def figures(data: Path, *, quick: bool) -> dict[str, Figure]:
    """Figures by name."""
    finder = masking.everybody()
    groups: dict[str, list[bool]] = {}
    for name, things in list(drawn())[:: 4 if quick else 1]:
        covered = _covered(_pixels(data, name), finder)
        for one in things:
            good = _share(covered, _wanted(one)) >= COVERED
            source = Path(name.partition("@")[0]).stem
            source = source if "@" in name else source.partition("_")[0]
            for group in (one.kind, f"{one.kind}, {source}"):
                groups.setdefault(group, []).append(good)
            if one.cut:
                groups.setdefault("cut by the picture's edge", []).append(good)
    made = {
        f"covered: {group}": wilson(sum(good), of=len(good), what="drawn things")
        for group, good in sorted(groups.items())
    }
    return made | {"litter that a cover hides": _hidden(data, finder, quick=quick)}


def _hidden(data: Path, finder: Finder, *, quick: bool) -> Figure:
    mine = [one for one in dataset.labelled(data) if one.source in _LITTER_SOURCES]
    every = max(1, len(mine) // (_MOST_LITTER // (4 if quick else 1)))
    hidden = []
    for picture in mine[::every]:
        covered = _covered(read_picture(picture.path), finder)
        for box in picture.labels:
            across, down = box.width / 2, box.height / 2
            where = (box.x - across, box.y - down, box.x + across, box.y + down)
            hidden.append(_share(covered, where) >= HIDDEN)
    return wilson(sum(hidden), of=len(hidden), what="labelled things")


def _pixels(data: Path, name: str) -> Pixels:
    path, _, at = name.partition("@")
    if not at:
        return read_picture(data / path)
    return next(pixels for t, pixels in read_clip(data / path, every_s=1.0) if t >= float(at))


def _covered(pixels: Pixels, finder: Finder) -> NDArray[np.bool_]:
    height, width = pixels.shape[:2]
    everybody = masking.found(pixels, finder)
    made = np.zeros((height, width), np.bool_)
    for x1, y1, x2, y2 in masking.regions(
        everybody, kinds=("person", "plate"), width=width, height=height
    ):
        made[y1:y2, x1:x2] = True
    return made


def _wanted(one: Drawn) -> Sequence[float]:
    x1, y1, x2, y2 = one.box
    return (x1, y1 if one.kind == "person" else y1 + PLATES_BELOW * (y2 - y1), x2, y2)


def _share(covered: NDArray[np.bool_], box: Sequence[float]) -> float:
    height, width = covered.shape
    x1, x2 = int(box[0] * width), max(int(box[0] * width) + 1, int(box[2] * width))
    y1, y2 = int(box[1] * height), max(int(box[1] * height) + 1, int(box[3] * height))
    return float(covered[max(0, y1) : y2, max(0, x1) : x2].mean())
