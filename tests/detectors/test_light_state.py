"""One head over time: what is said of it, and when."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.light_normal import KNOWN_AFTER, UNKNOWN_PATIENCE, Normal, Shown
from detectors.light_state import LIT, Head, Said, glimpse, stare

EVERY = 10_000
FRAME = 40
KNOWN = Head(normal=Normal(watched=KNOWN_AFTER, looked=0), lit_at=0)
"""Watched for long enough, and never dark."""

Wave = Callable[[float], bool]
"""Whether a lamp is lit at a time in seconds."""


def burst(
    head: Head, *, at: int, lit: Wave, seconds: float = 3.0, step: int = FRAME
) -> tuple[Head, Said]:
    times = list(range(at, at + round(seconds * 1000), step))
    lits = np.array([0.95 if lit(time / 1000) else 0.03 for time in times])
    return stare(head, times=times, lits=lits, states=["yellow" if p > 0.5 else None for p in lits])


def dark(_: float) -> bool:
    return False


def flashing(hertz: float, *, phase: float = 0.0) -> Wave:
    return lambda t: (t * hertz + phase) % 1.0 < 0.5


def watched(head: Head, lit: Wave, *, seconds: float, every: int = EVERY) -> list[tuple[int, Said]]:
    """What is said in so many seconds of pictures, each wish answered at once."""
    said: list[tuple[int, Said]] = []
    for at in range(0, round(seconds * 1000), every):
        on = lit(at / 1000)
        head, one = glimpse(head, state="red" if on else None, lit=0.95 if on else 0.03, at=at)
        said.append((at, one))
        if one.burst_s is not None:
            head, one = burst(head, at=at + FRAME, lit=lit, seconds=one.burst_s)
            said.append((at, one))
    return said


def lows(said: list[tuple[int, Said]]) -> list[int]:
    return [at for at, one in said if one.lit is not None and one.lit < LIT]


def test_one_dark_picture_raises_a_suspicion_and_a_wish_and_no_more() -> None:
    head, said = glimpse(KNOWN, state=None, lit=0.1, at=EVERY)
    assert said == Said(lit=None, suspect=0.9, burst_s=3.0)
    assert (head.dark, head.dark_since) == (False, EVERY)


def test_a_lit_picture_is_told_at_once_and_ends_the_suspicion() -> None:
    head, _ = glimpse(KNOWN, state=None, lit=0.1, at=EVERY)
    head, said = glimpse(head, state="red", lit=0.97, at=2 * EVERY)
    assert said == Said(lit=0.97, suspect=0.0)
    assert glimpse(head, state="red", lit=0.97, at=3 * EVERY)[1] == Said(lit=0.97)


def test_a_burst_without_a_lit_lamp_is_dark() -> None:
    head, said = burst(KNOWN, at=EVERY, lit=dark)
    assert head.dark
    assert said.lit == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        pytest.param(range(0, 2_000, 40), "too short", id="two seconds"),
        pytest.param(range(0, 3_000, 700), "too few", id="a frame every 0.7 s"),
        pytest.param([*range(0, 1_000, 40), *range(1_700, 3_000, 40)], "a gap", id="a gap"),
        pytest.param(range(0, 40, 40), "one", id="one frame"),
    ],
)
def test_a_burst_with_holes_decides_nothing(times: range, why: str) -> None:
    stamps = [EVERY + time for time in times]
    lits = np.full(len(stamps), 0.02)
    head, said = stare(KNOWN, times=stamps, lits=lits, states=[None] * len(stamps))
    assert (head.dark, said) == (False, Said()), why


def test_a_burst_that_could_not_be_read_decides_nothing() -> None:
    lits = np.full(75, np.nan)
    head, said = stare(KNOWN, times=range(0, 3_000, 40), lits=lits, states=[None] * 75)
    assert (head, said) == (KNOWN, Said())


def test_a_bus_that_passes_in_front_leaves_a_gap() -> None:
    lits = np.full(75, 0.02)
    lits[30:55] = np.nan
    _, said = stare(KNOWN, times=range(EVERY, EVERY + 3_000, 40), lits=lits, states=[None] * 75)
    assert said == Said()


@pytest.mark.parametrize(
    ("highest", "said"),
    [
        pytest.param(0.6, Said(), id="one doubtful frame decides nothing"),
        pytest.param(0.9, Said(lit=0.9), id="one sure frame is a lit lamp"),
    ],
)
def test_one_frame_of_a_burst(highest: float, said: Said) -> None:
    lits = np.full(75, 0.02)
    lits[40] = highest
    times = range(EVERY, EVERY + 3_000, 40)
    assert stare(KNOWN, times=times, lits=lits, states=[None] * 75)[1] == said


@settings(max_examples=60, deadline=None)
@given(hertz=st.floats(0.5, 2.0), phase=st.floats(0, 1), step=st.sampled_from((33, 40, 100, 200)))
def test_a_flashing_amber_is_never_dark(hertz: float, phase: float, step: int) -> None:
    lit = flashing(hertz, phase=phase)
    head, said = burst(KNOWN, at=EVERY, lit=lit, step=step)
    assert not head.dark
    assert said.lit is None or said.lit > 0.9


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("hertz", [0.5, 1.0, 2.0])
def test_ten_minutes_of_flashing_amber_say_nothing_dark(hertz: float, phase: float) -> None:
    assert lows(watched(KNOWN, flashing(hertz, phase=phase), seconds=600)) == []


def test_a_controller_that_blinks_slowly_gets_longer_bursts() -> None:
    """4 s dark, 4 s lit: a burst of 3 s may lie in the dark, but not twice."""
    said = watched(KNOWN, flashing(0.125), seconds=600, every=9_000)
    assert len(lows(said)) <= 1
    assert max(one.burst_s or 0 for _, one in said) > 4


def test_a_head_that_goes_dark_is_told_within_one_picture() -> None:
    said = watched(KNOWN, lambda t: t < 240, seconds=600)
    assert lows(said) == list(range(240_000, 600_000, EVERY))


def test_a_head_that_is_not_known_yet_gets_patience() -> None:
    first = lows(watched(Head(), lambda t: t < 30, seconds=600))[0]
    assert first == 30_000 + UNKNOWN_PATIENCE


def test_a_turn_arrow_dark_for_90_of_120_seconds_is_normal() -> None:
    for begins in range(0, 120, 10):
        arrow: Wave = lambda t, begins=begins: (t + begins) % 120 < 30  # type: ignore[misc] # noqa: E731
        assert lows(watched(Head(), arrow, seconds=600)) == [], begins


def test_a_turn_arrow_that_fails_is_told_all_the_same() -> None:
    said = watched(Head(), lambda t: t < 480 and t % 120 < 30, seconds=900)
    first = lows(said)[0]
    assert 90_000 < first - 390_000 <= 280_000, "after three of its longest dark times"


def test_an_arrow_on_demand_may_skip_more_and_more_cycles() -> None:
    """Dark for 90 s, then 210, 330 and 450 s, as the street empties."""
    greens = [0, 120, 240, 360, 600, 840, 1_200, 1_560, 2_040, 2_520]
    arrow: Wave = lambda t: any(green <= t < green + 30 for green in greens)  # noqa: E731
    assert lows(watched(Head(), arrow, seconds=2_550)) == []


def test_what_a_person_has_said_counts() -> None:
    arrow = Head(normal=Normal(designed=100_000))
    assert lows(watched(arrow, lambda t: t % 120 < 30, seconds=600)) == []
    assert lows(watched(replace(arrow, normal=Normal(designed=0)), dark, seconds=30))[0] == 0


def test_failures_are_not_learned_as_normal_until_they_repeat() -> None:
    failing: Wave = lambda t: t % 600 < 400  # noqa: E731 - dark for 200 s every ten minutes
    told = {at // 600_000 for at in lows(watched(KNOWN, failing, seconds=6_000))}
    assert {0, 1, 2} <= told, "three times it is told"
    assert max(told) <= 3, "then it is the way of this head"


def test_a_dark_time_that_nobody_watched_begins_anew() -> None:
    head, _ = burst(Head(normal=Normal(designed=60_000)), at=0, lit=dark)
    head, _ = glimpse(head, state=None, lit=0.05, at=400_000)
    assert (head.dark_since, head.dark) == (400_000, False)


def test_a_long_dark_head_rests_between_bursts() -> None:
    said = watched(KNOWN, dark, seconds=1_200)
    late = [at for at, one in said if one.burst_s is not None and at >= 700_000]
    assert np.diff(late).min() >= 60_000
    assert len(late) >= 7


def test_a_weak_lit_picture_of_a_dark_head_asks_again() -> None:
    head, _ = burst(KNOWN, at=EVERY, lit=dark)
    head, said = glimpse(head, state=None, lit=0.6, at=2 * EVERY)
    assert said == Said(burst_s=3.0)
    assert head.dark


def test_a_burst_older_than_a_lit_picture_is_not_dark() -> None:
    head, _ = glimpse(KNOWN, state="green", lit=0.9, at=20_000)
    assert burst(head, at=18_000, lit=dark) == (head, Said())


def test_the_junction_says_what_no_habit_excuses() -> None:
    arrow = Head(normal=Normal(designed=90_000))
    times = range(0, 3_000, 40)
    lits, states = np.full(75, 0.02), [None] * 75
    assert stare(arrow, times=times, lits=lits, states=states)[1].lit is None
    alone = stare(arrow, times=times, lits=lits, states=states, all_dark=True)[1]
    assert alone.lit == pytest.approx(0.02)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("glimpse", "burst")),
            st.floats(0, 1),
            st.integers(1, 400_000),
            st.sampled_from(("red", None)),
        ),
        max_size=30,
    )
)
def test_low_is_only_said_after_a_whole_dark_burst(
    steps: list[tuple[str, float, int, str | None]],
) -> None:
    head, at = Head(), 0
    for kind, lit, wait, state in steps:
        at += wait
        if kind == "glimpse":
            head, said = glimpse(head, state=state, lit=lit, at=at)
            assert said.lit is None or said.lit >= LIT
        else:
            times = range(at, at + 10_000, 40)
            lits = np.full(len(times), lit)
            head, said = stare(head, times=times, lits=lits, states=[state] * len(times))
            at += 10_000
            if said.lit is not None and said.lit < LIT:
                assert head.dark
                assert lit < LIT
        assert head.dark == (head.bursts > 0)
        assert not head.told or head.dark
        assert Shown() not in head.normal.shown.values()
