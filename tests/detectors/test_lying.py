"""Litter over time, without a picture: findings are fed directly."""

from collections.abc import Sequence

import pytest

from detectors import lying
from detectors.lying import Lying, Passers, Sighting
from detectors.types import Box

STAYS = 20_000
BAG: Box = (0.50, 0.70, 0.54, 0.76)
Look = tuple[Sequence[Sighting], Passers]
NOBODY = Passers()


def at(x: float = 0.0, y: float = 0.0, *, score: float = 0.6, label: str = "litter") -> Sighting:
    """The bag, moved by this much."""
    return Sighting(label, score, (BAG[0] + x, BAG[1] + y, BAG[2] + x, BAG[3] + y))


def watched(looks: Sequence[Look], *, every: int = 10_000, start: Lying | None = None) -> Lying:
    known = Lying() if start is None else start
    for number, (sightings, passers) in enumerate(looks):
        matched = lying.match(known, sightings, may_be_new=lambda one: one.score >= 0.35)
        known = lying.look(known, matched, passers=passers, at=number * every + 1_000, stays=STAYS)
    return known


def count(known: Lying) -> int:
    return sum(thing.lies for thing in known.things)


def alone(*sightings: Sighting) -> Look:
    return sightings, NOBODY


STANDS_BESIDE = Passers(people=((0.545, 0.40, 0.60, 0.78),))
STANDS_IN_FRONT = Passers(people=((0.45, 0.30, 0.60, 0.85),))
LORRY = Passers(vehicles=((0.30, 0.30, 0.80, 0.90),))
FAR_AWAY = Passers(people=((0.10, 0.40, 0.15, 0.60),), vehicles=((0.0, 0.1, 0.2, 0.3),))


@pytest.mark.parametrize(
    ("looks", "counts"),
    [
        pytest.param([alone(at())] * 2, 0, id="two looks are not enough"),
        pytest.param([alone(at())] * 3, 1, id="three looks and twenty seconds are"),
        pytest.param(
            [alone(at()), alone(at(0.008, -0.006)), alone(at(-0.007, 0.004))], 1, id="it jitters"
        ),
        pytest.param([alone(at()), alone(), alone(at()), alone(at())], 1, id="one look missed it"),
        pytest.param(
            [alone(at()), alone(), alone(), alone(), alone(at()), alone(at())], 0, id="seen rarely"
        ),
        pytest.param([alone(at(0.05 * k)) for k in range(8)], 0, id="carried past"),
        pytest.param([alone(at(0.02 * k)) for k in range(12)], 0, id="carried past slowly"),
        pytest.param([([at()], STANDS_BESIDE)] * 9, 0, id="of the person beside it"),
        pytest.param([([at()], FAR_AWAY)] * 3, 1, id="people elsewhere do not matter"),
        pytest.param([([at()], LORRY)] * 3, 1, id="before a parked car it is seen"),
        pytest.param([alone(at(score=0.2))] * 9, 0, id="too faint to be new"),
        pytest.param(
            [alone(at()), *[alone(at(score=0.2))] * 2], 1, id="faint is enough once it is known"
        ),
        pytest.param([alone(at(), at(0.2))] * 3, 2, id="two things"),
        pytest.param([alone(at(), at(0.03))] * 3, 2, id="two side by side"),
        pytest.param([alone(at()), alone(at(0.2)), alone(at(0.4))], 0, id="each time elsewhere"),
    ],
)
def test_what_counts(looks: list[Look], counts: int) -> None:
    assert count(watched(looks)) == counts


LIES = [alone(at())] * 4


