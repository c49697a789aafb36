import pytest

from detectors.types import Box
from detectors.zones import Ground, Zone, foot

PAVEMENT = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
NOTCHED = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.6), (0.4, 0.6), (0.4, 1.0), (0.0, 1.0))


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
    assert Zone("l", NOTCHED).holds(x, y) is inside


@pytest.mark.parametrize("turned", [False, True], ids=["clockwise", "the other way"])
def test_the_area_is_a_share_of_the_picture(turned: bool) -> None:
    shape = NOTCHED[::-1] if turned else NOTCHED
    assert Zone("l", shape).area == pytest.approx(1 - 0.6 * 0.4)


def at(x: float, y: float) -> Box:
    return x - 0.02, y - 0.1, x + 0.02, y


@pytest.mark.parametrize(
    ("zones", "box", "sources"),
    [
        pytest.param([], at(0.1, 0.2), ("dock",), id="the whole picture without zones"),
        pytest.param([], at(0.95, 1.0), ("dock",), id="at the lower edge"),
        pytest.param([Zone("kerb", PAVEMENT)], at(0.5, 0.55), ("dock/kerb",), id="its foot is in"),
        pytest.param([Zone("kerb", PAVEMENT)], at(0.5, 0.49), (), id="its foot is not"),
        pytest.param(
            [Zone(None, PAVEMENT), Zone(None, PAVEMENT), Zone("kerb", PAVEMENT)],
            at(0.5, 0.9),
            ("dock", "dock/kerb"),
            id="unnamed zones are one, the camera",
        ),
    ],
)
def test_a_thing_is_where_its_foot_is(
    zones: list[Zone], box: Box, sources: tuple[str, ...]
) -> None:
    assert Ground("dock", zones).under(box) == sources


def test_the_area_of_zones_that_overlap_is_at_most_the_picture() -> None:
    zones = [Zone(None, PAVEMENT)] * 3 + [Zone("kerb", PAVEMENT)]
    ground = Ground("dock", zones)
    assert ground.sources == ("dock", "dock/kerb")
    assert ground.area("dock") == 1.0
    assert ground.area("dock/kerb") == pytest.approx(0.5)


def test_a_foot_at_the_edge_stands_inside() -> None:
    assert foot((-0.2, 0.5, 0.1, 1.3)) == (0.0, pytest.approx(1.0))
    assert max(foot((0.9, 0.5, 1.4, 1.0))) < 1.0
