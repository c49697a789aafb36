import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.geo import Cell, Grid
from citypatrol.geo_rings import areas, read_rings
from tests.citypatrol.a_grid import CITY, DISTRICT, STREET, Json, code, feature, read, square, write

ISLANDS: Json = {
    "type": "Feature",
    "properties": {"code": "410105-01", "parent": "4101", "level": "street"},
    "geometry": {
        "type": "MultiPolygon",
        "coordinates": [[square(113.6, 34.6, 0.1)], [square(113.8, 34.8, 0.1)]],
    },
}


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


def test_altitudes_are_passed_over(tmp_path: Path) -> None:
    ring = [[*position, 99.5] for position in square(0, 0, 1)]
    ring[2] = ring[2][:2]
    grid, problems = read(tmp_path, feature("a", None, "street", ring), CITY)
    assert problems == []
    assert code(grid, 0.5, 0.5) == "a"


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
