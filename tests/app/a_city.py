"""A small city with every part in it, to be made wrong in one place."""

from pathlib import Path

SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="
FILES = {
    "city.yaml": """\
city: {name: Zhengzhou, code: ZZ, timezone: Asia/Shanghai}
registry: registry.csv
cameras: cameras.yaml
grid: grid.geojson
units: units.yaml
rules: [rules/*.yaml]
kinds:
  default: {lateness: 0s, stale: 2h}
journal: {type: sqlite, path: data/journal.db, keep: 7d, max_size: 20GB}
tickets: {url: "sqlite:///data/tickets.db"}
evidence: {path: data/evidence, keep: 30d}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:1883
    clock: {future: 5m, past: 7d}
    topics:
      - {match: "city/{district}/{kind}/{source}/{metric}", payload: plain}
webhooks: {allow: [10.20.0.0/16], schedule: [0s, 5s, 5m], timeout: 15s}
sinks:
  - {type: influx, version: 1, url: "http://127.0.0.1:8086", db: city}
http: {listen: 127.0.0.1:8080, public_url: "http://127.0.0.1:8080"}
""",
    "rules/water.yaml": """\
rules:
  - name: flooded
    select: {metric: water_level, where: {kind: underpass}}
    when: {above: {label: flood_limit, default: 15}, for: 2m}
    clear: {below: 10, for: 5m}
    severity: critical
    ticket: {category: road.flooding, title: "Under water: {value:.0f} cm", ack: 5m, resolve: 4h}
  - name: silent
    select: {metric: "*"}
    when: {missing: 10m}
    group: gateway
    ticket: {category: device.silent, title: "Silent: {group}"}
""",
    "registry.csv": """\
id,name,kind,site,lat,lon,district,gateway,flood_limit
wl-1,Station Road,underpass,station,34.75,113.66,erqi,gw-1,12
wl-2,River Street,underpass,river,34.76,113.68,jinshui,gw-1,
cam-1,Crossing,camera,station,34.75,113.66,erqi,,
""",
    "cameras.yaml": """\
cameras:
  - id: cam-1
    url: rtsp://10.0.0.7/stream1
    every: 10s
    place: {lat: 34.75, lon: 113.66}
    detectors:
      - {type: traffic_light, regions: [{name: north, box: [0.41, 0.12, 0.47, 0.30]}]}
""",
    "units.yaml": f"""\
units:
  - id: roads
    name: Roads
    level: city
    handles: [road.flooding, device.silent]
    webhook: {{url: "https://roads.example/hooks", secret: {SECRET}}}
""",
    "grid.geojson": """\
{"type": "FeatureCollection", "features": [
 {"type": "Feature", "properties": {"code": "ZZ", "parent": null, "level": "city"}, "geometry":
  {"type": "Polygon", "coordinates": [[[113, 34], [114, 34], [114, 35], [113, 35], [113, 34]]]}}]}
""",
}


def write_city(folder: Path, **changed: str) -> Path:
    """The city's folder; ``changed``: another text for a file, by its name without the ending."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(path.stem, text), encoding="utf-8")
    return folder


def change(name: str, old: str, new: str) -> dict[str, str]:
    """One place of one file written another way; the old text stands there exactly once."""
    path = next(path for path in FILES if Path(path).stem == name)
    text = FILES[path]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    return {name: text.replace(old, new)}
