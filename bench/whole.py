"""The whole city of the plan: 219,300 devices, 130,000 cameras, 20 rules that read every sample.

Files of it for benches that run `citypatrol run`; names and topics are those of `bench.flood`.
"""

from pathlib import Path
from typing import Final

DEVICES: Final = 219_300
CAMERAS: Final = 130_000
METRIC: Final = "level"
CITY: Final = """
city: {{name: Whole, code: WH, timezone: Asia/Shanghai}}
registry: registry.csv
{cameras}
rules: [rules.yaml]
units: units.yaml
journal: {{type: sqlite, path: data/journal.db{journal}}}
tickets: {{url: "sqlite:///data/tickets.db", brake: "off"}}
evidence: {{path: data/evidence}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics: [{{match: "city/{{district}}/{{kind}}/{{source}}/{{metric}}", payload: json}}]
{sinks}
webhooks: {{allow: [127.0.0.0/8]}}
http: {{listen: "127.0.0.1:{http}"}}
"""
_WHEN: Final = (
    "{{above: {n}.0e+12, for: 2m}}",
    "{{below: -{n}, for: 30s, at_least: 3 samples}}",
    "{{above: {{label: flood_limit, default: {n}.0e+12}}}}",
    "{{between: [-{n}.5, -{n}.0]}}",
)


def twenty_rules() -> str:
    """16 thresholds of every plain kind, none of which ever holds, and four silences; each reads
    every sample."""
    lines = ["rules:"]
    for number in range(16):
        condition = _WHEN[number % len(_WHEN)].format(n=number + 2)
        lines += [f"  - name: rule-{number:02d}", f"    select: {{metric: {METRIC}}}"]
        lines += [f"    when: {condition}"]
    lines += [
        '  - {name: source-silent, select: {metric: "*"}, when: {missing: 15m}}',
        f"  - {{name: key-silent, select: {{metric: {METRIC}}}, when: {{missing: 15m}}}}",
        '  - {name: gateway-silent, select: {metric: "*"}, when: {missing: 15m}, group: gateway}',
        f"  - name: silent-unless-serviced\n    select: {{metric: {METRIC}}}",
        "    when: {missing: 15m}\n    unless: {metric: maintenance, above: 0}",
    ]
    return "\n".join(lines) + "\n"


def write_city(
    folder: Path,
    *,
    mqtt: int,
    http: int,
    devices: int = DEVICES,
    cameras: int = CAMERAS,
    reads_cameras: bool = False,
    journal: str = "",
    sinks: str = "",
    rules: str | None = None,
    units: str = "units: []\n",
) -> Path:
    """All files; the path of city.yaml. ``journal``: further keys of the journal, ", keep: 1h"."""
    names = "cameras: cameras.yaml" if reads_cameras else ""
    city = CITY.format(mqtt=mqtt, http=http, cameras=names, journal=journal, sinks=sinks)
    (folder / "city.yaml").write_text(city)
    (folder / "rules.yaml").write_text(twenty_rules() if rules is None else rules)
    (folder / "units.yaml").write_text(units)
    write_registry(folder / "registry.csv", devices=devices, cameras=cameras)
    return folder / "city.yaml"


def write_registry(path: Path, *, devices: int = DEVICES, cameras: int = CAMERAS) -> None:
    """A row a device, then a row a camera, as a real city's export has them."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,kind,site,lat,lon,district,gateway,flood_limit\n")
        for number in range(devices):
            place = f"{34.6 + number % 500 / 2000:.4f},{113.5 + number % 700 / 2000:.4f}"
            limit = "3.0e12" if number % 10 == 0 else ""
            file.write(
                f"dev-{number:06d},设备{number},sensor,site-{number // 4},{place},"
                f"d{number % 6},gw-{number // 200:04d},{limit}\n"
            )
        for number in range(cameras):
            place = f"{34.6 + number % 400 / 2000:.4f},{113.5 + number % 600 / 2000:.4f}"
            file.write(
                f"cam-{number:06d},摄像头{number},camera,site-{number},{place},d{number % 6},,\n"
            )
