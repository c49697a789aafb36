"""How soon `citypatrol run` is ready with a whole city's registry, and how much memory it takes.

`python -m bench.startup`: 349,300 rows (219,300 devices, 130,000 cameras), five of the cameras
read. Ready means `/readyz` says 200. Memory is the resident memory of the process and its children.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.report import arguments, report
from bench.servers.clip import make_clip
from bench.servers.free_port import free_port
from bench.servers.mosquitto import mosquitto
from bench.servers.pipeline import Pipeline, resident_bytes
from bench.servers.rtsp import rtsp_server

DEVICES, CAMERAS, ACTIVE = 219_300, 130_000, 5
CITY = """
city: {{name: Whole, code: WH, timezone: Asia/Shanghai}}
registry: registry.csv
cameras: cameras.yaml
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db}}
tickets: {{url: "sqlite:///data/tickets.db"}}
evidence: {{path: data/evidence}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics: [{{match: "city/{{district}}/{{kind}}/{{source}}/{{metric}}", payload: plain}}]
http: {{listen: "127.0.0.1:{http}"}}
"""
RULES = """
rules:
  - name: flooded
    select: {metric: water_level}
    when: {above: {label: flood_limit, default: 15}, for: 2m}
    clear: {below: 10}
    ticket: {category: road.flooding, title: "Under water: {source.name}"}
  - name: traffic-light-dark
    select: {metric: traffic_light.lit}
    when: {below: 0.5, for: 60s, at_least: 3 samples}
    clear: {above: 0.5, for: 30s}
    unless: {metric: camera.fault, above: 0}
    ticket: {category: road.traffic_light, title: "Dark: {source.name}"}
"""
DETECTORS = """    detectors:
      - {type: traffic_light, regions: [{name: north, box: [0.4, 0.1, 0.5, 0.4]}]}
      - {type: street, zones: [{name: pavement, polygon: [[0, 0.6], [1, 0.6], [1, 1], [0, 1]]}]}
"""


def write_registry(path: Path) -> None:
    """A row a device, then a row a camera, as a real city's export has them."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,kind,site,lat,lon,district,gateway,flood_limit\n")
        for number in range(DEVICES):
            place = f"{34.6 + number % 500 / 2000:.4f},{113.5 + number % 700 / 2000:.4f}"
            file.write(
                f"dev-{number:06d},设备{number},sensor,site-{number // 4},{place},"
                f"d{number % 6},gw-{number // 200:04d},{15 if number % 10 == 0 else ''}\n"
            )
        for number in range(CAMERAS):
            place = f"{34.6 + number % 400 / 2000:.4f},{113.5 + number % 600 / 2000:.4f}"
            file.write(
                f"cam-{number:06d},摄像头{number},camera,site-{number},{place},d{number % 6},,\n"
            )


def write_cameras(path: Path, urls: list[str]) -> None:
    lines = ["cameras:\n"]
    for number, url in enumerate(urls):
        lines += [f"  - id: cam-{number:06d}\n    url: {url}\n    every: 2s\n", DETECTORS]
    path.write_text("".join(lines))


def measure(folder: Path, *, starts: int, settle_s: float) -> dict[str, float | int | None]:
    """Medians over ``starts`` starts; memory ``settle_s`` after each."""
    clips = folder / "clips"
    clips.mkdir()
    make_clip(clips / "street.mp4")
    http = free_port()
    ready, memory = [], []
    with mosquitto() as broker, rtsp_server(clips) as cameras:
        (folder / "city.yaml").write_text(CITY.format(mqtt=broker.port, http=http))
        (folder / "rules.yaml").write_text(RULES)
        write_registry(folder / "registry.csv")
        write_cameras(folder / "cameras.yaml", [cameras.url("street.mp4")] * ACTIVE)
        for _ in range(starts):
            with Pipeline(folder / "city.yaml", url=f"http://127.0.0.1:{http}") as run:
                ready.append(run.ready())
                time.sleep(settle_s)
                memory.append(resident_bytes(run.pid) / 1e6)
    return {
        "ready_s": round(statistics.median(ready), 2),
        "ready_worst_s": round(max(ready), 2),
        "resident_mb": round(statistics.median(memory)),
        "resident_worst_mb": round(max(memory)),
    }


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        figures = measure(
            Path(name), starts=2 if args.quick else 5, settle_s=5 if args.quick else 20
        )
    conditions = {"registry_rows": DEVICES + CAMERAS, "active_cameras": ACTIVE}
    report("startup", figures, conditions=conditions, as_json=args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
