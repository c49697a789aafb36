import itertools

import pytest

from app.pages.spots import Spot, spread


def at(x: float, y: float) -> Spot:
    return Spot("ZZ-1", "t", "major", "/t", "1", x, y, x + 26, y + 7, "start")


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(100, 100), (400, 100)], [(100, 100), (400, 100)], id="far apart"),
        pytest.param([(100, 100), (100, 100)], [(100, 100), (100, 146)], id="one place"),
        pytest.param([(100, 100), (151, 120)], [(100, 100), (151, 166)], id="labels would touch"),
        pytest.param([(100, 100)] * 3, [(100, 100), (100, 146), (100, 54)], id="above too"),
        pytest.param([(100, 380), (100, 380)], [(100, 380), (100, 334)], id="at the lower edge"),
        pytest.param([(100, 14), (100, 14)], [(100, 14), (100, 60)], id="at the upper edge"),
    ],
)
def test_spots_stand_where_they_can_be_pressed(places, moved):
    found = spread([at(x, y) for x, y in places], height=400)
    assert [(one.x, one.y) for one in found] == moved
    assert all(one.text_y - one.y == 7 for one in found)


def test_more_than_there_is_room_for_stay_at_their_place():
    found = spread(itertools.repeat(at(100, 200), 100), height=400)
    assert len(found) == 100
    assert found[-1] == at(100, 200)
