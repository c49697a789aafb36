"""How little of a stream is decoded, and when a picture is due."""

import pytest

from ingest.camera_pace import Pace


def played(pace: Pace, *, fps: float, keyframe_s: float, seconds: float) -> tuple[int, list[float]]:
    """Packets decoded, and the times of the frames shown."""
    decoded, shown = 0, []
    for number in range(int(seconds * fps)):
        at = number / fps
        if pace.decodes(keyframe=number % round(keyframe_s * fps) == 0, at=at):
            decoded += 1
            if pace.shows(at=at):
                shown.append(at)
    return decoded, shown


def test_frequent_keyframes_are_decoded_only_when_one_is_due() -> None:
    decoded, shown = played(Pace(every_s=10), fps=25, keyframe_s=2, seconds=60)
    assert shown == [0, 10, 20, 30, 40, 50]
    assert decoded == 50 + 5  # everything up to the second keyframe, then what is shown


def test_rare_keyframes_are_not_waited_for() -> None:
    decoded, shown = played(Pace(every_s=2), fps=10, keyframe_s=15, seconds=40)
    assert shown == pytest.approx([2 * n for n in range(20)])
    assert decoded == 400


def test_it_changes_over_when_the_distance_of_keyframes_does() -> None:
    pace = Pace(every_s=5)
    assert pace.decodes(keyframe=True, at=0)
    assert pace.decodes(keyframe=False, at=1)
    assert pace.decodes(keyframe=True, at=2)
    assert pace.keyframes_only
    assert not pace.decodes(keyframe=False, at=3)
    assert pace.decodes(keyframe=True, at=20)
    assert not pace.keyframes_only
    assert pace.decodes(keyframe=False, at=21)


def test_nothing_is_decoded_before_the_first_keyframe() -> None:
    pace = Pace(every_s=1)
    assert not pace.decodes(keyframe=False, at=0)
    assert pace.decodes(keyframe=True, at=1)


def test_late_frames_keep_the_beat() -> None:
    pace = Pace(every_s=10)
    assert [at for at in (0, 11, 19, 20, 29, 31) if pace.shows(at=at)] == [0, 11, 20, 31]


def test_after_a_long_break_the_beat_begins_anew() -> None:
    pace = Pace(every_s=10)
    assert [at for at in (0, 95, 96, 100, 104, 105) if pace.shows(at=at)] == [0, 95, 105]
