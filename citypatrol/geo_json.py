"""Reading the grid's GeoJSON, and saying which feature is wrong and why."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from citypatrol.errors import Problem
from citypatrol.geo_cells import LEVELS, Cell, Level
from citypatrol.geo_rings import Ring, areas, read_rings
from citypatrol.yamlsyntax import decode

_WGS84: Final = ("CRS84", "4326")
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class _Draft:
    """A feature whose words are right; its rings lie at ``polygons`` in the list of all rings."""

    number: int
    code: str
    parent: str | None
    level: Level
    name: str
    polygons: tuple[range, ...]


def read_cells(path: Path) -> tuple[list[Cell], list[Problem]]:
    """The cells that can be used, and problems; at most 100 of them and a count of the rest."""
    with _garbage_waits():
        return _read(path)


@contextmanager
def _garbage_waits() -> Iterator[None]:
    """Millions of fresh lists, none of them garbage, would be looked through ten times: 4 s."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(path: Path) -> tuple[list[Cell], list[Problem]]:
    name = str(path)
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        return [], [Problem(name, 0, 0, f"cannot be read: {error.strerror}")]
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        broken = Problem(name, error.lineno, error.colno, f"not JSON: {error.msg}")
        return [], decode(data, path=name)[1] or [broken]
    refused = _no_collection(document)
    if refused:
        return [], [Problem(name, 0, 0, refused)]
    cells, told = _cells(document["features"])
    told += _family(cells)
    problems = [Problem(name, 0, 0, message) for message in told[:_MOST]]
    if len(told) > _MOST:
        problems.append(Problem(name, 0, 0, f"and {len(told) - _MOST} more problems"))
    return list(cells.values()), problems


def _no_collection(document: Any) -> str | None:
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        return "is no GeoJSON FeatureCollection (RFC 7946)"
    if not isinstance(document.get("features"), list):
        return "'features' must be a list"
    crs = document.get("crs")
    if crs is not None and not any(known in str(crs) for known in _WGS84):
        return "'crs' names another coordinate system; RFC 7946 is WGS 84 longitude, latitude"
    return None


def _cells(features: Sequence[Any]) -> tuple[dict[str, Cell], list[str]]:
    told: dict[int, str] = {}
    drafts: dict[str, _Draft] = {}
    positions: list[Any] = []
    for number, feature in enumerate(features, start=1):
        draft = _draft(number, feature, positions)
        if isinstance(draft, str):
            told[number] = f"feature {number}{_called(feature)}: {draft}"
        elif draft.code in drafts:
            first = drafts[draft.code].number
            told[number] = f"feature {number}: duplicate code '{draft.code}', as feature {first}"
        else:
            drafts[draft.code] = draft
    rings = read_rings(positions)
    sizes = iter(areas([ring for ring in rings if not isinstance(ring, str)]).tolist())
    area = [0.0 if isinstance(ring, str) else next(sizes) for ring in rings]
    cells: dict[str, Cell] = {}
    for draft in drafts.values():
        cell = _finished(draft, rings, area)
        if isinstance(cell, str):
            told[draft.number] = f"feature {draft.number} ('{draft.code}'): {cell}"
        else:
            cells[cell.code] = cell
    return cells, [told[number] for number in sorted(told)]


def _called(feature: Any) -> str:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    code = properties.get("code") if isinstance(properties, dict) else None
    return f" ('{code}')" if isinstance(code, str) and code else ""


def _draft(number: int, feature: Any, positions: list[Any]) -> _Draft | str:
    """The feature without its rings, which are added to ``positions``; or what is wrong."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return "is no Feature"
    properties = feature.get("properties")
    given = properties if isinstance(properties, dict) else {}
    missing = [key for key in ("code", "parent", "level") if key not in given]
    if missing:
        return f"has no {', '.join(missing)} in its properties"
    code, parent, level, name = (given.get(key) for key in ("code", "parent", "level", "name"))
    if not isinstance(code, str) or not code:
        return f"code must be text, found {code!r}"
    if parent is not None and not isinstance(parent, str):
        return f"parent must be a code, or null at the top, found {parent!r}"
    if level not in LEVELS:
        return f"level {level!r} is none of {', '.join(LEVELS)}"
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        return f"its geometry must be a Polygon or MultiPolygon, found {kind or 'none'}"
    coordinates = geometry.get("coordinates")
    parts = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(parts, list) or not parts:
        return "has no coordinates"
    if not all(isinstance(part, list) and part for part in parts):
        return "a polygon has no rings"
    polygons = []
    for part in parts:
        polygons.append(range(len(positions), len(positions) + len(part)))
        positions += part
    known = name if isinstance(name, str) else ""
    return _Draft(number, code, parent, level, known, tuple(polygons))


def _finished(draft: _Draft, rings: Sequence[Ring | str], area: Sequence[float]) -> Cell | str:
    polygons: list[tuple[Ring, ...]] = []
    size = 0.0
    for span in draft.polygons:
        sound = []
        for n in span:
            ring = rings[n]
            if isinstance(ring, str):
                return ring
            sound.append(ring)
            size += area[n] if n == span.start else -area[n]
        polygons.append(tuple(sound))
    if size <= 0:
        return "has no area"
    return Cell(draft.code, draft.parent, draft.level, draft.name, tuple(polygons), size)


def _family(cells: dict[str, Cell]) -> list[str]:
    told = []
    for cell in cells.values():
        if cell.parent is None:
            continue
        parent = cells.get(cell.parent)
        if parent is None:
            told.append(f"cell '{cell.code}': its parent '{cell.parent}' is not in the file")
        elif LEVELS.index(parent.level) <= LEVELS.index(cell.level):
            told.append(
                f"cell '{cell.code}' is a {cell.level} and its parent '{parent.code}' a "
                f"{parent.level}; a parent must be of a higher level"
            )
    return told
