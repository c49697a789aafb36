"""An hour of steady load: does anything grow? `python -m bench.drill_soak` (`make drill-soak`).

A real broker, InfluxDB and webhook receiver, and `citypatrol run` with a journal so small that its
retention must act: 5,000 devices at `--rate` messages a second, four underpasses that flood and dry
once a minute (tickets, witnesses, webhooks), and a gateway whose 200 sources come and go. Every
five seconds: resident memory, file handles, the journal's size. Memory is fitted by a line over the
second half of the run.

Bars: less than 1 MB of growth per 10 minutes; no more file handles at the end than after the first
quarter, but for 8; the journal below its `max_size`; one ticket for the gateway and one for each
underpass; nothing dropped. `--minutes N` (60), `--quick` (3 minutes).
"""

import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.hooks import SECRET
from bench.load import cpu_seconds
from bench.report import arguments, report
from bench.servers.free_port import free_port
from bench.servers.influx import influxdb
from bench.servers.mosquitto import STURDY, mosquitto
from bench.servers.pipeline import Pipeline, resident_bytes
from bench.whole import write_city

DEVICES: Final = 5_000
UNDERPASSES, SENSORS = 4, 200
LOOK_S: Final = 5.0
MOST_MB_IN_10_MIN: Final = 1.0
MORE_HANDLES: Final = 8
MAX_SIZE: Final = 64_000_000
RULES: Final = """
rules:
  - name: flooded
    select: {metric: water_level}
    when: {above: 15, for: 2s}
    clear: {below: 10}
    ticket: {category: road.flooding, title: "Under water: {source.name}"}
  - name: sensor-silent
    select: {metric: "*", where: {gateway: gw-7}}
    when: {missing: 30s}
    group: gateway
    ticket: {category: device.silent, title: "Gateway {group} silent: {count} sources"}
  - {name: level-high, select: {metric: level}, when: {above: 1.0e+12, for: 1m}}
  - {name: any-silent, select: {metric: "*"}, when: {missing: 5m}}
"""
UNITS: Final = """
units:
  - id: all
    name: Everybody
    level: city
    handles: [road.flooding, device.silent]
    webhook: {{url: "http://127.0.0.1:{hooks}/", secret: "{secret}"}}
"""


class Receiver(BaseHTTPRequestHandler):
    """Takes every webhook; counts the events, and the tickets by their titles."""

    events: ClassVar[Counter[str]] = Counter()
    opened: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        event = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
        ticket = event["data"]["ticket"]
        self.events[ticket["id"]] += 1
        if event["type"] == "ticket.opened":
            self.opened[ticket["title"]] += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet: the account at the end speaks."""


class Trouble:
    """Underpasses that are wet every other half minute; a gateway that is away every other one."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="trouble")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def look(self, at_s: float) -> None:
        wet = int(at_s / 30) % 2 == 1
        for number in range(UNDERPASSES):
            topic = f"city/guancheng/underpass/under-{number}/water_level"
            body = orjson.dumps({"ts": _now(), "value": 40.0 if wet else 1.0})
            self._client.publish(topic, body, qos=1)
        if int(at_s / 60) % 2 == 0:
            for number in range(SENSORS):
                topic = f"city/guancheng/sensor/behind-{number:03d}/temperature"
                self._client.publish(topic, orjson.dumps({"ts": _now(), "value": 21.0}), qos=1)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _now() -> int:
    return time.time_ns() // 1_000_000


