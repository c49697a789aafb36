import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from citypatrol.yamlfile import Model, load_model
from detectors.config import DetectorConfigs, build_watches
from detectors.types import Frame


class Camera(Model):
    noun = "camera"
    id: str
    detectors: DetectorConfigs = ()


GOOD = """\
id: dock
detectors:
  - {type: traffic_light, regions: [{name: north, box: [0.41, 0.12, 0.47, 0.30]},
      {name: arrow, box: [0, 0, 1, 1], dark: 90s}, {name: never, box: [0, 0, 1, 1], dark: 0s}]}
  - {type: street, zones: [{name: 人行道, polygon: [[0, 0.6], [1, 0.6], [1, 1], [0, 1]]},
                            {polygon: [[0, 0], [1, 0], [1, 1]]}], stays: 2s}
  - {type: camera, frozen_after: 90s}
"""


def read(tmp_path: Path, text: str) -> tuple[Camera | None, list[str]]:
    path = tmp_path / "camera.yaml"
    path.write_text(text, encoding="utf-8")
    camera, problems, _ = load_model(path, Camera)
    return camera, [str(problem).removeprefix(f"{path}:") for problem in problems]


def test_the_documented_form_is_read(tmp_path: Path) -> None:
    camera, problems = read(tmp_path, GOOD)
    assert problems == []
    assert camera is not None
    light, street, health = camera.detectors
    assert light.type == "traffic_light"
    assert light.regions[0].box == (0.41, 0.12, 0.47, 0.30)
    assert [region.dark for region in light.regions] == [None, 90_000, 0]
    assert street.type == "street"
    assert (street.min_score, street.tiles, street.stays) == (0.45, None, 2_000)
    assert (street.zones[0].name, street.zones[1].name) == ("人行道", None)
    assert health.type == "camera"
    assert health.frozen_after == 90_000


WRONG = [
    pytest.param("{type: pothole}", ["type", "traffic_light", "street", "camera"], id="type"),
    pytest.param("{regions: []}", ["type"], id="no type"),
    pytest.param("{type: traffic_light}", ["regions"], id="no regions"),
    pytest.param("{type: traffic_light, regions: []}", ["at least one region"], id="empty regions"),
    pytest.param(
        "{type: traffic_light, regions: "
        "[{name: a, box: [0, 0, 1, 1]}, {name: a, box: [0, 0, 1, 1]}]}",
        ["two regions are named 'a'"],
        id="double region",
    ),
    pytest.param(
        "{type: traffic_light, regions: [{name: a, box: [0.1, 0.1, 1.2, 1]}]}",
        ["fractions of the picture"],
        id="box outside",
    ),
    pytest.param(
        "{type: traffic_light, regions: [{name: a, box: [0.5, 0.1, 0.4, 1]}]}",
        ["left < right"],
        id="box turned",
    ),
    pytest.param(
        "{type: traffic_light, regions: [{name: a, box: [0.5, 0.1, 0.4]}]}",
        ["box"],
        id="three edges",
    ),
    pytest.param(
        "{type: traffic_light, regions: [{name: a/b, box: [0, 0, 1, 1]}]}", ["'/'"], id="slash"
    ),
    pytest.param(
        "{type: traffic_light, regions: [{name: ' a', box: [0, 0, 1, 1]}]}", ["spaces"], id="space"
    ),
    pytest.param(
        "{type: traffic_light, regions: [{name: a, box: [0, 0, 1, 1], boxx: 1}]}",
        ["region 'a'", "unknown key 'boxx'", "box"],
        id="unknown key",
    ),
    pytest.param(
        "{type: street, zones: [{name: a, polygon: [[0, 0], [1, 1]]}]}",
        ["at least 3 points, has 2"],
        id="two points",
    ),
    pytest.param(
        "{type: street, zones: [{name: a, polygon: [[0, 0], [1, 1], [0, 7]]}]}",
        ["fractions of the picture"],
        id="point outside",
    ),
    pytest.param(
        "{type: street, zones: [{name: a, polygon: [[0, 0], [0.5, 0.5], [1, 1]]}]}",
        ["no area"],
        id="line",
    ),
    pytest.param(
        "{type: street, zones: [{name: a, polygon: [[0, 0], [1, 0], [1, 1]]}, "
        "{name: a, polygon: [[0, 0], [1, 0], [1, 1]]}]}",
        ["two zones are named 'a'"],
        id="double zone",
    ),
    pytest.param("{type: street, min_score: 1.5}", ["min_score"], id="score"),
    pytest.param("{type: street, stays: -1s}", ["stays", "-1s"], id="stays"),
    pytest.param("{type: street, tiles: 32}", ["tiles", "320"], id="tiles too small"),
    pytest.param("{type: camera, frozen_after: soon}", ["frozen_after", "soon"], id="duration"),
    pytest.param("{type: camera}\n  - {type: camera}", ["`type: camera` stands twice"], id="twice"),
]


@pytest.mark.parametrize(("entry", "words"), WRONG)
def test_wrong_entries_are_named_with_their_place(
    tmp_path: Path, entry: str, words: list[str]
) -> None:
    _, problems = read(tmp_path, f"id: dock\ndetectors:\n  - {entry}\n")
    assert len(problems) == 1, problems
    assert problems[0].startswith(("2:", "3:")), problems
    for word in words:
        assert word in problems[0]


def test_every_camera_has_its_health_watched_first() -> None:
    (health,) = build_watches("dock", detectors=())
    seen = health(Frame("dock", 3, np.zeros((20, 20, 3), np.uint8)))
    assert (seen.samples[0].metric, seen.samples[0].value) == ("camera.fault", 1.0)


def test_a_camera_entry_changes_the_health_it_has(tmp_path: Path) -> None:
    camera, _ = read(tmp_path, "id: dock\ndetectors:\n  - {type: camera, frozen_after: 20ms}\n")
    assert camera is not None
    (health,) = build_watches("dock", detectors=camera.detectors)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (20, 20, 3), dtype=np.uint8).repeat(9, axis=0).repeat(9, axis=1)
    seen = [health(Frame("dock", ts, pixels)).samples[0].value for ts in (0, 10, 20)]
    assert seen == [0.0, 0.0, 1.0]


def test_watches_of_the_documented_form_run(tmp_path: Path) -> None:
    camera, _ = read(tmp_path, GOOD)
    assert camera is not None
    pixels = np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    samples = [
        sample
        for watch in build_watches("dock", detectors=camera.detectors)
        for second in range(3)
        for sample in watch(Frame("dock", second * 1000, pixels)).samples
    ]
    sources = {sample.source for sample in samples if sample.metric == "litter.count"}
    assert sources == {"dock/人行道", "dock"}


def test_reading_a_configuration_imports_neither_opencv_nor_onnxruntime() -> None:
    code = (
        "import sys, detectors.config; "
        "print([name for name in ('cv2', 'onnxruntime', 'av') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_street_watch_looks_at_tiles_too(tmp_path: Path) -> None:
    entry = "{type: street, tiles: 320, stays: 0s}"
    camera, problems = read(tmp_path, f"id: dock\ndetectors:\n  - {entry}\n")
    assert (camera is not None, problems) == (True, [])
    assert camera is not None
    pixels = np.random.default_rng(1).integers(0, 255, (330, 500, 3), dtype=np.uint8)
    street = camera.detectors[0].build(camera="dock")
    seen = [street(Frame("dock", ts, pixels)) for ts in range(3)]
    assert {sample.source for sample in seen[-1].samples} == {"dock"}
