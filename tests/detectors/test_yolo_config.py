from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectors.types import Frame
from detectors.yolo_config import YoloConfig

END_TO_END = np.array([[8, 16, 24, 48, 0.9, 1], [4, 8, 12, 24, 0.6, 0]], np.float32)
FEW = {"names": "{0: 'traffic light', 1: 'car'}", "task": "detect"}
COCO = {"names": str({number: f"class{number}" for number in range(80)})}
WriteModel = Callable[..., Path]


def config(path: Path, **more: object) -> YoloConfig:
    return YoloConfig.model_validate({"type": "yolo", "model": str(path), **more})


def test_a_model_is_counted_by_our_labels(write_model: WriteModel) -> None:
    path = write_model(END_TO_END, metadata=FEW)
    entry = config(path, classes={"car": "vehicle"})
    assert list(entry.faults()) == []
    seen = entry.settled().build(camera="dock")(Frame("dock", 5, np.zeros((64, 64, 3), np.uint8)))
    assert [(one.metric, one.value) for one in seen.samples] == [
        ("vehicle.count", 1.0),
        ("vehicle.dwell", 0.0),
        ("vehicle.score", pytest.approx(0.9)),
    ]


def test_without_classes_a_small_model_counts_them_all(write_model: WriteModel) -> None:
    entry = config(write_model(END_TO_END, metadata=FEW))
    assert list(entry.faults()) == []
    assert entry.settled().classes == {"traffic light": "traffic_light", "car": "car"}


def test_the_path_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    entry = config(Path("models/x.onnx"))
    assert entry.within(tmp_path).model == str(tmp_path / "models/x.onnx")
    assert config(Path("/srv/x.onnx")).within(tmp_path).model == "/srv/x.onnx"


@pytest.mark.parametrize(
    ("classes", "key", "words"),
    [
        pytest.param({"cat": "x"}, ("classes", "cat"), ["no class 'cat'", "'car'?"], id="near"),
        pytest.param(
            {"zebra": "x"}, ("classes", "zebra"), ["it has traffic light, car"], id="far from all"
        ),
    ],
)
def test_a_class_that_the_model_lacks_is_named(
    write_model: WriteModel, classes: dict[str, str], key: tuple[str, ...], words: list[str]
) -> None:
    path = write_model(END_TO_END, metadata=FEW)
    ((keys, message),) = config(path, classes=classes).faults()
    assert keys == key
    for word in words:
        assert word in message


def test_many_classes_need_a_choice(write_model: WriteModel) -> None:
    path = write_model(END_TO_END, metadata=COCO)
    ((keys, message),) = config(path).faults()
    assert keys == ("model",)
    assert "has 80 classes; choose those that count with classes: {class0: class0}" in message
    assert list(config(path, classes={"class7": "seven"}).faults()) == []
    ((_, message),) = config(path, classes={"cat": "x"}).faults()
    assert message.endswith("class11 and 68 more")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        pytest.param("x.onnx", None, ["no such model file"], id="not there"),
        pytest.param("x.onnx", b"weights", ["is it an ONNX file?"], id="no ONNX"),
        pytest.param("x.onnx", b"", ["x.onnx"], id="empty"),
        pytest.param("x.pt", None, ["no such model file"], id="no PyTorch file"),
    ],
)
def test_a_wrong_file_is_named(
    tmp_path: Path, name: str, data: bytes | None, words: list[str]
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    ((keys, message),) = config(path, classes={"car": "car"}).faults()
    assert keys == ("model",)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        pytest.param({}, "no class names", id="no names"),
        pytest.param({"names": "cars"}, "metadata entry `names` is 'cars'", id="odd names"),
        pytest.param(FEW | {"task": "segment"}, "is a model to segment", id="another task"),
    ],
)
def test_a_model_without_what_is_needed_is_named(
    write_model: WriteModel, metadata: dict[str, str], words: str
) -> None:
    path = write_model(END_TO_END, metadata=metadata)
    ((_, message),) = config(path, classes={"car": "car"}).faults()
    assert words in message


@pytest.mark.parametrize(
    "shape", [(5,), (38, 4), (1, 6, 4)], ids=["flat", "masks beside boxes", "three axes"]
)
def test_a_model_of_another_output_is_named_before_it_runs(
    write_model: WriteModel, shape: tuple[int, ...]
) -> None:
    path = write_model(np.zeros(shape, np.float32), metadata=FEW)
    ((keys, message),) = config(path, classes={"car": "car"}).faults()
    assert keys == ("model",)
    assert f"tiny.onnx: output of shape {list(shape)} a picture is no YOLO head" in message


def test_a_pytorch_file_runs_through_ultralytics_or_says_how(tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(b"weights")
    ((_, message),) = config(path, classes={"car": "car"}).faults()
    ways_out = ("yolo export model=mine.pt format=onnx", "ultralytics cannot load it")
    assert any(way in message for way in ways_out)
