"""How little of a stream is decoded, and when a picture is due."""

import random
from itertools import pairwise
from math import inf

import pytest

from ingest.camera_pace import Pace, Tries


def played(
    pace: Pace[int], *, fps: float, keyframe_s: float, seconds: float, size: int = 1
) -> tuple[int, list[float]]:
    """Packets decoded, and the times of the frames shown."""
    decoded, shown = 0, []
    expected = 0
    for number in range(int(seconds * fps)):
        at = number / fps
        keyframe = number % round(keyframe_s * fps) == 0
        taken = pace.decodes(number, size=size, keyframe=keyframe, at=at)
        if not taken:
            continue
        assert taken[-1] == number
        if taken[0] % round(keyframe_s * fps):
            assert taken[0] == expected, "what is decoded follows what was decoded before"
        expected = number + 1
        decoded += len(taken)
        if pace.shows(at=at):
            shown.append(at)
    return decoded, shown


def test_frequent_keyframes_are_decoded_only_when_one_is_due() -> None:
    decoded, shown = played(Pace(every_s=10), fps=25, keyframe_s=2, seconds=60)
    assert shown == [0, 10, 20, 30, 40, 50]
    assert decoded == 6


def test_rare_keyframes_are_not_waited_for() -> None:
    decoded, shown = played(Pace(every_s=2), fps=10, keyframe_s=15, seconds=40)
    assert shown == pytest.approx([2 * n for n in range(20)])
    assert 340 < decoded < 400


def test_a_burst_leads_from_the_last_keyframe_to_the_picture_and_no_further() -> None:
    """Keyframes 12 s apart, a picture each 10 s: what a keyframe overtook is never decoded."""
    decoded, shown = played(Pace(every_s=10), fps=25, keyframe_s=12, seconds=60)
    assert shown == pytest.approx([0, 10, 20, 30, 40, 50], abs=0.05)
    assert decoded == 1 + 250 + 25 * (8 + 6 + 4 + 2) + 4


def test_what_waits_is_bounded_and_nothing_of_it_is_skipped() -> None:
    pace: Pace[int] = Pace(every_s=30, most_kept=1000)
    assert list(pace.decodes(0, size=100, keyframe=True, at=0)) == [0]
    assert pace.shows(at=0)
    taken = [pace.decodes(n, size=100, keyframe=False, at=n / 10) for n in range(1, 40)]
    assert [packet for some in taken for packet in some] == list(range(1, 34))
    assert max(map(len, taken)) == 11


def test_it_changes_over_when_the_distance_of_keyframes_does() -> None:
    pace: Pace[str] = Pace(every_s=5)

    def decodes(packet: str, at: float, *, keyframe: bool = False) -> list[str]:
        return list(pace.decodes(packet, size=1, keyframe=keyframe, at=at))

    assert decodes("a", 0, keyframe=True) == ["a"]
    assert pace.shows(at=0)
    assert decodes("b", 1) == []
    assert decodes("c", 2, keyframe=True) == []
    assert pace.keyframes_only
    assert decodes("d", 6) == [], "a keyframe is waited for"
    assert decodes("e", 20, keyframe=True) == ["e"]
    assert not pace.keyframes_only
    assert pace.shows(at=20)
    assert decodes("f", 21) == []
    assert decodes("g", 25.5) == ["f", "g"]


def test_every_frame_when_somebody_wants_each() -> None:
    pace: Pace[int] = Pace(every_s=10)
    for number, at in enumerate([0.0, 2.0]):
        pace.decodes(number, size=1, keyframe=True, at=at)
    pace.shows(at=2)
    assert pace.keyframes_only
    wanted = [
        list(pace.decodes(n, size=1, keyframe=n % 4 == 0, at=3 + n, every=n < 7))
        for n in range(2, 10)
    ]
    assert wanted == [[], [], [4], [5], [6], [], [], []]


def thinned(
    pace: Pace[int], *, keyframes: list[float], seconds: float, fps: float = 25
) -> tuple[int, list[float]]:
    """Packets that came through, and the times of the frames shown, where what comes while it rests
    is dropped, but for one a second."""
    came, shown, alive_at = 0, [], 0.0
    times = sorted({*keyframes, *(n / fps + 0.001 for n in range(int(seconds * fps)))})
    for number, at in enumerate(times):
        if at < pace.rests_until and at - alive_at < 1:
            continue
        came, alive_at = came + 1, at
        if pace.decodes(number, size=1, keyframe=at in keyframes, at=at) and pace.shows(at=at):
            shown.append(at)
    return came, shown


