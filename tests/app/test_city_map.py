import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from app.pages.city_map import MOST_DOTS, MOST_POINTS, Shape, draw

NONE = np.array([])


def _box(west: float, south: float, size: float = 0.1) -> np.ndarray:
    east, north = west + size, south + size
    return np.array([(west, south), (east, south), (east, north), (west, north), (west, south)])


def _svg(base) -> ElementTree.Element:
    return ElementTree.fromstring(f"<svg>{base}</svg>")


def test_a_place_is_where_it_stands():
    city = draw([Shape("city", [_box(113.7, 34.7)])], lat=NONE, lon=NONE)
    west, south = city.projection.at(34.7, 113.7)
    east, north = city.projection.at(34.8, 113.8)
    assert west < east
    assert north < south  # y grows downwards
    # 0.1 degrees of longitude is shorter than of latitude by the cosine of 34.75 degrees.
    assert (east - west) / (south - north) == pytest.approx(0.8216, abs=0.002)


def test_a_place_outside_is_drawn_at_the_edge():
    city = draw([Shape("city", [_box(113.7, 34.7)])], lat=NONE, lon=NONE)
    x, y = city.projection.at(0.0, 0.0)
    assert (x, y) == (14.0, city.height - 14)


def test_few_sources_are_dots_in_one_path():
    lat, lon = np.array([34.71, 34.79, np.nan]), np.array([113.71, 113.79, np.nan])
    city = draw([Shape("city", [_box(113.7, 34.7)])], lat=lat, lon=lon)
    [dots] = [path for path in _svg(city.base).iter("path") if "dots" in path.attrib["class"]]
    assert dots.attrib["d"].count("M") == 2
    assert (city.sources, city.dense) == (3, False)


def test_many_sources_are_density_and_the_drawing_stays_small():
    rng = np.random.default_rng(1)
    count = 349_300
    city = draw(
        [Shape("city", [_box(113.0, 34.0, 2.0)])],
        lat=rng.normal(35, 0.2, count),
        lon=rng.normal(114, 0.2, count),
    )
    assert city.dense
    assert len(city.base) < 400_000
    strengths = {path.attrib["class"] for path in _svg(city.base).iter("path")}
    assert {"density d1", "density d2", "density d3", "density d4"} <= strengths


def test_the_border_between_dots_and_density():
    def dense(count: int) -> bool:
        lat, lon = np.linspace(34.7, 34.8, count), np.linspace(113.7, 113.8, count)
        return draw([], lat=lat, lon=lon).dense

    assert not dense(MOST_DOTS)
    assert dense(MOST_DOTS + 1)


def test_too_many_streets_leave_the_districts():
    streets = [
        Shape("street", [_box(113 + n % 100 / 50, 34 + n // 100 / 50, 0.02)]) for n in range(10_000)
    ]
    assert sum(len(shape.rings[0]) for shape in streets) > MOST_POINTS
    district = Shape("district", [_box(113, 34, 2)], "管城<b>")
    city = draw([*streets, district], lat=NONE, lon=NONE)
    assert city.cells_left_out
    assert len(list(_svg(city.base).iter("path"))) == 2  # the district, and no dots
    assert city.cells == 10_001


def test_names_of_districts_are_written_and_escaped():
    city = draw([Shape("district", [_box(113, 34, 2)], "管城<b>&")], lat=NONE, lon=NONE)
    [name] = _svg(city.base).iter("text")
    assert name.text == "管城<b>&"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_city_of_next_to_nothing_has_a_map(count):
    lat = lon = np.full(count, 34.7)
    city = draw([], lat=lat, lon=lon)
    assert 300 < city.height <= 1000
    assert not re.search("nan|inf", str(city.base))


def test_one_source_far_away_does_not_shrink_the_city():
    lat, lon = (
        np.append(np.linspace(34.7, 34.8, 2000), 0.0),
        np.append(np.linspace(113.7, 113.8, 2000), 0.0),
    )
    city = draw([], lat=lat, lon=lon)
    (x1, _), (x2, _) = city.projection.at(34.75, 113.72), city.projection.at(34.75, 113.78)
    assert x2 - x1 > 400
