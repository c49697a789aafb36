"""Writes the demo city's files: the same files that a real city has, in a folder of its own."""

import base64
import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml

from app.demo.cameras import CameraSpec
from app.demo.devices import DISTRICTS, HEIGHT, SOUTH, WEST, WIDTH, Device
from citypatrol.secret import Secret

REGISTRY = ("id", "name", "kind", "site", "lat", "lon", "district", "gateway", "flood_limit")
UNITS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "guancheng-housing": ("管城区住建局", "district", ("road.traffic_light", "road.manhole")),
    "flood-control": ("市防汛办", "city", ("road.flooding",)),
    "urban-management": ("管城区城管局", "district", ("city.litter",)),
    "ecology": ("市生态环境局", "city", ("environment.air", "environment.noise")),
    "data-bureau": ("市大数据局", "city", ("device.silent", "device.camera")),
}
CITY_NAME = "郑州市"
DISTRICT_CODES = dict(
    zip(DISTRICTS, ("410102", "410103", "410104", "410108", "410105", "410171"), strict=True)
)
ROWS, COLUMNS = 10, 15


@dataclass(frozen=True, slots=True)
class Ports:
    """Free ports of 127.0.0.1, one a server."""

    mqtt: int
    rtsp: int
    hooks: int
    http: int


def unit_secrets(seed: int) -> dict[str, Secret]:
    """One signing secret a unit; of the seed, because both sides of a demo are ours."""
    return {
        unit: Secret("whsec_" + base64.b64encode(hashlib.sha256(f"{seed}{unit}".encode()).digest())
                     .decode())
        for unit in UNITS
    }  # fmt: skip


def write_city(
    folder: Path,
    *,
    seed: int,
    ports: Ports,
    devices: Sequence[Device],
    cameras: Sequence[CameraSpec],
    sinks: Sequence[Mapping[str, object]] = (),
) -> Path:
    """Write every file; returns the path of city.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yaml").write_bytes(files("app.demo").joinpath("rules.yaml").read_bytes())
    _write_registry(folder / "registry.csv", devices, cameras)
    _dump(folder / "cameras.yaml", {"cameras": [_camera(spec, ports.rtsp) for spec in cameras]})
    _dump(folder / "units.yaml", {"units": _units(seed, ports.hooks)})
    (folder / "grid.geojson").write_text(json.dumps(grid(), ensure_ascii=False), encoding="utf-8")
    path = folder / "city.yaml"
    _dump(path, _city(ports, sinks))
    return path


def _city(ports: Ports, sinks: Sequence[Mapping[str, object]]) -> dict[str, object]:
    page = f"127.0.0.1:{ports.http}"
    patterns = [
        {"match": "city/{district}/{kind}/{source}/{metric}", "payload": "plain"},
        {"match": "city/{district}/{kind}/{source}", "payload": "json"},
    ]
    return {
        "city": {"name": "Zhengzhou", "code": "ZZ", "timezone": "Asia/Shanghai"},
        "registry": "registry.csv",
        "cameras": "cameras.yaml",
        "grid": "grid.geojson",
        "units": "units.yaml",
        "rules": ["rules.yaml"],
        "journal": {"type": "sqlite", "path": "data/journal.db"},
        "tickets": {"url": "sqlite:///data/tickets.db"},
        "evidence": {"path": "data/evidence"},
        "inputs": [{"type": "mqtt", "url": f"mqtt://127.0.0.1:{ports.mqtt}", "topics": patterns}],
        "webhooks": {"allow": ["127.0.0.0/8"], "schedule": ["0s", "1s", "2s", "5s", "10s"]},
        "sinks": list(sinks),
        "http": {"listen": page, "public_url": f"http://{page}"},
    }


def _units(seed: int, port: int) -> list[dict[str, object]]:
    secrets = unit_secrets(seed)
    return [
        {
            "id": unit,
            "name": name,
            "level": level,
            "handles": list(handles),
            "webhook": {
                "url": f"http://127.0.0.1:{port}/hooks/{unit}",
                "secret": secrets[unit].reveal(),
            },
        }
        for unit, (name, level, handles) in UNITS.items()
    ]


def _camera(spec: CameraSpec, port: int) -> dict[str, object]:
    return {
        "id": spec.id,
        "url": f"rtsp://127.0.0.1:{port}/{spec.path}",
        "every": "1s",
        "site": spec.site,
        "detectors": [dict(detector) for detector in spec.detectors],
    }


def _write_registry(path: Path, devices: Sequence[Device], cameras: Sequence[CameraSpec]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(REGISTRY)
        for camera in cameras:
            place = (camera.site, camera.lat, camera.lon, camera.district)
            writer.writerow((camera.id, camera.name, "camera", *place, "", ""))
        for number, device in enumerate(devices):
            place = (device.site, device.lat, device.lon, device.district)
            limit = "12" if device.kind == "underpass" and number % 3 == 0 else ""
            writer.writerow((device.id, device.name, device.kind, *place, device.gateway, limit))


def grid() -> dict[str, object]:
    """A grid of streets' cells, in six districts of one city: a simplification, drawn by rule."""
    city = "410100"
    features = [_feature(city, name=CITY_NAME, level="city", number=0, rows=1, columns=1)]
    for number, (district, code) in enumerate(DISTRICT_CODES.items()):
        name = DISTRICTS[district]
        features.append(
            _feature(
                code, name=name, parent=city, level="district", number=number, rows=2, columns=3
            )
        )
    codes = list(DISTRICT_CODES.values())
    for number in range(ROWS * COLUMNS):
        row, column = divmod(number, COLUMNS)
        district = codes[(row // (ROWS // 2)) * 3 + column // (COLUMNS // 3)]
        code = f"{district}-{row + 1:02d}-{column + 1:03d}"
        features.append(
            _feature(
                code,
                name=code,
                parent=district,
                level="street",
                number=number,
                rows=ROWS,
                columns=COLUMNS,
            )
        )
    return {"type": "FeatureCollection", "features": features}


def _feature(
    code: str,
    *,
    name: str,
    level: str,
    number: int,
    rows: int,
    columns: int,
    parent: str | None = None,
) -> dict[str, object]:
    """Cell ``number`` of the city cut into so many rows and columns, from the south-west on."""
    row, column = divmod(number, columns)
    south, north = (SOUTH + HEIGHT * edge / rows for edge in (row, row + 1))
    west, east = (WEST + WIDTH * edge / columns for edge in (column, column + 1))
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {
        "type": "Feature",
        "properties": {"code": code, "parent": parent, "level": level, "name": name},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[round(lon, 6), round(lat, 6)] for lon, lat in ring]],
        },
    }


def _dump(path: Path, value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8")
