"""Models of the user's own in cameras.yaml: read when the file is read, wrong ones named there."""

from pathlib import Path

import pytest

from detectors import onnx
from detectors.config import DetectorConfig
from detectors.yolo_config import YoloConfig
from edge.load import load_cameras

CAMERA = "cameras:\n  - id: dock\n    url: rtsp://h/1\n    detectors:\n"
LEFT = "polygon: [[0, 0], [1, 0], [0, 1]]"


def read(folder: Path, *entries: str) -> tuple[tuple[DetectorConfig, ...], list[str]]:
    path = folder / "cameras.yaml"
    path.write_text(CAMERA + "".join(f"      - {entry}\n" for entry in entries))
    cameras, problems = load_cameras(path)
    assert cameras is not None
    told = [str(problem).removeprefix(f"{path}:") for problem in problems]
    return cameras["dock"].detectors, told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a model in it."""
    (tmp_path / "people.onnx").symlink_to(onnx.MODELS / "people.onnx")
    return tmp_path


def test_a_model_lies_beside_the_file_and_all_its_classes_count(folder: Path) -> None:
    (entry,), problems = read(folder, "{type: yolo, model: people.onnx}")
    assert problems == []
    assert isinstance(entry, YoloConfig)
    assert entry.model == str(folder / "people.onnx")
    assert (entry.classes or {})["bus"] == "bus"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        pytest.param(
            "{type: yolo, model: gone.onnx}",
            "5:29: camera 'dock': model: ",
            id="no such file",
        ),
        pytest.param(
            "{type: yolo, model: people.onnx, classes: {persn: walker}}",
            "5:59: camera 'dock': persn: the model has no class 'persn'; did you mean 'person'?",
            id="no such class",
        ),
        pytest.param(
            "{type: yolo, model: people.onnx, classes: {person: a walker}}",
            "5:60: camera 'dock': person: 'a walker' cannot begin a metric; ",
            id="no label",
        ),
        pytest.param("{type: yolo}", "5:9: camera 'dock': ", id="no model"),
        pytest.param(
            "{type: yolo, model: people.onnx, zones: [{name: a, polygon: [[0, 0], [1, 1]]}]}",
            "5:69: camera 'dock': zone 'a': polygon: must have at least 3 points, has 2",
            id="no polygon",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(folder: Path, entry: str, problem: str) -> None:
    path = folder / "cameras.yaml"
    path.write_text(CAMERA + f"      - {entry}\n")
    _, problems = load_cameras(path)
    assert len(problems) == 1, problems
    assert str(problems[0]).removeprefix(f"{path}:").startswith(problem)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        pytest.param(
            ["{type: yolo, model: people.onnx, classes: {car: litter}}", "{type: street}"],
            "counts 'litter' on the same ground",
            id="with the street model",
        ),
        pytest.param(
            [
                f"{{type: yolo, model: people.onnx, classes: {{car: car}}, zones: [{{{LEFT}}}]}}",
                "{type: yolo, model: people.onnx, classes: {bus: car}}",
            ],
            "counts 'car' on the same ground",
            id="of two models",
        ),
    ],
)
def test_one_series_has_one_detector(folder: Path, entries: list[str], words: str) -> None:
    _, problems = read(folder, *entries)
    assert len(problems) == 1, problems
    assert words in problems[0]


def test_two_models_may_stand_in_one_camera(folder: Path) -> None:
    found, problems = read(
        folder,
        "{type: yolo, model: people.onnx, classes: {car: car}}",
        f"{{type: yolo, model: people.onnx, classes: {{car: car}}, zones: [{{name: a, {LEFT}}}]}}",
    )
    assert (len(found), problems) == (2, [])
