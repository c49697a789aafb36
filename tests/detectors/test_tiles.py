from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.tiles import SHARED, Tiled, corners, tiles
from detectors.types import Finding, Pixels


class BrightThings:
    """Finds every bright rectangle that is at least 8 pixels long after shrinking to 640."""

    def batch(self, pictures: list[Pixels]) -> list[list[Finding]]:
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Pixels) -> list[Finding]:
        share = min(1.0, 640 / max(picture.shape[:2]))
        found = []
        for shade in np.unique(picture[picture > 200]):
            rows, columns = np.nonzero(picture[..., 0] == shade)
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            if max(box[2] - box[0], box[3] - box[1]) * share >= 8:
                found.append(Finding("litter", shade / 255, tuple(map(float, box))))  # type: ignore[arg-type]
        return found


def street(*things: tuple[int, int, int, int], size: tuple[int, int] = (1080, 1920)) -> Pixels:
    pixels: NDArray[np.uint8] = np.full((*size, 3), 60, np.uint8)
    for number, (x1, y1, x2, y2) in enumerate(things):
        pixels[y1:y2, x1:x2] = 250 - number
    return pixels


@pytest.mark.parametrize("length", [640, 641, 800, 1080, 1920, 4000])
def test_tiles_cover_a_side_and_share_enough(length: int) -> None:
    starts = corners(length, tile=640)
    assert starts[0] == 0
    assert starts[-1] == max(0, length - 640)
    assert all(b - a <= 640 * (1 - SHARED) + 1 for a, b in pairwise(starts))


def test_a_picture_hardly_larger_than_a_tile_is_not_cut() -> None:
    assert list(tiles(street(size=(480, 700)), tile=640)) == []
    assert len(list(tiles(street(), tile=640))) == 2 * 4


def test_what_is_too_small_in_the_whole_picture_is_found_at_its_place() -> None:
    small, large = (1500, 700, 1512, 712), (100, 100, 900, 900)
    pixels = street(small, large)
    yolo = BrightThings()
    assert [one.box for one in yolo.batch([pixels])[0]] == [large]
    found = Tiled(yolo, tile=640)(pixels)  # type: ignore[arg-type]
    assert [one.box for one in found] == [small, large]


def test_a_thing_in_two_tiles_is_found_once_and_whole() -> None:
    border = corners(1920, tile=640)[1]
    thing = (border - 15, 300, border + 15, 330)
    found = Tiled(BrightThings(), tile=640)(street(thing))  # type: ignore[arg-type]
    assert [one.box for one in found] == [thing]


def test_nothing_there_is_nothing_found() -> None:
    assert Tiled(BrightThings(), tile=640)(street()) == []  # type: ignore[arg-type]
