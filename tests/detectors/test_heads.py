from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors import heads
from detectors.heads import (
    HEIGHT,
    NOTHING_SEEN,
    WIDTH,
    HeadReader,
    crop,
    judge,
    usable_box,
    without_colour,
)


def weights(**given: float) -> np.ndarray:
    return np.array([given.get(state, 0.0) for state in heads.STATES], np.float32)


@pytest.mark.parametrize(
    ("row", "state", "readable", "lit"),
    [
        pytest.param(weights(red=0.9, off=0.1), "red", True, 0.9, id="red"),
        pytest.param(
            weights(yellow=0.5, red=0.45, off=0.05), "yellow", True, 0.95, id="red or yellow"
        ),
        pytest.param(weights(off=0.98, green=0.02), "off", True, 0.02, id="dark"),
        pytest.param(weights(off=0.5, red=0.5), "red", True, 0.5, id="on the edge"),
        pytest.param(
            weights(back_or_side=0.9, off=0.1), "back_or_side", False, 0.81, id="turned away"
        ),
        pytest.param(weights(none=1.0), "unreadable", False, 0.9, id="no head"),
        pytest.param(weights(off=0.55, none=0.45), "unreadable", False, 0.405, id="hardly dark"),
    ],
)
def test_weights_become_a_reading(row: np.ndarray, state: str, readable: bool, lit: float) -> None:
    reading = judge(row)
    assert (reading.state, reading.readable) == (state, readable)
    assert reading.lit == pytest.approx(lit, abs=1e-5)


def test_what_cannot_be_seen_is_never_dark() -> None:
    for share in np.linspace(0, 1, 21):
        for unseen in ("none", "back_or_side"):
            reading = judge(weights(**{unseen: 1 - share, "off": share}))
            assert reading.readable or reading.state in ("unreadable", "back_or_side")
            assert not (reading.lit < 0.5 and reading.readable and share < heads.READABLE)


@pytest.mark.parametrize(
    ("box", "usable"),
    [
        pytest.param((10, 10, 30, 60), True, id="inside"),
        pytest.param((10, 10, 15, 60), False, id="too narrow"),
        pytest.param((10, 60, 30, 10), False, id="upside down"),
        pytest.param((90, 10, 130, 60), False, id="mostly outside"),
        pytest.param((-2, 10, 30, 60), True, id="a little outside"),
        pytest.param((200, 10, 230, 60), False, id="all outside"),
        pytest.param((float("nan"), 10, 30, 60), False, id="no number"),
    ],
)
def test_boxes_that_hold_no_head_are_not_read(box: tuple[float, ...], usable: bool) -> None:
    assert usable_box(box, width=100, height=80) is usable  # type: ignore[arg-type]


def test_a_box_that_cannot_be_read_is_unreadable_not_dark() -> None:
    reader = heads.HeadReader()
    (reading,) = reader(np.zeros((80, 100, 3), np.uint8), [(0, 0, 3, 3)])
    assert (reading.state, reading.readable) == ("unreadable", False)
    assert reading.lit > 0.5


def test_crops_keep_proportions() -> None:
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[50:150, 80:120] = 255
    made = crop(pixels, (80, 50, 120, 150))
    assert made.shape == (HEIGHT, WIDTH, 3)
    bright = made[..., 0] > 128
    tall, wide = np.ptp(np.nonzero(bright)[0]) + 1, np.ptp(np.nonzero(bright)[1]) + 1
    assert tall / wide == pytest.approx(100 / 40, rel=0.15)


def test_a_lying_head_is_stood_up_with_its_left_lamp_on_top() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[40:60, 50:70] = (0, 0, 255)
    made = crop(pixels, (50, 40, 110, 60))
    rows = np.nonzero(made[..., 2] > 128)[0]
    assert rows.mean() < HEIGHT / 2


def test_crops_reach_over_the_edge_of_the_picture() -> None:
    pixels = np.full((40, 40, 3), 77, np.uint8)
    assert (crop(pixels, (0, 0, 12, 40)) == 77).all()


def test_no_boxes_no_readings() -> None:
    assert heads.HeadReader()(np.zeros((80, 100, 3), np.uint8), []) == []


def _tinted(pixels: np.ndarray) -> np.ndarray:
    grey = pixels.mean(axis=2, keepdims=True)
    return np.clip(grey * 0.8 + (40, 0, 20), 0, 255).astype(np.uint8)


def _lamp_at_night(pixels: np.ndarray) -> np.ndarray:
    night = np.full((1080, 1920, 3), 12, np.uint8)
    night[500:512, 900:912] = (20, 30, 240)
    return night


@pytest.mark.parametrize(
    ("change", "without"),
    [
        pytest.param(lambda pixels: pixels, False, id="colour"),
        pytest.param(lambda pixels: pixels // 8, False, id="colour at dusk"),
        pytest.param(
            lambda pixels: np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2), True, id="grey"
        ),
        pytest.param(_tinted, True, id="one tint"),
        pytest.param(_lamp_at_night, True, id="one lamp in the night"),
        pytest.param(lambda pixels: pixels[:1, :1], True, id="one dot"),
    ],
)
def test_a_picture_without_colour_is_known(
    scene: np.ndarray, change: Callable[[np.ndarray], np.ndarray], without: bool
) -> None:
    assert without_colour(change(scene).astype(np.uint8)) is without


def test_in_black_and_white_no_head_is_dark_and_in_the_night_a_lit_one_is_read(
    pictures: Path,
) -> None:
    reader, boxes = HeadReader(), [(170.0, 130.0, 253.0, 325.0)]
    day = cv2.imread(str(pictures / "traffic_light" / "images" / "cinta_0000.jpg"))
    (seen,) = reader(day, boxes)
    assert (seen.state, seen.readable) == ("red", True)
    grey = cv2.cvtColor(cv2.cvtColor(day, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert [one.readable for one in reader.cuts([(grey, boxes[0])])] == [True]
    assert reader(grey, boxes) == [NOTHING_SEEN]
    night = np.zeros((2400, 2400, 3), np.uint8)
    night[:416, :416] = day
    x1, y1, x2, y2 = (int(edge) for edge in boxes[0])
    night[:y1], night[y2:], night[:, :x1], night[:, x2:] = 0, 0, 0, 0
    assert [one.readable for one in reader(night, boxes)] == [True]
