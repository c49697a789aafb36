"""A grid as GeoJSON."""

from pathlib import Path
from typing import Any

import orjson

from citypatrol.geo import Grid

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


def code(grid: Grid, lat: float, lon: float) -> str | None:
    cell = grid.cell(lat, lon)
    return None if cell is None else cell.code
