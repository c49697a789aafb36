"""The shipped models on real pictures: floors under what was measured, with slack.

They guard against a broken export or preprocessing, not against a slightly worse model; the
figures themselves are in docs/models/.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from detectors import onnx
from detectors import pictures as files
from detectors.config import STREET_MIN_SCORE
from detectors.heads import HeadReader
from detectors.traffic_light import FixedHeads, Region
from detectors.train.dark_heads import edit
from detectors.train.sources import LIGHT, Picture, as_heads, litter, traffic_lights
from detectors.types import Box, Frame
from detectors.yolo import Yolo, overlap

CLIP = "clips/intersection_traffic_lights_511wi.mp4"
SIZE = (1056, 720)
FACING: dict[str, Box] = {
    "near": (656, 324, 677, 385),
    "left": (194, 170, 207, 204),
    "far": (725, 145, 739, 184),
}
TURNED_AWAY: dict[str, Box] = {"by near": (679, 303, 691, 375), "island": (324, 258, 341, 321)}


def street(min_score: float = STREET_MIN_SCORE) -> Yolo:
    return Yolo(onnx.MODELS / "street.onnx", min_score=min_score)


def recall(chosen: Iterator[Picture], *, label: str, kind: int) -> float:
    """Of the labelled things of a kind, the share that a finding covers by half."""
    detector = street()
    found = labels = 0
    for picture in chosen:
        pixels = files.read_picture(picture.path)
        height, width = pixels.shape[:2]
        boxes = [one.box for one in detector(pixels) if one.label == label]
        for truth in (one for one in picture.labels if one.kind == kind):
            corners = (
                (truth.x - truth.width / 2) * width,
                (truth.y - truth.height / 2) * height,
                (truth.x + truth.width / 2) * width,
                (truth.y + truth.height / 2) * height,
            )
            labels += 1
            others = np.array(boxes, np.float32).reshape(-1, 4)
            found += bool((overlap(np.array(corners, np.float32), others) >= 0.5).any())
    return found / labels


def set_aside(folder: Path, source: str, count: int) -> Iterator[Picture]:
    mine = (one for one in litter(folder) if one.source == source and one.validation)
    return islice(mine, count)


@pytest.mark.parametrize(
    ("source", "label", "kind", "floor"),
    [
        pytest.param("malta", "garbage_bag", 1, 0.70, id="bags on Maltese streets"),
        pytest.param("taco", "litter", 0, 0.30, id="litter from eye height"),
    ],
)
def test_street_finds_what_training_never_saw(
    pictures: Path, source: str, label: str, kind: int, floor: float
) -> None:
    assert recall(set_aside(pictures, source, 24), label=label, kind=kind) >= floor


def test_street_finds_signal_heads(pictures: Path) -> None:
    heads = (as_heads(picture) for picture in islice(traffic_lights(pictures), 0, 240, 10))
    assert recall(heads, label="traffic_light", kind=LIGHT) >= 0.65


def test_people_finds_cars_and_whoever_walks_by(pictures: Path) -> None:
    detector = Yolo(onnx.MODELS / "people.onnx", min_score=0.4)
    clips = {"motorway_overpass.mp4": "car", "shop_pavement_cctv.mp4": "person"}
    for name, label in clips.items():
        _, pixels = next(files.read_clip(pictures / "clips" / name))
        assert label in {one.label for one in detector(pixels)}, name


def frames(folder: Path) -> Iterator[Frame]:
    for at, pixels in islice(files.read_clip(folder / CLIP, every_s=5.0), 6):
        yield Frame("511wi", round(at * 1000), pixels)


def watch(boxes: dict[str, Box]) -> FixedHeads:
    width, height = SIZE
    regions = [
        Region(name, (x1 / width, y1 / height, x2 / width, y2 / height))
        for name, (x1, y1, x2, y2) in boxes.items()
    ]
    return FixedHeads("511wi", regions=regions, reader=HeadReader())


def test_working_lights_of_a_real_street_camera_are_lit(pictures: Path) -> None:
    look = watch(FACING)
    samples = [sample for frame in frames(pictures) for sample in look(frame).samples]
    assert len(samples) == 6 * len(FACING)
    assert min(sample.value for sample in samples) > 0.5


def test_heads_turned_away_say_nothing(pictures: Path) -> None:
    look = watch(TURNED_AWAY)
    assert [sample for frame in frames(pictures) for sample in look(frame).samples] == []


def test_lit_and_switched_off_heads_are_told_apart(pictures: Path) -> None:
    reader, rng = HeadReader(), np.random.default_rng(11)
    right = looked = 0
    for picture in islice(traffic_lights(pictures), 0, 400, 4):
        pixels = files.read_picture(picture.path)
        height, width = pixels.shape[:2]
        for label in picture.labels:
            if label.kind > 2 or label.height * height < 40:
                continue
            x1, y1 = (label.x - label.width / 2) * width, (label.y - label.height / 2) * height
            x2, y2 = x1 + label.width * width, y1 + label.height * height
            area = (slice(max(0, round(y1)), round(y2)), slice(max(0, round(x1)), round(x2)))
            dark = edit(pixels[area], label.kind, "switched_off", rng)
            if dark is None:
                continue
            off = pixels.copy()
            off[area] = dark
            lit_now = reader(pixels, [(x1, y1, x2, y2)])[0].lit
            lit_then = reader(off, [(x1, y1, x2, y2)])[0].lit
            looked += 1
            right += lit_now > 0.5 > lit_then
    assert looked > 20
    assert right / looked > 0.8
