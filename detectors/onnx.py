"""ONNX Runtime, and the one place that knows how to start it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODELS = Path(__file__).parent / "models"
"""Where the shipped ``NAME.onnx`` lie."""


class ModelError(Exception):
    """No model that a detector can run: says which file, what is wrong, and what would fit."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One loaded network with one float32 input, NCHW. Thread-safe."""

    path: Path
    session: Any
    input_name: str
    input_shape: tuple[int | None, ...]
    """Batch, channels, height, width; None where any size will do."""
    metadata: Mapping[str, str]

    def run(self, pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output, in the file's order."""
        outputs: list[NDArray[np.float32]] = self.session.run(None, {self.input_name: pictures})
        return outputs

    def names(self) -> tuple[str, ...]:
        """Class names out of the metadata entry ``names``: ``{0: 'litter', 1: ...}``."""
        text = self.metadata.get("names")
        if text is None:
            message = (
                f"{self.path}: no class names in the model's metadata; export it with "
                "ultralytics, or set the metadata entry `names` to {0: 'litter', ...}"
            )
            raise ModelError(message)
        try:
            names = ast.literal_eval(text)
            ordered = tuple(str(names[index]) for index in range(len(names)))
        except (ValueError, SyntaxError, KeyError, TypeError) as error:
            message = f"{self.path}: metadata entry `names` is {text!r}, not {{0: 'litter', ...}}"
            raise ModelError(message) from error
        return ordered


def load(path: Path) -> Model:
    """Start a session for the file, on the CPU. Raises ``ModelError``."""
    import onnxruntime

    if not path.is_file():
        message = f"{path}: no such model file; shipped models are {', '.join(shipped())}"
        raise ModelError(message)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep what the largest picture took: 45 MB
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except _load_errors() as error:
        message = f"{path}: ONNX Runtime cannot load it; is it an ONNX file? {error}"
        raise ModelError(message) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
        message = f"{path}: needs one float32 input [batch, 3, height, width], found {found}"
        raise ModelError(message)
    shape = tuple(size if isinstance(size, int) else None for size in inputs[0].shape)
    metadata = session.get_modelmeta().custom_metadata_map
    return Model(path, session, inputs[0].name, shape, metadata)


def _load_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for a bad file: its exceptions have no common ancestor."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile")
    return (
        *(getattr(state, name) for name in (*names, "NotImplemented", "RuntimeException")),
        ValueError,
    )


_STARTING = Lock()


def shared(path: Path) -> Model:
    """The one session of this process for the file: every camera's watch uses it.

    One thread inside a call: cameras, not pictures, are what a process has many of.
    """
    with _STARTING:
        return _shared(path)


_shared = cache(load)


def shipped() -> tuple[str, ...]:
    """Names of the models that come with citypatrol."""
    return tuple(sorted(path.stem for path in MODELS.glob("*.onnx")))
