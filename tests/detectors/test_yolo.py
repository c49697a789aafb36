from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectors import onnx
from detectors.yolo import Yolo, decode, suppress

NAMES = {"names": "{0: 'litter', 1: 'garbage_bag'}"}
NMS_HEAD = np.array(  # two boxes on one thing, one of the other class on it, one weak: centre, size
    [
        [16, 17, 16, 50],
        [32, 32, 32, 50],
        [16, 16, 16, 8],
        [32, 32, 32, 8],
        [0.9, 0.8, 0.1, 0.2],
        [0.1, 0.1, 0.7, 0.1],
    ],
    np.float32,
)
END_TO_END = np.array(  # corners, score, class
    [[4, 8, 12, 24, 0.6, 1], [8, 16, 24, 48, 0.9, 0], [0, 0, 64, 64, 0.1, 0]], np.float32
)


def picture(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def test_an_nms_head_gives_one_box_a_thing_and_class(write_model: Callable[..., Path]) -> None:
    found = Yolo(write_model(NMS_HEAD, metadata=NAMES))(picture(64, 64))
    assert [(f.label, round(f.score, 2)) for f in found] == [("litter", 0.9), ("garbage_bag", 0.7)]
    assert found[0].box == (8.0, 16.0, 24.0, 48.0)


def test_an_end_to_end_head_is_taken_as_it_is(write_model: Callable[..., Path]) -> None:
    found = Yolo(write_model(END_TO_END, metadata=NAMES))(picture(64, 64))
    assert [(f.label, f.box) for f in found] == [
        ("litter", (8.0, 16.0, 24.0, 48.0)),
        ("garbage_bag", (4.0, 8.0, 12.0, 24.0)),
    ]


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        pytest.param(64, 64, (8, 16, 24, 48), id="same size"),
        pytest.param(128, 128, (16, 32, 48, 96), id="twice"),
        pytest.param(128, 256, (32, 0, 96, 128), id="wide: cut at the padding"),
        pytest.param(640, 333, (0, 160, 90.82, 480), id="odd and upright"),
    ],
)
@pytest.mark.parametrize("head", [NMS_HEAD, END_TO_END], ids=["nms", "end to end"])
def test_boxes_are_pixels_of_the_original(
    write_model: Callable[..., Path],
    head: np.ndarray,
    height: int,
    width: int,
    box: tuple[float, ...],
) -> None:
    found = Yolo(write_model(head, metadata=NAMES))(picture(height, width))
    assert found[0].box == pytest.approx(box, abs=0.02)


def test_a_batch_is_the_same_as_one_by_one(write_model: Callable[..., Path]) -> None:
    pictures = [picture(64, 64), picture(128, 256), picture(99, 35), picture(64, 64)]
    any_size = write_model(END_TO_END, shape=("n", 3, "h", "w"), metadata=NAMES)
    detector = Yolo(any_size)
    assert detector.batch(pictures) == [detector(pixels) for pixels in pictures]
    assert detector.batch([]) == []


@pytest.mark.parametrize("batch", [1, 2, 3], ids=str)
def test_a_network_of_fixed_batch_takes_any_number(
    write_model: Callable[..., Path], batch: int
) -> None:
    path = write_model(END_TO_END, shape=(batch, 3, 64, 64), metadata=NAMES)
    found = Yolo(path).batch([picture(64, 64)] * 4)
    assert [len(findings) for findings in found] == [2, 2, 2, 2]


def test_scores_and_labels_choose(write_model: Callable[..., Path]) -> None:
    path = write_model(END_TO_END, metadata=NAMES)
    assert len(Yolo(path, min_score=0.05)(picture(64, 64))) == 3
    assert len(Yolo(path, min_score=0.7)(picture(64, 64))) == 1
    assert [f.label for f in Yolo(path, labels=["garbage_bag"])(picture(64, 64))] == ["garbage_bag"]


def test_grey_pictures_are_read_and_empty_ones_refused(write_model: Callable[..., Path]) -> None:
    detector = Yolo(write_model(END_TO_END, metadata=NAMES))
    assert len(detector(np.zeros((64, 64), np.uint8))) == 2
    with pytest.raises(ValueError, match="not a picture"):
        detector(np.zeros((0, 64, 3), np.uint8))


def test_another_output_is_named_with_its_file(write_model: Callable[..., Path]) -> None:
    detector = Yolo(write_model(np.zeros((5, 7), np.float32), metadata=NAMES))
    with pytest.raises(onnx.ModelError, match=r"tiny\.onnx: output of shape \[5, 7\]"):
        detector(picture(64, 64))


@pytest.mark.parametrize("number", [2, -1, 7], ids=["one more", "below", "far"])
def test_a_class_without_a_name_is_said_with_its_file(
    write_model: Callable[..., Path], number: int
) -> None:
    answer = np.array([[8, 16, 24, 48, 0.9, number]], np.float32)
    yolo = Yolo(write_model(answer, metadata=NAMES))
    with pytest.raises(onnx.ModelError, match=rf"tiny\.onnx: found class {number}, and it names 2"):
        yolo(picture(64, 64))


def test_what_is_no_box_in_the_picture_is_left_out(write_model: Callable[..., Path]) -> None:
    nan, inf = float("nan"), float("inf")
    rows = [[nan, 2, 9, 9, 0.9, 0], [2, 2, inf, 9, 0.9, 0], [-9, 2, -2, 9, 0.9, 0]]
    answer = np.array([*rows, [8, 16, 24, 48, 0.9, 0]], np.float32)
    found = Yolo(write_model(answer, metadata=NAMES))(picture(64, 64))
    assert [one.box for one in found] == [(8.0, 16.0, 24.0, 48.0)]
    head = NMS_HEAD.copy()
    head[0, 0] = nan
    found = Yolo(write_model(head, metadata=NAMES, name="nms"))(picture(64, 64))
    assert [round(one.score, 2) for one in found] == [0.8, 0.7]


def test_suppression_keeps_the_best_of_each_class() -> None:
    rows = np.array(
        [
            [0, 0, 10, 10, 0.5, 0],
            [0, 0, 10, 11, 0.9, 0],
            [0, 0, 10, 10, 0.4, 1],
            [50, 50, 60, 60, 0.3, 0],
        ],
        np.float32,
    )
    kept = suppress(rows, iou=0.6)
    assert kept[:, 4].tolist() == pytest.approx([0.9, 0.4, 0.3])


def test_boxes_at_the_bound_stay_apart() -> None:
    rows = np.array([[0, 0, 10, 10, 0.9, 0], [0, 5, 10, 15, 0.8, 0]], np.float32)  # a third
    assert len(suppress(rows, iou=1 / 3 + 1e-6)) == 2
    assert len(suppress(rows, iou=1 / 3 - 1e-3)) == 1


def test_two_classes_and_six_rows_are_an_nms_head() -> None:
    # [6, 6] could be either: the NMS form wins where the rows are 4 + classes.
    output = np.zeros((6, 6), np.float32)
    output[:4, 0] = (10, 10, 4, 4)
    output[5, 0] = 0.9
    rows = decode(output, classes=2, min_score=0.5, iou=0.6)
    assert rows.tolist() == [pytest.approx([8, 8, 12, 12, 0.9, 1])]
