"""ONNX Runtime, and the one place that knows how to start it."""

import ast
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.together import Together

MODELS = Path(__file__).parent / "models"
"""Where the shipped ``NAME.onnx`` lie."""
ONE_BY_ONE = 1
"""On a processor pictures go one by one: four in one call take a quarter more CPU time each, since
what they hold no longer fits into its cache."""
ON_A_GPU = 16
"""Pictures in one call: each of 640 x 640 takes some 35 MB while it runs."""
MOST_SIDE_BY_SIDE = 8


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
    most_at_once: int = ONE_BY_ONE
    """Pictures that one call should hold, where the file leaves it open."""
    together: Together | None = None

    def run(self, pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output, in the file's order. ``pictures`` may be used again afterwards."""
        if self.together is not None:
            return self.together(pictures)
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
    """Start a session for the file: on an NVIDIA GPU where the extra ``gpu`` is installed and finds
    one, else on the CPU. Raises ``ModelError``."""
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
        session = onnxruntime.InferenceSession(str(path), options, providers=_providers())
    except _load_errors() as error:
        message = f"{path}: ONNX Runtime cannot load it; is it an ONNX file? {error}"
        raise ModelError(message) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or not _takes_pictures(inputs[0]):
        found = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
        way_out = "; export it without half=True" if "float16" in found else ""
        message = (
            f"{path}: needs one float32 input [batch, 3, height, width], found {found}{way_out}"
        )
        raise ModelError(message)
    shape = tuple(size if isinstance(size, int) else None for size in inputs[0].shape)
    metadata = session.get_modelmeta().custom_metadata_map
    name = inputs[0].name
    if CUDA not in session.get_providers():
        return Model(path, session, name, shape, metadata)
    most = shape[0] or ON_A_GPU
    together = Together(lambda pictures: session.run(None, {name: pictures}), most=most)
    return Model(path, session, name, shape, metadata, most_at_once=most, together=together)


def _takes_pictures(entry: Any) -> bool:
    """An axis that is left open has a name, or none."""
    shape = entry.shape
    colours = shape[1] if len(shape) == 4 else 0
    return entry.type == "tensor(float)" and (colours == 3 or not isinstance(colours, int))


CUDA = "CUDAExecutionProvider"


def _providers() -> list[str]:
    """Best first; ONNX Runtime itself falls back to the next where one does not start."""
    import onnxruntime

    here = onnxruntime.get_available_providers()
    return [name for name in (CUDA, "CPUExecutionProvider") if name in here]


def looks_at_once() -> int:
    """How many pictures a process should look at side by side.

    On a processor one for each core but one, which is left to the rest of the city; on a GPU as
    many as fill a call. Asks which package is installed: ONNX Runtime itself takes 40 MB.
    """
    with suppress(PackageNotFoundError):
        version("onnxruntime-gpu")
        return ON_A_GPU
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(max(1, (ours or 1) - 1), MOST_SIDE_BY_SIDE)


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
