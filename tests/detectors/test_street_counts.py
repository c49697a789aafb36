import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from detectors.street import StreetCounts
from detectors.types import Box, Finding, Frame, Pixels, Seen
from detectors.zones import Ground, Zone

PAVEMENT = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
HEIGHT, WIDTH = 100, 200
EVERY = 10_000
RNG = np.random.default_rng(3)
HERE, ELSEWHERE = (
    RNG.integers(0, 255, (10, 20, 3), dtype=np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    for _ in range(2)
)


def at(label: str, x: float, foot: float, *, side: float = 10, score: float = 0.8) -> Finding:
    """A thing whose lower edge's middle is at ``x``, ``foot`` (pixels)."""
    return Finding(label, score, (x - side / 2, foot - side, x + side / 2, foot))


PERSON = Finding("person", 0.9, (30.0, 20.0, 70.0, 95.0))
BAG = at("garbage_bag", 50, 90)
CUP = at("litter", 150, 80)


class Street:
    """A watch that is shown what the test says, and asked for people only where it wants to be."""

    def __init__(self, *zones: Zone, normal: Callable[[], Sequence[Box]] = tuple) -> None:
        self.found: Sequence[Finding] = ()
        self.passers: Sequence[Finding] = ()
        self.asked = 0
        self.at = 0
        self.watch = StreetCounts(
            ground=Ground("dock", zones),
            detector=lambda _: list(self.found),
            passers=self._who,
            min_score=0.35,
            stays=2 * EVERY,
            normal=normal,
        )

    def _who(self, _: Pixels) -> list[Finding]:
        self.asked += 1
        return list(self.passers)

    def look(self, *found: Finding, times: int = 1, view: Pixels = HERE) -> Seen:
        self.found = found
        for _ in range(times):
            seen = self.watch(Frame("dock", self.at, view))
            self.at += EVERY
        return seen

    def values(self, *found: Finding, times: int = 1) -> dict[tuple[str, str], float]:
        seen = self.look(*found, times=times)
        return {(one.source, one.metric): one.value for one in seen.samples}


def test_a_clean_street_is_a_count_of_zero_once_it_was_watched() -> None:
    street = Street()
    assert [street.values(), street.values()] == [{}, {}]
    assert street.values() == {
        ("dock", "litter.count"): 0,
        ("dock", "garbage_bag.count"): 0,
        ("dock", "dumped_waste.count"): 0,
    }


def test_what_lies_there_has_a_count_an_area_and_an_age() -> None:
    street = Street(Zone("kerb", PAVEMENT))
    found = street.values(BAG, CUP, at("litter", 100, 40), times=4)
    area = 10 * 10 / (HEIGHT * WIDTH / 2)
    assert found == {
        ("dock/kerb", "litter.count"): 1,
        ("dock/kerb", "litter.area"): pytest.approx(area),
        ("dock/kerb", "litter.age"): 30,
        ("dock/kerb", "litter.score"): 0.8,
        ("dock/kerb", "garbage_bag.count"): 1,
        ("dock/kerb", "garbage_bag.area"): pytest.approx(area),
        ("dock/kerb", "garbage_bag.age"): 30,
        ("dock/kerb", "garbage_bag.score"): 0.8,
        ("dock/kerb", "dumped_waste.count"): 0,
    }


def test_the_score_is_that_of_what_is_seen_now() -> None:
    street = Street()
    street.look(at("litter", 50, 90, score=0.9), at("litter", 150, 80, score=0.6), times=4)
    found = street.values(at("litter", 150, 80, score=0.5))
    assert found["dock", "litter.score"] == 0.5, "the other one is known, not seen"
    gone = street.values(times=5)
    assert (gone["dock", "litter.count"], gone["dock", "litter.score"]) == (0, 0)


def test_a_thing_counts_on_every_ground_it_lies_on() -> None:
    street = Street(Zone(None, PAVEMENT), Zone(None, PAVEMENT), Zone("kerb", PAVEMENT))
    found = street.values(BAG, times=3)
    assert (found["dock", "garbage_bag.count"], found["dock/kerb", "garbage_bag.count"]) == (1, 1)


def test_what_counts_is_drawn_where_it_is_seen() -> None:
    street = Street(Zone(None, PAVEMENT))
    outside, light = at("litter", 100, 20), at("traffic_light", 100, 90)
    assert street.look(BAG, outside, light, times=2).findings == ()
    (drawn,) = street.look(BAG, outside, light).findings
    assert (drawn.label, drawn.score) == ("garbage_bag", 0.8)
    assert drawn.box == pytest.approx(BAG.box)
    assert street.look().findings == ()


def test_a_place_that_is_hidden_is_not_clean_and_an_empty_one_is() -> None:
    street = Street()
    street.look(BAG, times=4)
    street.passers = [PERSON]
    hidden = [street.values() for _ in range(5)]
    assert all(("dock", "garbage_bag.count") not in one for one in hidden)
    assert all(one["dock", "litter.count"] == 0 for one in hidden)
    street.passers = []
    counts = [street.values().get(("dock", "garbage_bag.count")) for _ in range(4)]
    assert counts == [None, None, 0, 0]
    assert street.values()["dock", "garbage_bag.area"] == 0
    assert street.values()["dock", "garbage_bag.age"] == 0


def test_one_of_two_that_is_hidden_still_counts() -> None:
    street = Street()
    street.look(BAG, at("garbage_bag", 150, 80), times=4)
    street.passers = [PERSON]
    assert street.values(at("garbage_bag", 150, 80))["dock", "garbage_bag.count"] == 2


def test_growth_shows_in_the_area() -> None:
    street = Street()
    first = street.values(at("dumped_waste", 100, 90, side=20), times=4)
    second = street.values(at("dumped_waste", 100, 90, side=30), times=30)
    assert second["dock", "dumped_waste.area"] > 1.9 * first["dock", "dumped_waste.area"]
    assert second["dock", "dumped_waste.age"] == first["dock", "dumped_waste.age"] + 300


def test_people_are_looked_for_only_where_it_matters() -> None:
    street = Street()
    street.look(BAG, times=3)
    assert street.asked == 3
    street.look(BAG, times=5)
    assert street.asked == 3
    street.look()
    assert street.asked == 4


def test_another_view_says_nothing_and_is_begun_anew_once_it_lasts() -> None:
    street = Street()
    street.look(BAG, times=4)
    assert [street.look(view=ELSEWHERE).samples for _ in range(20)] == [()] * 20
    assert street.values(BAG)["dock", "garbage_bag.count"] == 1, "the camera was turned back"
    last = street.look(view=ELSEWHERE, times=33)
    assert {one.metric: one.value for one in last.samples}["garbage_bag.count"] == 0


def test_what_was_taught_is_taken_no_notice_of_from_the_next_look_on() -> None:
    taught: list[Box] = []
    street = Street(normal=lambda: taught)
    assert street.values(BAG, times=4)["dock", "garbage_bag.count"] == 1
    taught.append((0.225, 0.80, 0.275, 0.90))
    assert street.values(BAG)["dock", "garbage_bag.count"] == 0
    assert street.values(BAG, CUP, times=4)["dock", "litter.count"] == 1


def test_what_was_learned_lives_through_a_restart() -> None:
    street = Street()
    street.look(BAG, times=4)
    kept = json.loads(json.dumps(street.watch.learned()))
    again = Street()
    again.at = street.at
    again.watch.recall(kept)
    found = again.values(BAG)
    assert (found["dock", "garbage_bag.count"], found["dock", "garbage_bag.age"]) == (1, 40)
    empty = again.values(times=4)
    assert empty["dock", "garbage_bag.area"] == 0


def test_a_camera_that_was_turned_while_it_was_away_begins_anew() -> None:
    street = Street()
    street.look(BAG, times=4)
    again = Street()
    again.watch.recall(street.watch.learned())
    again.at = street.at
    assert again.look(view=ELSEWHERE, times=30).samples == ()
    counts = again.look(BAG, view=ELSEWHERE, times=4).samples
    assert {one.metric: one.value for one in counts}["garbage_bag.age"] == 30


def test_a_camera_that_had_seen_nothing_has_nothing_to_recall() -> None:
    again = Street()
    again.watch.recall(json.loads(json.dumps(Street().watch.learned())))
    assert again.values(BAG, times=3)["dock", "garbage_bag.count"] == 1


@pytest.mark.parametrize(
    "learned",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"view": None, "began": 0, "looks": 3, "things": [{"box": 1}]}, id="no box"),
        pytest.param({"view": None, "began": 0, "looks": 3, "things": [7]}, id="no thing"),
        pytest.param({"view": "?", "began": 0, "looks": 3, "things": []}, id="no view"),
        pytest.param({"view": "AAAA", "began": 0, "looks": 3, "things": []}, id="a small view"),
    ],
)
def test_what_is_no_memory_of_ours_is_refused(learned: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no things|the view"):
        Street().watch.recall(learned)
