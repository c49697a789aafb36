"""One camera's detectors, with one that fails and a disk that is full."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from structlog.testing import capture_logs

from citypatrol.evidence import EvidenceStore
from citypatrol.metrics import REGISTRY
from citypatrol.samples import Sample
from detectors.evidence import draw
from detectors.types import Finding, Frame, Pixels, Seen, UnmaskedError, Watch
from edge.eye import Eye


def frame(ts: int) -> Frame:
    return Frame("dock", ts, np.full((90, 160, 3), 90, dtype=np.uint8))


class Counts:
    """Sees as much litter as it is told."""

    def __init__(self, count: float) -> None:
        self.count = count

    def __call__(self, frame: Frame) -> Seen:
        samples = [Sample("dock/pavement", "litter.count", frame.ts, self.count)]
        samples.append(Sample("dock", "camera.brightness", frame.ts, 90.0))
        return Seen(tuple(samples), (Finding("litter", 0.8, (10.0, 20.0, 40.0, 50.0)),))


class Fails:
    def __call__(self, frame: Frame) -> Seen:
        raise ZeroDivisionError


class FullDisk:
    def put(self, jpeg: bytes, findings: Mapping[str, Any]) -> str:
        raise OSError(28, "No space left on device")


def eye(tmp_path: Path, *watches: Watch) -> Eye:
    return Eye("dock", watches=watches, evidence=EvidenceStore(tmp_path), draw=draw)


def test_what_is_seen_has_its_picture(tmp_path: Path) -> None:
    litter, brightness = eye(tmp_path, Counts(2)).look(frame(7000))
    assert litter[:4] == ("dock/pavement", "litter.count", 7000, 2.0)
    assert brightness.evidence is None
    assert litter.evidence is not None
    store = EvidenceStore(tmp_path)
    path = store.path(litter.evidence)
    assert path is not None
    picture = cv2.imread(str(path))
    assert picture.shape == (90, 160, 3)
    assert abs(int(picture[20, 25, 2]) - 235) < 60, "the box is drawn in red"
    assert store.findings(litter.evidence) == {
        "camera": "dock",
        "ts": 7000,
        "width": 160,
        "height": 90,
        "findings": [
            {
                "label": "litter",
                "score": 0.8,
                "box": [10.0, 20.0, 40.0, 50.0],
                "lit": None,
                "state": None,
            }
        ],
    }


def test_a_dull_frame_leaves_nothing_on_disk(tmp_path: Path) -> None:
    assert [sample.evidence for sample in eye(tmp_path, Counts(0)).look(frame(1))] == [None, None]
    assert list(tmp_path.iterdir()) == []


def test_a_detector_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    labels = {"stage": "detectors", "reason": "error"}
    before = REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0
    looking = eye(tmp_path, Fails(), Counts(1))
    with capture_logs() as logs:
        for second in range(0, 150, 10):
            samples = looking.look(frame(second * 1000))
            assert [sample.metric for sample in samples] == ["litter.count", "camera.brightness"]
    assert (REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0) - before == 15
    assert [(line["event"], line["camera"]) for line in logs] == [
        ("detector Fails failed", "dock")
    ] * 3, "once a minute"
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)


def test_a_full_disk_costs_the_picture_and_not_the_sample() -> None:
    looking = Eye("dock", watches=[Counts(1)], evidence=FullDisk(), draw=draw)
    with capture_logs() as logs:
        samples = looking.look(frame(1))
    assert [sample.evidence for sample in samples] == [None, None]
    assert logs[0]["event"] == "the picture was not kept"


def test_a_picture_that_cannot_be_masked_is_not_kept_and_said(tmp_path: Path) -> None:
    def paint(pixels: Pixels, findings: Sequence[Finding], *, camera: str, at: int) -> bytes:
        message = "nobody could be looked for in the picture"
        raise UnmaskedError(message)

    labels = {"stage": "evidence", "reason": "unmasked"}
    before = REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0
    looking = Eye("dock", watches=[Counts(1)], evidence=EvidenceStore(tmp_path), draw=paint)
    with capture_logs() as logs:
        samples = looking.look(frame(1))
    assert [sample.evidence for sample in samples] == [None, None]
    assert (REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0) - before == 1
    assert logs[0]["event"] == "no picture is kept: nobody in it is masked"
    assert list(tmp_path.iterdir()) == []


def test_what_is_gone_has_the_picture_after(tmp_path: Path) -> None:
    counts = Counts(2)
    looking = eye(tmp_path, counts)
    first = looking.look(frame(1000))[0].evidence
    counts.count = 0
    after = looking.look(frame(2000))[0]
    assert after.value == 0
    assert after.evidence is not None
    assert after.evidence != first
    assert [one.evidence for one in looking.look(frame(3000))] == [None, None]


@pytest.mark.parametrize("value", [0.5, 1.0])
def test_a_lamp_that_is_lit_needs_no_picture(tmp_path: Path, value: float) -> None:
    def lamp(frame: Frame) -> Seen:
        return Seen((Sample("dock/north", "traffic_light.lit", frame.ts, value),), ())

    assert eye(tmp_path, lamp).look(frame(1))[0].evidence is None
