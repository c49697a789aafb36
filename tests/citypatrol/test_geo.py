import gc
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.geo import Cell, Grid
from citypatrol.geo_rings import areas, read_rings

Json = dict[str, Any]


def square(west: float, south: float, size: float) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(code: str, parent: str | None, level: str, *rings: Any, **more: Any) -> Json:
    return {
        "type": "Feature",
        "properties": {"code": code, "parent": parent, "level": level, **more},
        "geometry": {"type": "Polygon", "coordinates": list(rings)},
    }


def write(tmp_path: Path, *features: Any, **more: Any) -> Path:
    path = tmp_path / "grid.geojson"
    document = {"type": "FeatureCollection", "features": list(features), **more}
    path.write_bytes(orjson.dumps(document))
    return path


def read(tmp_path: Path, *features: Any, **more: Any) -> tuple[Grid, list[str]]:
    path = write(tmp_path, *features, **more)
    grid, problems = Grid.read(path)
    assert all(problem.path == str(path) for problem in problems)
    return grid, [problem.message for problem in problems]


CITY = feature("4101", None, "city", square(113, 34, 1))
DISTRICT = feature("410104", "4101", "district", square(113, 34, 0.5), name="管城区")
STREET = feature(
    "410104-03", "410104", "street", square(113.1, 34.1, 0.2), square(113.15, 34.15, 0.05)
)
ISLANDS: Json = {
    "type": "Feature",
    "properties": {"code": "410105-01", "parent": "4101", "level": "street"},
    "geometry": {
        "type": "MultiPolygon",
        "coordinates": [[square(113.6, 34.6, 0.1)], [square(113.8, 34.8, 0.1)]],
    },
}


def code(grid: Grid, lat: float, lon: float) -> str | None:
    cell = grid.cell(lat, lon)
    return None if cell is None else cell.code


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (34.12, 113.12, "410104-03"),
        (34.17, 113.17, "410104"),
        (34.4, 113.4, "410104"),
        (34.9, 113.1, "4101"),
        (34.65, 113.65, "410105-01"),
        (34.85, 113.85, "410105-01"),
        (34.75, 113.75, "4101"),
        (35.5, 113.5, None),
        (113.5, 34.5, None),
    ],
    ids=[
        "street", "hole of the street", "district", "city", "island", "other island",
        "between islands", "outside", "exchanged",
    ],
)  # fmt: skip
def test_the_smallest_cell_that_holds_it(
    tmp_path: Path, lat: float, lon: float, expected: str | None
) -> None:
    grid, problems = read(tmp_path, CITY, ISLANDS, STREET, DISTRICT)
    assert problems == []
    assert code(grid, lat, lon) == expected


def test_cells_by_code_and_upward(tmp_path: Path) -> None:
    grid, _ = read(tmp_path, STREET, DISTRICT, CITY)
    street = grid.get("410104-03")
    assert street is not None
    assert [cell.code for cell in grid.upward(street)] == ["410104-03", "410104", "4101"]
    assert [cell.name for cell in grid.upward(street)] == ["", "管城区", ""]
    assert [len(polygon) for polygon in street.polygons] == [2]
    assert street.polygons[0][0].shape == (5, 2)
    assert grid.get("none") is None
    assert len(grid) == 3
    assert [cell.code for cell in grid.cells] == ["410104-03", "410104", "4101"]


def test_empty_grids(tmp_path: Path) -> None:
    for grid in (Grid.empty(), read(tmp_path)[0]):
        assert len(grid) == 0
        assert grid.cell(34, 113) is None


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_place_on_a_border_lies_in_exactly_one_neighbour(x: int, y: int) -> None:
    lon, lat = 113 + x / 40, 34 + y / 40
    holding = [cell for cell in _neighbours() if cell.cell(lat, lon) is not None]
    inside = x < 40 and y < 40
    assert len(holding) == (1 if inside else 0)


def _neighbours() -> list[Grid]:
    """A square cut into triangles and squares whose edges touch."""
    rings = [
        [[113, 34], [113.5, 34], [113.5, 34.5], [113, 34]],
        [[113, 34], [113.5, 34.5], [113, 34.5], [113, 34]],
        square(113.5, 34, 0.5),
        [[113, 34.5], [113.5, 34.5], [113, 35], [113, 34.5]],
        [[113.5, 34.5], [113.5, 35], [113, 35], [113.5, 34.5]],
        square(113.5, 34.5, 0.5)[::-1],
    ]
    found = [ring for ring in read_rings(rings) if not isinstance(ring, str)]
    sizes = areas(found).tolist()
    return [
        Grid([Cell(str(n), None, "street", "", ((ring,),), size)])
        for n, (ring, size) in enumerate(zip(found, sizes, strict=True))
    ]


