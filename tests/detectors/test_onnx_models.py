import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from detectors import onnx

ANSWER = np.zeros((2, 6), np.float32)
FLOAT16 = 10
"""Of the ONNX format's data types."""


def test_names_come_from_the_metadata(write_model: Callable[..., Path]) -> None:
    path = write_model(ANSWER, metadata={"names": "{1: 'b', 0: 'a'}"})
    assert onnx.load(path).names() == ("a", "b")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        pytest.param({}, "no class names", id="none"),
        pytest.param({"names": "oops("}, "'oops\\('", id="no python"),
        pytest.param({"names": "{1: 'a'}"}, "{1: 'a'}", id="gap"),
        pytest.param({"names": "7"}, "'7'", id="number"),
    ],
)
def test_bad_names_are_said_with_the_file(
    write_model: Callable[..., Path], metadata: dict[str, str], words: str
) -> None:
    model = onnx.load(write_model(ANSWER, metadata=metadata))
    with pytest.raises(onnx.ModelError, match=r"tiny\.onnx: .*" + words):
        model.names()


def test_a_missing_file_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(onnx.ModelError, match=r"gone\.onnx: no such model.*people, street"):
        onnx.load(tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    "data", [b"", b"this is no network", b"\x08\x08"], ids=["empty", "text", "half"]
)
def test_a_broken_file_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    with pytest.raises(onnx.ModelError, match=r"broken\.onnx"):
        onnx.load(path)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        pytest.param(("n", 12), "'n', 12", id="no picture"),
        pytest.param((1, 1, 64, 64), "1, 1, 64, 64", id="grey"),
        pytest.param((1, 64, 64, 3), "1, 64, 64, 3", id="colours last"),
    ],
)
def test_a_network_of_another_input_is_refused(
    write_model: Callable[..., Path], shape: tuple[int | str, ...], words: str
) -> None:
    path = write_model(ANSWER, shape=shape)
    with pytest.raises(onnx.ModelError, match=rf"needs one float32 input.*{words}"):
        onnx.load(path)


def test_a_network_of_half_numbers_is_refused_with_the_way_out(
    write_model: Callable[..., Path],
) -> None:
    path = write_model(ANSWER, kind=FLOAT16)
    with pytest.raises(onnx.ModelError, match=r"tensor\(float16\).*without half=True"):
        onnx.load(path)


def test_a_file_is_loaded_once(write_model: Callable[..., Path]) -> None:
    path = write_model(ANSWER)
    assert onnx.shared(path) is onnx.shared(path)


def test_the_shipped_models_are_small_and_named() -> None:
    assert onnx.shipped() == ("people", "street", "traffic_light")
    people, street, light = (onnx.MODELS / f"{name}.onnx" for name in onnx.shipped())
    assert people.stat().st_size < 12_000_000
    assert street.stat().st_size < 12_000_000
    assert light.stat().st_size < 2_000_000
    assert onnx.shared(street).names() == ("litter", "garbage_bag", "dumped_waste", "traffic_light")
    assert onnx.shared(people).names()[:3] == ("person", "bicycle", "car")
    assert onnx.shared(light).names()[:4] == ("red", "yellow", "green", "off")


def test_the_shipped_models_name_no_folder() -> None:
    for path in onnx.MODELS.glob("*.onnx"):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        said = session.get_modelmeta()
        texts = [said.description, *said.custom_metadata_map.values()]
        assert not [text for text in texts if re.search(r"(?<![:/\w])/\w", text)], path.name
