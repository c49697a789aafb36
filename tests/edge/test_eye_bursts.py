"""A detector wishes for a burst, and one that doubts the camera silences the others."""

from pathlib import Path

import numpy as np
import pytest

from citypatrol.evidence import EvidenceStore
from citypatrol.samples import Sample
from detectors.evidence import draw
from detectors.types import Burst, Frame, Seen, Watch, Wish
from edge.eye import Eye

WISH = Wish(3.0, ((0.1, 0.1, 0.2, 0.2),))
CUT = np.zeros((4, 4, 3), np.uint8)


def frame(ts: int) -> Frame:
    return Frame("dock", ts, np.full((90, 160, 3), 90, dtype=np.uint8))


def burst(*times: int) -> Burst:
    return Burst("dock", times, tuple((CUT,) for _ in times))


class Wisher:
    """Wishes at every frame; says what the burst's number of frames is."""

    def __call__(self, frame: Frame) -> Seen:
        return Seen((), (), WISH)

    def burst(self, burst: Burst) -> Seen:
        if len(burst.times) == 1:
            raise ZeroDivisionError
        return Seen((Sample("dock/north", "traffic_light.lit", burst.times[-1], 0.1),), ())


class Doubts:
    def __init__(self) -> None:
        self.blind = True

    def __call__(self, frame: Frame) -> Seen:
        return Seen((Sample("dock", "camera.fault", frame.ts, 0.0),), (), blind=self.blind)


def eye(folder: Path, *watches: Watch) -> Eye:
    return Eye("dock", watches=watches, evidence=EvidenceStore(folder), draw=draw)


def test_a_wish_is_passed_on_once_and_its_burst_judged(tmp_path: Path) -> None:
    seeing = eye(tmp_path, Wisher())
    first, second = frame(1000), frame(2000)
    assert seeing.look(first) == []
    assert seeing.wish(of=first) == WISH
    seeing.look(second)
    assert seeing.wish(of=second) is None, "one at a time"
    (sample,) = seeing.judge(burst(1010, 1050, 1090))
    assert sample[:4] == ("dock/north", "traffic_light.lit", 1090, 0.1)
    assert sample.evidence is not None
    findings = EvidenceStore(tmp_path).findings(sample.evidence)
    assert findings is not None
    assert findings["ts"] == 1000, "the evidence is the frame that made it wish"
    assert seeing.judge(burst(1010, 1050)) == [], "nobody waits for this one"


def test_a_burst_that_never_came_is_wished_for_again(tmp_path: Path) -> None:
    seeing = eye(tmp_path, Wisher())
    wished = []
    for ts in (0, 10_000, 29_999, 30_000, 40_000):
        one = frame(ts)
        seeing.look(one)
        wished.append(seeing.wish(of=one) is not None)
    assert wished == [True, False, False, True, False]


@pytest.mark.parametrize("times", [(), (5,)], ids=["empty", "its detector fails"])
def test_a_burst_that_cannot_be_judged_says_nothing(tmp_path: Path, times: tuple[int, ...]) -> None:
    seeing = eye(tmp_path, Wisher())
    seeing.look(frame(0))
    assert seeing.judge(burst(*times)) == []


def test_nobody_judges_while_the_camera_is_in_doubt(tmp_path: Path) -> None:
    doubts = Doubts()
    seeing = eye(tmp_path, doubts, Wisher())
    blind, clear, again = frame(0), frame(1000), frame(2000)
    seeing.look(blind)
    assert seeing.wish(of=blind) is None
    doubts.blind = False
    seeing.look(clear)
    assert seeing.wish(of=clear) == WISH
    doubts.blind = True
    seeing.look(again)
    assert seeing.judge(burst(1, 2, 3)) == [], "a burst of a camera that moved meanwhile"


class Patient:
    """Waits for another look until it has had two."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, frame: Frame) -> Seen:
        self.looks += 1
        return Seen((), ())

    def doubts(self) -> bool:
        return self.looks < 2


def test_a_camera_is_suspicious_while_a_detector_waits_for_another_look(tmp_path: Path) -> None:
    seeing = eye(tmp_path, Patient())
    seen = []
    for ts in (1000, 2000, 3000):
        seeing.look(frame(ts))
        seen.append(seeing.suspicious())
    assert seen == [True, False, False]


def test_a_camera_is_suspicious_until_its_burst_was_judged(tmp_path: Path) -> None:
    seeing = eye(tmp_path, Wisher())
    assert not seeing.suspicious()
    seeing.look(frame(1000))
    assert seeing.suspicious()
    seeing.judge(burst(1010, 1050))
    assert not seeing.suspicious()