@pytest.mark.parametrize(
    ("looks", "counts"),
    [
        pytest.param([alone()] * 2, 1, id="missed twice"),
        pytest.param([alone()] * 3, 0, id="seen empty three times in twenty seconds"),
        pytest.param([([], STANDS_IN_FRONT)] * 50, 1, id="a person in front"),
        pytest.param([([], LORRY)] * 50, 1, id="a lorry in front"),
        pytest.param([([], FAR_AWAY)] * 3, 0, id="people elsewhere hide nothing"),
        pytest.param(
            [alone(), ([], LORRY), alone(), ([], LORRY)], 1, id="hidden looks are no empty ones"
        ),
        pytest.param(
            [alone(), ([], LORRY), alone(), ([], LORRY), alone()], 0, id="empty between lorries"
        ),
        pytest.param([alone(), alone(), alone(at()), alone(), alone()], 1, id="seen in between"),
        pytest.param([([at()], STANDS_BESIDE)] * 5, 1, id="somebody stops beside it"),
        pytest.param([alone(at(score=0.2))] * 9, 1, id="it is fainter now"),
        pytest.param(
            [alone(at(label="garbage_bag"))] * 2, 1, id="called something else for a while"
        ),
    ],
)
def test_what_is_gone(looks: list[Look], counts: int) -> None:
    assert count(watched([*LIES, *looks])) == counts


def test_a_fast_pace_does_not_make_it_count_sooner() -> None:
    for looks, counts in ((19, 0), (22, 1)):
        assert count(watched([alone(at())] * looks, every=1_000)) == counts
    lies = [alone(at())] * 30
    assert count(watched([*lies, *[alone()] * 20], every=1_000)) == 1
    assert count(watched([*lies, *[alone()] * 21], every=1_000)) == 0


def test_what_the_detector_often_misses_must_be_missed_more_often_to_be_gone() -> None:
    flickers = [alone(at()), alone()] * 15
    assert count(watched([*flickers, *[alone()] * 5])) == 1
    assert count(watched([*flickers, *[alone()] * 8])) == 0


def test_a_heap_that_grows_is_the_same_thing() -> None:
    sides = (0.04, 0.05, 0.06, 0.08, 0.10, 0.13, 0.16)
    looks = [
        alone(Sighting("litter", 0.6, (0.5, 0.7 - side, 0.5 + side, 0.7)))
        for side in sides
        for _ in range(6)
    ]
    (thing,) = watched(looks).things
    x1, y1, x2, y2 = thing.box
    assert thing.since == 1_000
    assert 0.11 < x2 - x1 <= 0.16
    assert 0.11 < y2 - y1 <= 0.16


def test_it_is_called_what_it_mostly_looks_like() -> None:
    often = [alone(at(label="dumped_waste"))] * 30
    (thing,) = watched([*LIES, *often]).things
    assert (thing.label, thing.since) == ("dumped_waste", 1_000)


@pytest.mark.parametrize(
    ("box", "normal"),
    [
        pytest.param(BAG, True, id="itself"),
        pytest.param((0.505, 0.71, 0.545, 0.765), True, id="put down a little aside"),
        pytest.param((0.60, 0.70, 0.64, 0.76), False, id="elsewhere"),
        pytest.param((0.46, 0.60, 0.58, 0.78), False, id="a heap around it"),
    ],
)
def test_what_was_taught_is_normal_at_its_size_and_place(box: Box, normal: bool) -> None:
    assert lying.is_normal(box, [(0.1, 0.1, 0.2, 0.2), BAG]) is normal
    assert lying.is_normal(box, []) is False


def test_what_lies_there_and_is_taught_is_forgotten() -> None:
    known = watched([alone(at(), at(0.2))] * 3)
    assert count(lying.without(known, [BAG])) == 1
    assert lying.without(known, [(0.0, 0.0, 0.1, 0.1)]) is known


def test_asking_who_stands_about_is_only_worth_it_where_something_is_doubtful() -> None:
    known = watched(LIES)
    for sightings, doubtful in (([at()], False), ([], True), ([at(), at(0.2)], True)):
        matched = lying.match(known, sightings, may_be_new=lambda _: True)
        assert matched.doubtful is doubtful
    assert lying.match(watched(LIES[:1]), [at()], may_be_new=lambda _: True).doubtful


def test_nothing_is_known_before_it_was_watched_for_a_while() -> None:
    for looks, every, settled in ((2, 10_000, False), (3, 10_000, True), (15, 1_000, False)):
        known = watched([alone()] * looks, every=every)
        assert known.settled(at=(looks - 1) * every + 1_000, stays=STAYS) is settled