def test_area_is_smaller_towards_the_poles(tmp_path: Path) -> None:
    grid, _ = read(
        tmp_path,
        feature("south", None, "city", square(0, 0, 1)),
        feature("north", None, "city", square(0, 60, 1)),
    )
    south, north = grid.get("south"), grid.get("north")
    assert south is not None
    assert north is not None
    assert south.area == pytest.approx(1, rel=1e-3)
    assert north.area == pytest.approx(0.49, abs=0.01)


def without(key: str) -> Json:
    bad = feature("a", None, "street", square(0, 0, 1))
    del bad["properties"][key]
    return bad


def geometry(value: Any) -> Json:
    return feature("a", None, "street") | {"geometry": value}


CLOSED = "a ring is not closed; its last position must be its first"
POSITIONS = "a ring must be a list of [longitude, latitude]"
NO_GEOMETRY = "its geometry must be a Polygon or MultiPolygon, found "


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (without("code"), "feature 2: has no code in its properties"),
        (without("parent"), "feature 2 ('a'): has no parent in its properties"),
        (without("level"), "feature 2 ('a'): has no level in its properties"),
        (
            {"type": "Feature", "properties": None},
            "feature 2: has no code, parent, level in its properties",
        ),
        ({"type": "Point"}, "feature 2: is no Feature"),
        (5, "feature 2: is no Feature"),
        (feature("", None, "city"), "feature 2: code must be text, found ''"),
        (feature(5, None, "city"), "feature 2: code must be text, found 5"),  # type: ignore[arg-type]
        (
            feature("a", 5, "city"),  # type: ignore[arg-type]
            "feature 2 ('a'): parent must be a code, or null at the top, found 5",
        ),
        (
            feature("a", None, "town"),
            "feature 2 ('a'): level 'town' is none of street, district, city",
        ),
        (geometry(None), f"feature 2 ('a'): {NO_GEOMETRY}none"),
        (
            geometry({"type": "Point", "coordinates": [1, 2]}),
            f"feature 2 ('a'): {NO_GEOMETRY}Point",
        ),
        (geometry({"type": "Polygon"}), "feature 2 ('a'): a polygon has no rings"),
        (
            geometry({"type": "Polygon", "coordinates": []}),
            "feature 2 ('a'): a polygon has no rings",
        ),
        (
            geometry({"type": "MultiPolygon", "coordinates": [[]]}),
            "feature 2 ('a'): a polygon has no rings",
        ),
        (
            geometry({"type": "MultiPolygon", "coordinates": []}),
            "feature 2 ('a'): has no coordinates",
        ),
        (feature("a", None, "street", square(0, 0, 1)[:4]), f"feature 2 ('a'): {CLOSED}"),
        (
            feature("a", None, "street", [[0, 0], [1, 1], [0, 0]]),
            "feature 2 ('a'): a ring has 3 positions; it needs at least 4",
        ),
        (feature("a", None, "street", []), f"feature 2 ('a'): {POSITIONS}"),
        (feature("a", None, "street", "ring"), f"feature 2 ('a'): {POSITIONS}"),
        (feature("a", None, "street", [1, 2, 3, 4]), f"feature 2 ('a'): {POSITIONS}"),
        (feature("a", None, "street", [[1], [2], [3], [1]]), f"feature 2 ('a'): {POSITIONS}"),
        (feature("a", None, "street", [["1", "2"]] * 4), f"feature 2 ('a'): {POSITIONS}"),
        (feature("a", None, "street", [[None, 2.0]] * 4), f"feature 2 ('a'): {POSITIONS}"),
        (feature("a", None, "street", [[True, 2.0]] * 4), f"feature 2 ('a'): {POSITIONS}"),
        (
            feature("a", None, "street", square(0, 0, 1), [[0.1, 0.1], [0.2, 0.2]]),
            "feature 2 ('a'): a ring has 2 positions; it needs at least 4",
        ),
        (
            feature("a", None, "street", square(34, 113, 1)),
            "feature 2 ('a'): position [34, 113] is no longitude, latitude; longitude comes first",
        ),
        (feature("a", None, "street", [[1, 1]] * 5), "feature 2 ('a'): has no area"),
        (
            feature("a", None, "street", square(0, 0, 1), square(0, 0, 1)),
            "feature 2 ('a'): has no area",
        ),
        (
            feature("4101", None, "street", square(0, 0, 1)),
            "feature 2: duplicate code '4101', as feature 1",
        ),
        (
            feature("a", "zz", "street", square(0, 0, 1)),
            "cell 'a': its parent 'zz' is not in the file",
        ),
        (
            feature("a", "4101", "city", square(0, 0, 1)),
            "cell 'a' is a city and its parent '4101' a city; a parent must be of a higher level",
        ),
        (
            feature("a", "a", "street", square(0, 0, 1)),
            "cell 'a' is a street and its parent 'a' a street; a parent must be of a higher level",
        ),
    ],
)
def test_a_wrong_feature(tmp_path: Path, bad: Any, expected: str) -> None:
    grid, problems = read(tmp_path, CITY, bad, DISTRICT)
    assert problems == [expected]
    assert code(grid, 34.4, 113.4) == "410104"


