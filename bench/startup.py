"""How soon `citypatrol run` is ready with a whole city, and how much memory it takes.

`python -m bench.startup`: a registry of 349,300 rows (219,300 devices, 130,000 cameras), 20 rules
that read every sample, five of the cameras read. First with an empty journal; then every device
sends (`--rate` messages a second until each has sent, and on for a minute); then stopped and
started again with the snapshots of 219,300 series, the last time with every device sending again.
Ready means `/readyz` says 200. Memory is resident memory: `own_mb` of the process itself, without
`_own` with the children that read its cameras; `busy` the most while devices send, `steady` the
median of the last seconds of it.

Floors: ready in under 5 s, and the process under 600 MB at every moment, both from an empty
journal and from the snapshots.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

from bench.report import arguments, report
from bench.servers.clip import make_clip
from bench.servers.free_port import free_port
from bench.servers.mosquitto import STURDY, mosquitto
from bench.servers.pipeline import Pipeline, resident_bytes
from bench.servers.rtsp import rtsp_server
from bench.whole import CAMERAS, DEVICES, write_city

ACTIVE = 5
MOST_READY_S, MOST_MB = 5.0, 600.0
_LAST = 30  # looks, two a second
DETECTORS = """    detectors:
      - {type: traffic_light, regions: [{name: north, box: [0.4, 0.1, 0.5, 0.4]}]}
      - {type: street, zones: [{name: pavement, polygon: [[0, 0.6], [1, 0.6], [1, 1], [0, 1]]}]}
"""


def write_cameras(path: Path, urls: list[str]) -> None:
    lines = ["cameras:\n"]
    for number, url in enumerate(urls):
        lines += [f"  - id: cam-{number:06d}\n    url: {url}\n    every: 2s\n", DETECTORS]
    path.write_text("".join(lines))


def measure(folder: Path, args: Namespace) -> dict[str, float | int | None]:
    clips = folder / "clips"
    clips.mkdir()
    make_clip(clips / "street.mp4")
    http = free_port()
    url = f"http://127.0.0.1:{http}"
    settle_s = 5 if args.quick else 20
    ready, memory = [], []
    with (
        mosquitto(folder=folder / "broker", conf=STURDY) as broker,
        rtsp_server(clips) as cameras,
    ):
        city = write_city(folder, mqtt=broker.port, http=http, reads_cameras=True)
        write_cameras(folder / "cameras.yaml", [cameras.url("street.mp4")] * ACTIVE)
        for _ in range(2 if args.quick else 5):
            with Pipeline(city, url=url) as run:
                ready.append(run.ready())
                time.sleep(settle_s)
                memory.append(resident_bytes(run.pid) / 1e6)
        with Pipeline(city, url=url) as run:
            run.ready()
            seconds = DEVICES / args.rate + (5 if args.quick else 60)
            busy = _flooded(run.pid, broker.port, rate=args.rate, seconds=seconds)
        again, rested = [], []
        rounds = 1 if args.quick else 3
        for number in range(rounds):
            with Pipeline(city, url=url) as run:
                again.append(run.ready())
                time.sleep(settle_s)
                rested.append(resident_bytes(run.pid) / 1e6)
                if number == rounds - 1:
                    anew = _flooded(run.pid, broker.port, rate=args.rate, seconds=seconds)
    return {
        "ready_s": round(statistics.median(ready), 2),
        "ready_worst_s": round(max(ready), 2),
        "resident_mb": round(statistics.median(memory)),
        "resident_worst_mb": round(max(memory)),
        "resident_busy_mb": round(busy.with_children),
        "resident_busy_own_mb": round(busy.own),
        "resident_steady_own_mb": round(busy.steady),
        "ready_again_s": round(statistics.median(again), 2),
        "ready_again_worst_s": round(max(again), 2),
        "resident_again_mb": round(statistics.median(rested)),
        "resident_again_busy_own_mb": round(anew.own),
        "resident_again_steady_own_mb": round(anew.steady),
    }


class Resident(NamedTuple):
    """The most in MB while every device sends, with the children and of the process alone; and
    what the process alone takes at last."""

    with_children: float
    own: float
    steady: float


def _flooded(pid: int, port: int, *, rate: float, seconds: float) -> Resident:
    command = [sys.executable, "-m", "bench.flood", str(port), "--rate", str(rate)]
    command += ["--seconds", str(seconds), "--devices", str(DEVICES)]
    most, own = 0, []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as flood:
        while flood.poll() is None:
            most = max(most, resident_bytes(pid))
            own.append(own_bytes(pid))
            time.sleep(0.5)
    return Resident(most / 1e6, max(own) / 1e6, statistics.median(own[-_LAST:]) / 1e6)


def own_bytes(pid: int) -> int:
    """Resident memory of one process."""
    fields = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
    return 1024 * int(fields[fields.index("Rss:") + 1])


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--rate", type=float, default=3_655.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        figures = measure(Path(name), args)
    conditions = {"registry_rows": DEVICES + CAMERAS, "active_cameras": ACTIVE, "series": DEVICES}
    report("startup", figures, conditions=conditions, as_json=args.json)
    ready_s = max(figures["ready_worst_s"] or 0, figures["ready_again_worst_s"] or 0)
    own = max(figures["resident_busy_own_mb"] or 0, figures["resident_again_busy_own_mb"] or 0)
    return 1 if ready_s > MOST_READY_S or own > MOST_MB else 0


if __name__ == "__main__":
    sys.exit(main())
