import numpy as np
import pytest

from citypatrol.samples import Sample
from detectors.street import StreetCounts, Zone
from detectors.types import Finding, Frame

PAVEMENT = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
FRAME = Frame("dock", 7_000, np.zeros((100, 200, 3), np.uint8))


def at(label: str, x: float, foot: float) -> Finding:
    """A thing 10 x 10 pixels whose lower edge's middle is at ``x``, ``foot``."""
    return Finding(label, 0.8, (x - 5, foot - 10, x + 5, foot))


def counts(zones: list[Zone], *findings: Finding) -> dict[tuple[str, str], float]:
    seen = StreetCounts("dock", zones=zones, detector=lambda _: list(findings))(FRAME)
    return {(sample.source, sample.metric): sample.value for sample in seen.samples}


def test_nothing_found_is_a_count_of_zero() -> None:
    seen = StreetCounts("dock", zones=[], detector=lambda _: [])(FRAME)
    assert seen.samples == (
        Sample("dock", "litter.count", 7_000, 0.0),
        Sample("dock", "garbage_bag.count", 7_000, 0.0),
        Sample("dock", "dumped_waste.count", 7_000, 0.0),
    )
    assert seen.findings == ()


def test_the_whole_picture_counts_without_zones() -> None:
    found = counts([], at("litter", 10, 20), at("litter", 190, 100), at("garbage_bag", 5, 11))
    assert found["dock", "litter.count"] == 2
    assert found["dock", "garbage_bag.count"] == 1


def test_a_thing_is_where_its_foot_is() -> None:
    zone = Zone("pavement", PAVEMENT)
    found = counts([zone], at("litter", 50, 52), at("litter", 50, 49), at("litter", 50, 100))
    assert found == {
        ("dock/pavement", "litter.count"): 2,
        ("dock/pavement", "garbage_bag.count"): 0,
        ("dock/pavement", "dumped_waste.count"): 0,
    }


def test_only_what_is_counted_is_drawn() -> None:
    outside, inside, light = at("litter", 50, 20), at("litter", 50, 90), at("traffic_light", 50, 90)
    watch = StreetCounts(
        "dock", zones=[Zone(None, PAVEMENT)], detector=lambda _: [outside, inside, light]
    )
    assert watch(FRAME).findings == (inside,)


def test_unnamed_zones_belong_to_the_camera_and_count_a_thing_once() -> None:
    zones = [Zone(None, PAVEMENT), Zone(None, PAVEMENT), Zone("kerb", PAVEMENT)]
    found = counts(zones, at("litter", 50, 90))
    assert found["dock", "litter.count"] == 1
    assert found["dock/kerb", "litter.count"] == 1


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [
        pytest.param(0.5, 0.5, True, id="in the arm"),
        pytest.param(0.9, 0.9, False, id="in the notch"),
        pytest.param(0.1, 0.9, True, id="in the leg"),
        pytest.param(1.5, 0.5, False, id="right of it"),
        pytest.param(0.5, -0.5, False, id="above"),
    ],
)
def test_a_polygon_may_have_a_notch(x: float, y: float, inside: bool) -> None:
    shape = Zone("l", ((0, 0), (1, 0), (1, 0.6), (0.4, 0.6), (0.4, 1), (0, 1)))
    assert shape.holds(x, y) is inside
