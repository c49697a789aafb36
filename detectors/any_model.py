"""A detection model of the user's own: an ONNX file, or a PyTorch one through ultralytics."""

from collections.abc import Collection, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from detectors import onnx
from detectors.tiles import Tiled
from detectors.types import Box, Detector, Finding, Pixels
from detectors.yolo import Yolo, head_fault

_TORCH = ".pt"


class AnyModel:
    """Every method raises ``ModelError`` where the file is no model that can be run here."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> tuple[str, ...]:
        """Class names, in the model's order."""
        if self._is_torch:
            return tuple(str(name) for name in _torch(self._path).names.values())
        model = onnx.shared(self._path)
        task = model.metadata.get("task", "detect")
        if task != "detect":
            message = f"{self._path}: is a model to {task}; a detection model is wanted"
            raise onnx.ModelError(message)
        names = model.names()
        fault = head_fault(model.session.get_outputs()[0].shape, classes=len(names))
        if fault is not None:
            message = f"{self._path}: {fault}"
            raise onnx.ModelError(message)
        return names

    def detector(self, *, min_score: float, classes: Collection[str], tile: int | None) -> Detector:
        """Finds these classes."""
        if self._is_torch:
            return TorchYolo(self._path, min_score=min_score, labels=classes)
        yolo = Yolo(self._path, min_score=min_score, labels=classes)
        return yolo if tile is None else Tiled(yolo, tile=tile)

    @property
    def _is_torch(self) -> bool:
        return self._path.suffix.lower() == _TORCH


class TorchYolo:
    """A detector: a ``.pt`` file as ultralytics runs it. Much slower than the same as ONNX on a
    processor, and loading one runs code that is in it: for files of your own."""

    def __init__(self, path: Path, *, min_score: float, labels: Collection[str]) -> None:
        self._path = path
        self._min_score = min_score
        self._labels = frozenset(labels)

    def __call__(self, pixels: Pixels) -> list[Finding]:
        """Findings of one picture, best first."""
        (result,) = _torch(self._path).predict(pixels, conf=self._min_score, verbose=False)
        rows: Sequence[Sequence[float]] = result.boxes.data.tolist()
        found = []
        for x1, y1, x2, y2, score, number in rows:
            label = str(result.names[int(number)])
            if label in self._labels:
                box: Box = (x1, y1, x2, y2)
                found.append(Finding(label, score, box))
        return sorted(found, key=lambda one: -one.score)


_STARTING = Lock()


def _torch(path: Path) -> Any:
    with _STARTING:
        return _loaded(path)


@cache
def _loaded(path: Path) -> Any:
    if not path.is_file():
        message = f"{path}: no such model file"
        raise onnx.ModelError(message)
    if find_spec("ultralytics") is None:
        message = (
            f"{path}: a .pt file needs ultralytics, which is not installed: install the extra "
            f"`train`, or, faster, export it once elsewhere: yolo export model={path.name} "
            "format=onnx dynamic=True"
        )
        raise onnx.ModelError(message)
    from ultralytics import YOLO

    try:
        model = YOLO(str(path), task="detect")
        task = str(model.model.args.get("task", "detect"))
    except Exception as error:  # unpickling another's file raises anything
        message = f"{path}: ultralytics cannot load it: {error}"
        raise onnx.ModelError(message) from error
    if task != "detect":
        message = f"{path}: is a model to {task}; a detection model is wanted"
        raise onnx.ModelError(message)
    return model
