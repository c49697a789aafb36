"""``citypatrol camera teach``, ``taught`` and ``forget``, on a pavement of the demo's."""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cli import main
from app.commands.camera_teach import EVERY_MS, teach
from app.demo.plans import pavement_plan
from app.demo.scenes import Pavement, State
from app.outcome import OutsideError
from detectors.street import StreetCounts
from detectors.types import Frame, Pixels
from edge.load import load_cameras
from edge.taught import Taught, taught, write

CITY = """city: {name: A, timezone: UTC}
cameras: cameras.yaml
journal: {type: sqlite, path: j.db}
inputs: []
"""
CAMERAS = """cameras:
  - id: dock
    url: rtsp://10.0.0.7/1
    detectors: [{type: street, stays: 0s}]
  - {id: gate, url: "rtsp://10.0.0.8/1"}
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    (tmp_path / "city.yaml").write_text(CITY)
    (tmp_path / "cameras.yaml").write_text(CAMERAS)
    return tmp_path / "city.yaml"


def played(*pictures: Pixels):
    """A camera that shows these, one after the other."""

    def watch(source, *, seconds, see):
        assert source.every_ms == EVERY_MS
        for number, pixels in enumerate(pictures):
            see(Frame(source.id, number * EVERY_MS, pixels))

    return watch


def order(city: Path, **more: object) -> argparse.Namespace:
    known = {"camera": "dock", "city": city, "watch_s": 20.0, "picture": None, "json": True}
    return argparse.Namespace(**{**known, **more})


def lines(said: str) -> list[dict]:
    return [json.loads(line) for line in said.splitlines()]


def test_what_lies_there_is_taught_listed_used_and_forgotten(city, capsys):
    scene = Pavement(pavement_plan(seed=21))
    littered = [scene.render(State(littered=True), t_s=second / 2) for second in range(4)]
    picture = city.parent / "taught.jpg"
    assert teach(order(city, picture=picture), watch=played(*littered)) == 0
    (answer,) = lines(capsys.readouterr().out)
    assert answer["camera"] == "dock"
    assert len(answer["taught"]) >= 1
    assert cv2.imread(str(picture)).shape == littered[0].shape

    assert teach(order(city, json=False), watch=played(*littered)) == 0
    assert "nothing lies there now that it was not taught before" in capsys.readouterr().out

    cameras, _ = load_cameras(city.parent / "cameras.yaml")
    assert cameras is not None
    known = Taught(city.parent / "taught.json")
    (street,) = (
        watch
        for watch in cameras["dock"].watches(normal=lambda: known.of("dock"))
        if isinstance(watch, StreetCounts)
    )
    for number, pixels in enumerate(littered):
        samples = street(Frame("dock", number * EVERY_MS, pixels)).samples
    assert {sample.value for sample in samples if sample.metric == "litter.count"} == {0.0}

    assert main(["camera", "taught", "--city", str(city), "--json"]) == 0
    assert lines(capsys.readouterr().out) == [answer]
    assert main(["camera", "forget", "dock", "1", "--city", str(city)]) == 0
    assert capsys.readouterr().out == "dock: 1 forgotten\n"


def test_a_clean_street_teaches_nothing(city, capsys):
    scene = Pavement(pavement_plan(seed=21))
    clean = [scene.render(State(), t_s=second / 2) for second in range(4)]
    assert teach(order(city), watch=played(*clean)) == 0
    assert lines(capsys.readouterr().out) == [{"camera": "dock", "taught": []}]
    assert not (city.parent / "taught.json").exists()
    assert main(["camera", "taught", "--city", str(city)]) == 0
    assert capsys.readouterr().out.startswith("no camera was taught anything")


def test_a_blind_camera_is_taught_nothing(city):
    black = np.zeros((96, 160, 3), np.uint8)
    with pytest.raises(OutsideError, match="dock: sees nothing now"):
        teach(order(city), watch=played(black))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(["taught", "dock"], 0, "dock:   1  litter", id="one camera's"),
        pytest.param(["taught", "gate"], 0, "gate: was taught nothing", id="none"),
        pytest.param(["forget", "dock", "9"], 1, "has no number 9; it has 1, 2", id="number"),
        pytest.param(["forget", "dock"], 2, "say the numbers", id="no number"),
        pytest.param(["forget", "dock", "1", "--all"], 2, "say the numbers", id="both"),
        pytest.param(["forget", "dock", "--all"], 0, "dock: 2 forgotten", id="all"),
        pytest.param(["taught", "quay"], 1, "no camera 'quay'", id="taught, no camera"),
        pytest.param(["forget", "quay", "--all"], 1, "no camera 'quay'", id="forget, no camera"),
        pytest.param(["teach", "gate"], 1, "no detector of `type: street`", id="no street"),
        pytest.param(["teach", "quay"], 1, "no camera 'quay'", id="no camera"),
        pytest.param(["teach", "dock", "--for", "1s"], 2, "must be 8s to 10m", id="too short"),
        pytest.param(["teach", "dock", "--picture", "x.png"], 2, ".jpg", id="no jpg"),
    ],
)
def test_what_is_said(city, capsys, words, status, said):
    book, _ = taught({}, "dock", [("litter", (0.1, 0.1, 0.2, 0.2))] * 2, at=0)
    write(city.parent / "taught.json", book)
    try:
        got = main(["camera", *words, "--city", str(city)])
    except SystemExit as ended:
        got = ended.code
    heard = capsys.readouterr()
    assert (got, said in heard.out + heard.err) == (status, True), heard


def test_a_damaged_file_is_named_and_left_alone(city, capsys):
    (city.parent / "taught.json").write_text("{")
    assert main(["camera", "taught", "--city", str(city)]) == 1
    assert "taught.json: is damaged" in capsys.readouterr().err
    assert (city.parent / "taught.json").read_text() == "{"