@pytest.mark.parametrize("distance_s", [1.0, 2.0, 3.0, 5.0, 9.0, 10.0])
def test_little_of_a_stream_is_needed_where_keyframes_are_regular(distance_s: float) -> None:
    wobble = random.Random(3)
    keyframes = [n * distance_s + wobble.uniform(0, 0.15) for n in range(int(300 / distance_s))]
    came, shown = thinned(Pace(every_s=10), keyframes=keyframes, seconds=300)
    assert len(shown) >= 300 / (10 + distance_s / 2) - 1
    assert max(late - early for early, late in pairwise(shown)) <= 10 + distance_s + 0.2
    assert came < 0.15 * 300 * 25


def test_keyframes_as_far_apart_as_pictures_are_wanted_are_all_shown() -> None:
    """10 s is what many encoders begin with; a bit early is no reason to wait for another."""
    keyframes = [n * 9.99 for n in range(30)]
    _, shown = thinned(Pace(every_s=10), keyframes=keyframes, seconds=299)
    assert shown == keyframes


@pytest.mark.parametrize("later_s", [0.5, 5.0, 8.0, 25.0])
def test_another_distance_of_keyframes_is_noticed_while_it_rests(later_s: float) -> None:
    """The camera's settings are changed after a minute."""
    keyframes = [n * 2.0 for n in range(30)] + [60 + n * later_s for n in range(int(240 / later_s))]
    _, shown = thinned(Pace(every_s=10), keyframes=keyframes, seconds=300)
    after = [at for at in shown if at > 90]
    assert max(late - early for early, late in pairwise(after)) <= 10 + min(later_s, 10) + 0.5


def test_nothing_rests_before_two_keyframes_have_told_their_distance() -> None:
    pace: Pace[int] = Pace(every_s=10)
    assert pace.rests_until == -inf
    pace.decodes(0, size=1, keyframe=True, at=0)
    pace.shows(at=0)
    assert pace.rests_until == -inf
    pace.decodes(1, size=1, keyframe=True, at=2)
    assert 9 < pace.rests_until < 10
    rare: Pace[int] = Pace(every_s=10)
    for at in (0.0, 12.0):
        rare.decodes(0, size=1, keyframe=True, at=at)
        rare.shows(at=at)
    assert rare.rests_until == -inf


def test_nothing_is_decoded_before_the_first_keyframe() -> None:
    pace: Pace[int] = Pace(every_s=1)
    assert not pace.decodes(1, size=1, keyframe=False, at=0)
    assert pace.decodes(2, size=1, keyframe=True, at=1)


def test_late_frames_keep_the_beat() -> None:
    pace: Pace[int] = Pace(every_s=10)
    assert [at for at in (0, 11, 19, 20, 29, 31) if pace.shows(at=at)] == [0, 11, 20, 31]


def test_after_a_long_break_the_beat_begins_anew() -> None:
    pace: Pace[int] = Pace(every_s=10)
    assert [at for at in (0, 95, 96, 100, 104, 105) if pace.shows(at=at)] == [0, 95, 105]


@pytest.mark.parametrize(
    ("whole_of_five", "hopeless"),
    [pytest.param(2, True, id="noise"), pytest.param(4, False, id="some packets lost")],
)
def test_a_stream_is_given_up_when_most_frames_are_damaged(
    whole_of_five: int, hopeless: bool
) -> None:
    tries = Tries(within_s=8)
    for number in range(16):
        tries.succeeded(at=number / 2)
    gave_up = []
    for number in range(16, 36):
        at = number / 2
        (tries.succeeded if number % 5 < whole_of_five else tries.failed)(at=at)
        gave_up.append(tries.hopeless(at=at))
    assert any(gave_up) is hopeless
    assert not any(gave_up[:4]), "not by those of a moment"


def test_a_few_failures_prove_nothing() -> None:
    tries = Tries(within_s=8)
    for at in (0, 4, 7):
        tries.failed(at=at)
    assert not tries.hopeless(at=7.5)
    assert not Tries(within_s=8).hopeless(at=1)
