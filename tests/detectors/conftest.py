"""What the tests of the detectors share: tiny networks made by hand, and the given pictures."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, value: int | str | bytes) -> bytes:
    """One protobuf field: https://protobuf.dev/programming-guides/encoding."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, array: NDArray[np.generic]) -> bytes:
    kind = {"float32": 1, "int64": 7}[array.dtype.name]
    dims = b"".join(_field(1, size) for size in array.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, array.tobytes())


def _value(name: str, shape: Sequence[int | str], kind: int = 1) -> bytes:
    dims = b"".join(
        _field(1, _field(1, size) if isinstance(size, int) else _field(2, size)) for size in shape
    )
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, dims)))


def _node(op: str, inputs: Sequence[str], output: str, attributes: bytes = b"") -> bytes:
    names = b"".join(_field(1, name) for name in inputs)
    return names + _field(2, output) + _field(4, op) + attributes


def _axis_zero() -> bytes:
    return _field(5, _field(1, "axis") + _field(3, 0) + _field(20, 2))


WriteModel = Callable[..., Path]


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Writes an ONNX file that answers every picture with the same ``output`` (one picture's)."""

    def write(
        output: NDArray[np.float32],
        *,
        shape: Sequence[int | str] = ("n", 3, 64, 64),
        metadata: dict[str, str] | None = None,
        name: str = "tiny",
        kind: int = 1,
    ) -> Path:
        tail = np.array(output.shape, np.int64)
        nodes = (
            _node("Shape", ["images"], "whole"),
            _node("Gather", ["whole", "first"], "batch", _axis_zero()),
            _node("Concat", ["batch", "tail"], "wanted", _axis_zero()),
            _node("Expand", ["answer", "wanted"], "output"),
        )
        constants = (
            _tensor("first", np.array([0], np.int64)),
            _tensor("tail", tail),
            _tensor("answer", output[None].astype(np.float32)),
        )
        graph = b"".join(_field(1, node) for node in nodes) + _field(2, "tiny")
        graph += b"".join(_field(5, constant) for constant in constants)
        graph += _field(11, _value("images", shape, kind))
        graph += _field(12, _value("output", ("n", *output.shape)))
        model = _field(1, 8) + _field(7, graph) + _field(8, _field(2, 17))
        for key, value in (metadata or {}).items():
            model += _field(14, _field(1, key) + _field(2, value))
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(model)
        return path

    return write


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder of given pictures; tests that need it are skipped where it is not."""
    folder = Path(os.environ.get("CITYPATROL_DATA", "../shared/data"))
    if not (folder / "litter" / "images").is_dir():
        pytest.skip(f"no pictures in {folder}: set CITYPATROL_DATA to the folder that has litter/")
    return folder


@pytest.fixture
def scene() -> NDArray[np.uint8]:
    """A picture with shapes and noise in it, 240 x 320."""
    rng = np.random.default_rng(7)
    ramp = np.linspace(30, 200, 320)[None, :, None] * np.ones((240, 1, 3))
    ramp[80:160, 60:140] = (40, 60, 220)
    return np.clip(ramp + rng.normal(0, 3, ramp.shape), 0, 255).astype(np.uint8)
