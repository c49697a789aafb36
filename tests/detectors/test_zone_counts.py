import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from detectors.counts import ZoneCounts
from detectors.types import Finding, Frame, Seen
from detectors.zones import Ground, Zone

LEFT = Zone("kerb", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
LABELS = {"person": "walker", "car": "vehicle", "bus": "vehicle"}
BLACK = np.zeros((100, 200, 3), np.uint8)


def at(label: str, x: float, *, score: float = 0.7) -> Finding:
    return Finding(label, score, (x - 10.0, 40.0, x + 10.0, 80.0))


class Street:
    def __init__(self, *zones: Zone, labels: Mapping[str, str] | None = None) -> None:
        self.found: Sequence[Finding] = ()
        self.at = 0
        self.watch = ZoneCounts(
            ground=Ground("dock", zones),
            detector=lambda _: list(self.found),
            labels=LABELS if labels is None else labels,
        )

    def look(self, *found: Finding, times: int = 1) -> Seen:
        self.found = found
        for _ in range(times):
            seen = self.watch(Frame("dock", self.at, BLACK))
            self.at += 10_000
        return seen

    def values(self, *found: Finding, times: int = 1) -> dict[tuple[str, str], float]:
        seen = self.look(*found, times=times)
        return {(one.source, one.metric): one.value for one in seen.samples}


def test_classes_become_labels_and_are_counted_on_their_ground() -> None:
    found = Street(LEFT).values(
        at("car", 20),
        at("bus", 60, score=0.8),
        at("car", 150, score=0.9),
        at("person", 90),
        at("dog", 40),
    )
    assert found == {
        ("dock/kerb", "walker.count"): 1,
        ("dock/kerb", "walker.dwell"): 0,
        ("dock/kerb", "walker.score"): 0.7,
        ("dock/kerb", "vehicle.count"): 2,
        ("dock/kerb", "vehicle.dwell"): 0,
        ("dock/kerb", "vehicle.score"): 0.8,
    }


def test_an_empty_street_says_so() -> None:
    assert set(Street().values().values()) == {0.0}


def test_the_longest_stay_is_told_in_seconds() -> None:
    street = Street(LEFT)
    street.look(at("car", 20), times=6)
    found = street.values(at("car", 20), at("bus", 60))
    assert found["dock/kerb", "vehicle.dwell"] == 60
    assert found["dock/kerb", "walker.dwell"] == 0
    assert street.values(times=3)["dock/kerb", "vehicle.dwell"] == 0


def test_what_counts_is_drawn_by_its_label() -> None:
    seen = Street(LEFT).look(at("car", 20), at("car", 150), at("dog", 20))
    assert [(one.label, one.box) for one in seen.findings] == [("vehicle", (10, 40, 30, 80))]


def test_who_stays_is_known_over_a_restart() -> None:
    street = Street(LEFT)
    street.look(at("car", 20), times=6)
    again = Street(LEFT)
    again.watch.recall(json.loads(json.dumps(street.watch.learned())))
    again.at = street.at
    assert again.values(at("car", 20))["dock/kerb", "vehicle.dwell"] == 60


@pytest.mark.parametrize(
    "learned",
    [{}, {"tracks": [1]}, {"tracks": [{"box": [0, 0, 1, 1], "stays": 7}]}, {"tracks": None}],
    ids=["nothing", "no track", "no stays", "no list"],
)
def test_what_is_no_memory_of_ours_is_refused(learned: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no tracks"):
        Street().watch.recall(learned)
