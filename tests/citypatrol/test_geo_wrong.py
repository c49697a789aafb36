"""Files that are no grid, and cells that are none: what a person who mends them reads."""

from pathlib import Path
from typing import Any

import pytest

from citypatrol.geo import Grid
from tests.citypatrol.a_grid import CITY, DISTRICT, Json, code, feature, read, square


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