def test_a_cell_in_a_circle_of_parents_does_not_hang(tmp_path: Path) -> None:
    grid, problems = read(
        tmp_path,
        feature("a", "b", "street", square(0, 0, 1)),
        feature("b", "a", "street", square(1, 0, 1)),
    )
    assert len(problems) == 2
    cell = grid.get("a")
    assert cell is not None
    assert [each.code for each in grid.upward(cell)] == ["a", "b"]


def test_altitudes_are_passed_over(tmp_path: Path) -> None:
    ring = [[*position, 99.5] for position in square(0, 0, 1)]
    ring[2] = ring[2][:2]
    grid, problems = read(tmp_path, feature("a", None, "street", ring), CITY)
    assert problems == []
    assert code(grid, 0.5, 0.5) == "a"


def test_problems_beyond_a_hundred_are_counted(tmp_path: Path) -> None:
    bad = [feature(f"c{n}", "none", "street", square(0, 0, 1)) for n in range(130)]
    _, problems = read(tmp_path, *bad)
    assert len(problems) == 101
    assert problems[-1] == "and 30 more problems"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ":1:1: not JSON: "),
        (b'{"type":\n "FeatureCollection",]', ":2:22: not JSON: "),
        (b'{"name": "\xd6\xd0"}', ":1:11: not UTF-8 (byte 0xd6); save it as UTF-8"),
        (b"[]", ": is no GeoJSON FeatureCollection (RFC 7946)"),
        (b'{"type": "Feature"}', ": is no GeoJSON FeatureCollection (RFC 7946)"),
        (b'{"type": "FeatureCollection"}', ": 'features' must be a list"),
    ],
    ids=["empty", "broken", "not UTF-8", "list", "one feature", "no features"],
)
def test_a_file_that_is_no_grid(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "grid.geojson"
    path.write_bytes(data)
    grid, problems = Grid.read(path)
    assert len(grid) == 0
    assert str(problems[0]).startswith(f"{path}{expected}")
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", False),
        ("EPSG:4326", False),
        ("urn:ogc:def:crs:EPSG::4490", True),
    ],
)
def test_other_coordinate_systems_are_refused(tmp_path: Path, name: str, wrong: bool) -> None:
    grid, problems = read(tmp_path, CITY, crs={"type": "name", "properties": {"name": name}})
    assert len(grid) == (0 if wrong else 1)
    assert bool(problems) is wrong


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    _, problems = Grid.read(tmp_path / "no.geojson")
    assert [problem.message for problem in problems] == [
        "cannot be read: No such file or directory"
    ]


def test_bom_is_accepted(tmp_path: Path) -> None:
    path = write(tmp_path, CITY)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(Grid.read(path)[0]) == 1


@pytest.mark.parametrize("on", [True, False])
def test_reading_leaves_the_garbage_collector_as_it_was(tmp_path: Path, on: bool) -> None:
    (gc.enable if on else gc.disable)()
    try:
        read(tmp_path, CITY)
        assert gc.isenabled() is on
    finally:
        gc.enable()


def test_a_whole_city_of_cells(tmp_path: Path) -> None:
    side = 100
    streets = [
        feature(f"s{x}-{y}", "4101", "street", square(113 + x / side, 34 + y / side, 1 / side))
        for x in range(side)
        for y in range(side)
    ]
    grid, problems = read(tmp_path, CITY, *streets)
    assert problems == []
    assert len(grid) == side * side + 1
    for x in range(0, side, 7):
        assert code(grid, 34 + (x + 0.5) / side, 113 + 0.123) == f"s12-{x}"
