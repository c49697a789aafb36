"""``citypatrol camera learn``, ``teach``, ``taught`` and ``forget`` at a camera over RTSP."""

import json
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream

from app.cli import main
from app.demo.paint import Pixels
from app.demo.plans import HEIGHT, WIDTH, junction_plan, pavement_plan
from app.demo.scenes import Junction, Pavement, State
from bench.servers.scripted import scripted_camera
from detectors.street import StreetCounts
from detectors.types import Frame
from edge.load import load_cameras
from edge.taught import Taught

FPS = 5
LEFT, RIGHT, BELOW = 400, 640, 232
"""The part of the junction that holds one head: a search of it takes two looks, not fifty."""


def film(path: Path, frames: Sequence[Pixels]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "crf": "20",
            "x264-params": "keyint=2:scenecut=0:repeat-headers=1:log-level=warning",
        }
        for pixels in frames:
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    return path


def city(folder: Path, url: str, *, detectors: str) -> Path:
    (folder / "city.yaml").write_text(
        "city: {name: A, timezone: UTC}\ncameras: cameras.yaml\n"
        "journal: {type: sqlite, path: j.db}\ninputs: []\n"
    )
    (folder / "cameras.yaml").write_text(
        f"cameras:\n  - id: dock\n    url: {url}\n    detectors: [{detectors}]\n"
    )
    return folder / "city.yaml"


def test_learn_finds_the_heads_of_a_camera_of_the_city(tmp_path, capsys):
    plan = junction_plan("road", seed=21)
    scene = Junction(plan)
    frames = [scene.render(State(), t_s=number / FPS) for number in range(16 * FPS)]
    clip = film(tmp_path / "road.mp4", [pixels[:BELOW, LEFT:RIGHT] for pixels in frames])
    x1, y1, x2, y2 = np.array(plan.heads["north"]) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
    north = ((x1 - LEFT) / (RIGHT - LEFT), y1 / BELOW, (x2 - LEFT) / (RIGHT - LEFT), y2 / BELOW)
    region = f"{{name: mast, box: [{', '.join(f'{edge:.3f}' for edge in north)}]}}"
    with scripted_camera(clip) as camera:
        at = city(
            tmp_path, camera.url("a"), detectors=f"{{type: traffic_light, regions: [{region}]}}"
        )
        words = ["dock", "--for", "15s", "--city", str(at), "--out", str(tmp_path), "--json"]
        assert main(["-q", "camera", "learn", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["searches"] >= 6
    heads = {head["name"]: head for head in said["heads"]}
    assert heads["mast"]["box"] == pytest.approx(north, abs=0.06), "it keeps its name"
    assert heads["mast"]["readable"] > 0.8
    assert {"red", "yellow", "green"} >= set(heads["mast"]["states"]) - {"dark"}
    assert cv2.imread(said["picture"]).shape[:2] >= (BELOW, RIGHT - LEFT)
    assert 'name: "mast"' in Path(said["yaml"]).read_text()


def test_what_a_camera_is_taught_counts_no_more_until_it_is_forgotten(tmp_path, capsys):
    scene = Pavement(pavement_plan(seed=21))
    littered = [scene.render(State(littered=True), t_s=second / FPS) for second in range(2 * FPS)]
    clip = film(tmp_path / "pavement.mp4", littered)
    with scripted_camera(clip) as camera:
        at = city(tmp_path, camera.url("a"), detectors="{type: street, stays: 0s}")
        where = ["--city", str(at)]
        picture = ["--picture", str(tmp_path / "taught.jpg")]
        assert main(["camera", "teach", "dock", "--for", "8s", "--json", *picture, *where]) == 0
    (taught,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert len(taught["taught"]) >= 1
    assert cv2.imread(str(tmp_path / "taught.jpg")).shape == (HEIGHT, WIDTH, 3)
    assert main(["camera", "taught", "dock", "--json", *where]) == 0
    assert json.loads(capsys.readouterr().out) == taught

    cameras, _ = load_cameras(tmp_path / "cameras.yaml")
    assert cameras is not None
    book = Taught(tmp_path / "taught.json")
    watches = cameras["dock"].watches(normal=lambda: book.of("dock"))
    (street,) = (watch for watch in watches if isinstance(watch, StreetCounts))

    def counted(*, since: int) -> float:
        for number, pixels in enumerate(littered[:4]):
            seen = street(Frame("dock", since + 2000 * number, pixels))
        return sum(one.value for one in seen.samples if one.metric.endswith(".count"))

    assert counted(since=0) == 0
    assert main(["camera", "forget", "dock", "--all", *where]) == 0
    assert counted(since=60_000) >= 1
