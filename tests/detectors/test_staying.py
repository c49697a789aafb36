"""How long things stay, without a picture."""

from collections.abc import Sequence

import pytest

from detectors import staying
from detectors.staying import Standing, Track
from detectors.types import Box

KERB = ("dock/kerb",)
WIDE = 0.10


def under(box: Box) -> Sequence[str]:
    """The ground is the left half."""
    return KERB if (box[0] + box[2]) / 2 < 0.5 else ()


def car(x: float, *, label: str = "car") -> Standing:
    return Standing(label, (x, 0.6, x + WIDE, 0.7))


Looks = Sequence[Sequence[Standing]]


def watched(looks: Looks, *, every: int = 10_000, tracks: Sequence[Track] = ()) -> Sequence[Track]:
    for number, found in enumerate(looks):
        tracks = staying.look(tracks, found, under=under, at=number * every)
    return tracks


@pytest.mark.parametrize(
    ("looks", "dwell"),
    [
        pytest.param([[]], 0, id="nobody"),
        pytest.param([[car(0.1)]], 0, id="just come"),
        pytest.param([[car(0.1)]] * 7, 60, id="parked"),
        pytest.param([[car(0.1)], [car(0.115)], [car(0.09)], [car(0.1)]], 30, id="it jitters"),
        pytest.param([[car(0.1)], [], [], [car(0.1)]], 30, id="two looks missed it"),
        pytest.param([[car(0.1)], [], [], [], [car(0.1)]], 0, id="three looks: another one"),
        pytest.param([[car(0.1)]] * 3 + [[]], 30, id="missed just now"),
        pytest.param([[car(0.1)]] * 3 + [[]] * 3, 0, id="gone"),
        pytest.param([[car(0.1)]] * 4 + [[car(0.35)]] * 3, 20, id="gone, and another elsewhere"),
        pytest.param([[car(0.7)]] * 9, 0, id="parked on other ground"),
        pytest.param([[car(0.7)]] * 9 + [[car(0.44)]] * 2, 10, id="came onto the ground"),
        pytest.param(
            [[car(0.44)]] * 5 + [[car(0.46)]] * 2 + [[car(0.44)]], 70, id="at the edge for a while"
        ),
        pytest.param([[car(0.44)]] * 5 + [[car(0.46)]] * 3, 0, id="left the ground"),
        pytest.param([[car(0.1), car(0.3)]] * 3 + [[car(0.3)]] * 4, 60, id="one of two left"),
        pytest.param([[car(0.1, label="bus")]] * 5 + [[car(0.1)]], 0, id="a bus is no car before"),
    ],
)
def test_the_longest_stay(looks: Looks, dwell: float) -> None:
    tracks = watched(looks)
    at = (len(looks) - 1) * 10_000
    assert staying.longest_s(tracks, source=KERB[0], label="car", at=at) == dwell


def test_who_walks_on_is_followed_where_looks_are_close() -> None:
    walks = [[car(0.02 * step)] for step in range(20)]
    (track,) = watched(walks, every=1_000)
    assert track.stays[KERB[0]].since == 0
    fast = [[car(0.10 * step)] for step in range(5)]
    assert len(watched(fast, every=1_000)) == 1, "it goes on as it went"


def test_two_that_pass_each_other_keep_their_ways() -> None:
    looks = [[car(0.04 * step), car(0.40 - 0.04 * step)] for step in range(11)]
    tracks = watched(looks, every=1_000)
    assert sorted(round(track.dx * 1_000, 2) for track in tracks) == [-0.04, 0.04]


def test_after_a_long_pause_nothing_is_known_of_who_stayed() -> None:
    tracks = watched([[car(0.1)]] * 5)
    for pause, dwell in ((300_000, 340), (300_001, 0)):
        at = 40_000 + pause
        after = staying.look(tracks, [car(0.1)], under=under, at=at)
        assert int(staying.longest_s(after, source=KERB[0], label="car", at=at)) == dwell


def test_a_clock_that_was_set_back_begins_anew() -> None:
    tracks = watched([[car(0.1)]] * 5)
    after = staying.look(tracks, [car(0.1)], under=under, at=10)
    assert [track.stays[KERB[0]].since for track in after] == [10]
