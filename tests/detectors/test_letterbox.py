import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import letterbox


def filled(fitted: letterbox.Letterbox, pixels: letterbox.Pixels) -> NDArray[np.float32]:
    planes = np.full((3, *fitted.outer), np.nan, np.float32)
    fitted.fill(pixels, into=planes)
    return planes


SIZES = [
    pytest.param(480, 640, id="four to three"),
    pytest.param(1080, 1920, id="sixteen to nine"),
    pytest.param(719, 333, id="odd and upright"),
    pytest.param(1, 1, id="one dot"),
    pytest.param(7, 2000, id="a strip"),
    pytest.param(64, 64, id="already fits"),
]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("stride", [None, 32], ids=["fixed", "any size"])
def test_a_box_comes_back_to_where_it_was(height: int, width: int, stride: int | None) -> None:
    fitted = letterbox.fit(np.zeros((height, width, 3), np.uint8), side=64, stride=stride)
    top, left = fitted.offset
    whole = [left, top, left + fitted.inner[1], top + fitted.inner[0]]
    half = [left, top, left + fitted.inner[1] / 2, top + fitted.inner[0] / 2]

    back = fitted.undo(np.array([whole, half], np.float32))

    expected = [[0, 0, width, height], [0, 0, width / 2, height / 2]]
    np.testing.assert_allclose(back, expected, rtol=1e-5, atol=1e-4)


def test_the_painted_square_lies_where_undo_says() -> None:
    pixels = np.zeros((301, 503, 3), np.uint8)
    pixels[100:200, 250:400] = 255
    fitted = letterbox.fit(pixels, side=640)
    rows, columns = np.nonzero(filled(fitted, pixels)[0] > 0.75)
    edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    back = fitted.undo(np.array([edges], np.float32))[0]
    np.testing.assert_allclose(back, [250, 100, 400, 200], atol=0.8)


def test_boxes_are_cut_at_the_edges() -> None:
    fitted = letterbox.fit(np.zeros((100, 200, 3), np.uint8), side=64)
    back = fitted.undo(np.array([[-50, -50, 500, 500]], np.float32))[0]
    assert back.tolist() == [0, 0, 200, 100]


def test_the_input_is_rgb_planes_with_grey_around() -> None:
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[..., 2] = 255  # red, in BGR
    planes = filled(letterbox.fit(pixels, side=64), pixels)
    assert planes.shape == (3, 64, 64)
    assert planes.dtype == np.float32
    assert planes[:, 32, 32].tolist() == [1.0, 0.0, 0.0]
    np.testing.assert_allclose(planes[:, 0, 0], 114 / 255)


def test_a_wide_picture_is_padded_to_the_stride_only() -> None:
    fitted = letterbox.fit(np.zeros((720, 1280, 3), np.uint8), side=640, stride=32)
    assert fitted.inner == (360, 640)
    assert fitted.outer == (384, 640)


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        pytest.param((4, 5), 3, id="grey"),
        pytest.param((4, 5, 1), 3, id="grey with an axis"),
        pytest.param((4, 5, 3), 3, id="colour"),
        pytest.param((4, 5, 4), 3, id="alpha"),
    ],
)
def test_every_picture_becomes_colour(shape: tuple[int, ...], channels: int) -> None:
    pixels = np.full(shape, 9, np.uint8)
    made = letterbox.as_colour(pixels)
    assert made.shape == (4, 5, channels)
    assert (made == 9).all()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        pytest.param(np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)", id="no rows"),
        pytest.param(np.zeros((5,), np.uint8), r"shape \(5,\)", id="one axis"),
        pytest.param(np.zeros((4, 5, 2), np.uint8), "2 channels", id="two channels"),
        pytest.param(np.zeros((4, 5, 3), np.float32), "float32", id="not bytes"),
    ],
)
def test_what_is_no_picture_is_said(pixels: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        letterbox.as_colour(pixels)