def drill(folder: Path, args: Namespace) -> dict[str, float | int | None]:
    hooks = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    http = free_port()
    url = f"http://127.0.0.1:{http}"
    seconds = 60.0 * args.minutes
    with mosquitto(folder=folder / "broker", conf=STURDY) as broker, influxdb() as influx:
        write_city(
            folder,
            mqtt=broker.port,
            http=http,
            devices=DEVICES,
            cameras=0,
            journal=f", keep: 5m, max_size: {MAX_SIZE // 1_000_000}MB",
            sinks=f"sinks: [{{type: influx, version: 1, url: '{influx.url}', db: {influx.db}}}]",
            rules=RULES,
            units=UNITS.format(hooks=hooks.server_port, secret=SECRET),
        )
        with (folder / "registry.csv").open("a") as file:
            for number in range(SENSORS):
                file.write(f"behind-{number:03d},b{number},sensor,hub,34.7,113.7,d1,gw-7,\n")
        with Pipeline(folder / "city.yaml", url=url) as run:
            run.ready()
            command = [sys.executable, "-m", "bench.flood", str(broker.port)]
            command += ["--rate", str(args.rate), "--seconds", str(seconds + 30)]
            flood = subprocess.Popen(
                [*command, "--devices", str(DEVICES)], stdout=subprocess.DEVNULL
            )
            trouble = Trouble(broker.port)
            try:
                looks = _watch(run.pid, url, trouble, seconds=seconds)
            finally:
                flood.terminate()
                flood.wait(90)
                trouble.stop()
            metrics = _metrics(url)
            cpu_s = cpu_seconds(run.pid)
            run.stop()
    hooks.shutdown()
    return {**_fitted(looks, seconds=seconds), **_counted(metrics), "cpu_s": round(cpu_s)}


def _watch(pid: int, url: str, trouble: Trouble, *, seconds: float) -> "np.ndarray":
    """Rows of (second, resident bytes, handles, journal bytes)."""
    began = time.monotonic()
    looks = []
    while (at_s := time.monotonic() - began) < seconds:
        trouble.look(at_s)
        size = _metrics(url).get("citypatrol_journal_bytes", 0.0)
        handles = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        looks.append((at_s, resident_bytes(pid), handles, size))
        if len(looks) % 12 == 0:
            resident = looks[-1][1] / 1e6
            print(f"  {at_s:.0f} s: {resident:.1f} MB, {handles} handles", file=sys.stderr)
        time.sleep(max(0.0, LOOK_S - (time.monotonic() - began - at_s)))
    return np.array(looks)


def _fitted(looks: "np.ndarray", *, seconds: float) -> dict[str, float | int | None]:
    late = looks[looks[:, 0] > seconds / 2]
    slope = np.polyfit(late[:, 0], late[:, 1], 1)[0]
    quarter = looks[looks[:, 0] < seconds / 4]
    return {
        "resident_mb": round(float(late[:, 1].mean()) / 1e6, 1),
        "growth_mb_per_10_min": round(float(slope) * 600 / 1e6, 2),
        "handles_more": int(late[-6:, 2].max() - quarter[:, 2].max()),
        "journal_mb_most": round(float(looks[:, 3].max()) / 1e6, 1),
    }


def _counted(metrics: Mapping[str, float]) -> dict[str, float | int | None]:
    tickets = Receiver.opened
    return {
        "samples": int(metrics.get('citypatrol_samples_total{stage="rules"}', 0)),
        "dropped": int(sum(v for k, v in metrics.items() if k.startswith("citypatrol_dropped"))),
        "tickets": sum(tickets.values()),
        "tickets_expected": UNDERPASSES + 1,
        "webhooks": sum(Receiver.events.values()),
        "webhooks_of_one_ticket_most": max(Receiver.events.values(), default=0),
    }


def _metrics(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--rate", type=float, default=2_000)
    args = parser.parse_args()
    args.minutes = args.minutes or (3.0 if args.quick else 60.0)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        figures = drill(Path(name), args)
    conditions = {"minutes": args.minutes, "messages_per_second": args.rate}
    report("drill_soak", figures, conditions=conditions, as_json=args.json)
    worse = (
        (figures["growth_mb_per_10_min"] or 0) >= MOST_MB_IN_10_MIN
        or (figures["handles_more"] or 0) > MORE_HANDLES
        or (figures["journal_mb_most"] or 0) * 1e6 > MAX_SIZE
        or (figures["dropped"] or 0) > 0
        or figures["tickets"] != figures["tickets_expected"]
    )
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
