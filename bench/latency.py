"""From message published to webhook accepted, under load: `python -m bench.latency`.

Besides the flood of readings that mean nothing, a marker crosses a threshold (`for: 0s`,
`lateness: 0s`) ten times a second, each a source of its own, so each opens a ticket. The clock runs
from before the marker's PUBLISH is written to after the webhook's body is read.
"""

import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import orjson

from bench.ingest import shipped
from bench.load import Load, account_of, loaded, twenty_rules
from bench.report import arguments, report

RATES: Final = (1_000, 5_000, 10_000)
DEVICES: Final = 5_000
PER_SECOND: Final = 10.0
_SECRET: Final = "whsec_bGF0ZW5jeS1zZWNyZXQtbGF0ZW5jeS1zZWNyZXQ="
_PATIENCE_S: Final = 20.0
RULE: Final = """
  - name: marked
    select: {metric: marker}
    when: {above: 0.5, for: 0s}
    ticket: {category: bench.marker, title: "Marker {source.name}"}
"""
UNITS: Final = """
units:
  - id: bench
    name: Bench
    level: city
    handles: [bench.marker]
    webhook: {{url: "http://127.0.0.1:{port}/", secret: "{secret}"}}
"""


class Receiver(ThreadingHTTPServer):
    """Takes webhooks; ``at``: when each source's ticket came, monotonic seconds."""

    daemon_threads = True

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        now_s = time.monotonic()
        self.send_response(204)
        self.end_headers()
        event = orjson.loads(body)
        if event["type"] == "ticket.opened":
            for witness in event["data"]["ticket"]["witnesses"]:
                self.server.at.setdefault(witness["source"], now_s)

    def log_message(self, *_: object) -> None:
        """Quiet: the figures at the end speak."""


class Markers:
    """Publishes markers over one raw connection; ``sent``: when, by source."""

    def __init__(self, port: int) -> None:
        self.sent: dict[str, float] = {}
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b"\0\4MQTT\4\2\0\0\0\7markers"
        self._socket.sendall(bytes([0x10, len(body)]) + body)
        self._socket.recv(4)

    def mark(self, source: str) -> None:
        topic = f"city/guancheng/marker/{source}/marker".encode()
        payload = b'{"ts":%d,"value":1}' % (time.time_ns() // 1_000_000)
        body = struct.pack(">H", len(topic)) + topic + b"\0\1" + payload
        self.sent[source] = time.monotonic()
        self._socket.sendall(bytes([0x32, len(body)]) + body)
        self._socket.recv(64)  # the PUBACK

    def close(self) -> None:
        self._socket.close()


def percentiles(load: Load, receiver: Receiver, *, rate: int, seconds: float) -> dict[str, float]:
    """p50 and p99 in ms at one rate, and how many markers never came."""
    _, flood = load.flood(rate=rate, seconds=seconds + 4, devices=DEVICES)
    time.sleep(2)
    markers = Markers(load.broker.port)
    began = time.monotonic()
    for number in range(int(seconds * PER_SECOND)):
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        markers.mark(f"mark-{rate}-{number:05d}")
    deadline = time.monotonic() + _PATIENCE_S
    while markers.sent.keys() - receiver.at.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    markers.close()
    account_of(flood)
    took = [1000 * (receiver.at[s] - at) for s, at in markers.sent.items() if s in receiver.at]
    cuts = statistics.quantiles(took, n=100) if len(took) > 1 else [float("nan")] * 99
    return {
        f"p50_ms_{rate}": round(cuts[49], 1),
        f"p99_ms_{rate}": round(cuts[98], 1),
        f"missed_{rate}": len(markers.sent) - len(took),
    }


def measure(folder: Path, *, seconds: float) -> dict[str, float | int | None]:
    receiver = Receiver()
    figures: dict[str, float | int | None] = {}
    units = UNITS.format(port=receiver.server_port, secret=_SECRET)
    rules = twenty_rules() + RULE
    with loaded(folder, conf=shipped(), devices=DEVICES, rules=rules, units=units) as load:
        percentiles(load, receiver, rate=500, seconds=3)  # every module and topic is met
        for rate in RATES:
            figures |= percentiles(load, receiver, rate=rate, seconds=seconds)
    receiver.shutdown()
    return figures


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    seconds = 10.0 if args.quick else 60.0
    with tempfile.TemporaryDirectory(prefix="latency-") as name:
        figures = measure(Path(name), seconds=seconds)
    conditions = {"markers_per_second": PER_SECOND, "seconds": seconds, "rules": 21}
    report("latency", figures, conditions=conditions, as_json=args.json)
    return 1 if any(v for name, v in figures.items() if name.startswith("missed")) else 0


if __name__ == "__main__":
    sys.exit(main())
