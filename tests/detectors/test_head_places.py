from collections.abc import Callable, Mapping, Sequence

import pytest

from detectors.head_places import MOST_PLACES, Places
from detectors.heads import Reading
from detectors.types import Box, Finding

RED = Reading("red", 0.9, 0.97, readable=True)
AWAY = Reading("back_or_side", 0.9, 0.85, readable=False)
NOTHING = Reading("unreadable", 0.9, 0.9, readable=False)
HEAD: Box = (100, 50, 120, 100)
SEARCHES = 20


def found(box: Box, score: float = 0.5) -> Finding:
    return Finding("traffic_light", score, box)


def shifted(box: Box, across: float) -> Box:
    return box[0] + across, box[1], box[2] + across, box[3]


Shows = Callable[[int], Sequence[Finding]]


def heads(shows: Shows, *, reading: Reading = RED, searches: int = SEARCHES) -> list[Box]:
    """What is proposed after so many searches, a minute apart."""
    places = Places()
    for number in range(searches):
        places.search(shows(number), at=60_000 * number)
        places.look([reading] * len(list(places)), at=60_000 * number)
    return [tuple(round(edge) for edge in place.box) for place in places.heads()]  # type: ignore[misc]


STANDING: Mapping[str, tuple[Shows, Reading]] = {
    "in every search": (lambda _: [found(HEAD)], RED),
    "with a box that trembles": (lambda n: [found(shifted(HEAD, n % 3 - 1))], RED),
    "now and then, and read as a lamp": (lambda n: [found(HEAD)] * (n % 6 == 0), RED),
    "often, seen from behind": (lambda n: [found(HEAD)] * (n % 2 == 0), AWAY),
    "beside its own lamp": (
        lambda _: [found(HEAD, 0.5), found((102, 52, 118, 70), 0.7)] * 1,
        RED,
    ),
}


@pytest.mark.parametrize(("shows", "reading"), STANDING.values(), ids=STANDING)
def test_a_head_that_stands_is_proposed_once(shows: Shows, reading: Reading) -> None:
    proposed = heads(shows, reading=reading)
    assert len(proposed) == 1
    assert proposed[0][0] in (99, 100, 101, 102)


PASSING: Mapping[str, tuple[Shows, Reading]] = {
    "nothing": (lambda _: [], RED),
    "a bus that drives through": (lambda n: [found(shifted(HEAD, 60 * n))], RED),
    "a bus that waits for a quarter of the time": (lambda n: [found(HEAD)] * (5 < n < 11), RED),
    "seen twice": (lambda n: [found(HEAD)] * (n in (0, SEARCHES - 1)), RED),
    "seen from behind, now and then": (lambda n: [found(HEAD)] * (n % 6 == 0), AWAY),
    "found always and never read": (lambda _: [found(HEAD)], NOTHING),
}


@pytest.mark.parametrize(("shows", "reading"), PASSING.values(), ids=PASSING)
def test_what_passes_or_cannot_be_read_is_not(shows: Shows, reading: Reading) -> None:
    assert heads(shows, reading=reading) == []


def test_heads_side_by_side_are_two_however_close() -> None:
    beside = shifted(HEAD, 20)
    assert sorted(heads(lambda _: [found(HEAD), found(beside)])) == [HEAD, beside]


def test_a_crowd_of_chance_finds_is_bounded_and_given_up() -> None:
    places = Places()
    for number in range(30):
        crowd = [found(shifted(HEAD, 100 * (50 * number + one))) for one in range(50)]
        places.search([found(HEAD, 0.9), *crowd], at=number)
        assert len(list(places)) <= MOST_PLACES
    for number in range(30, 45):
        places.search([found(HEAD)], at=number)
    assert len(list(places)) == 1
    assert places.share(next(iter(places))) == 1.0
