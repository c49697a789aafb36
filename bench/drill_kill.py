"""kill -9 of `citypatrol run` at seeded instants under load: `python -m bench.drill_kill`.

A generator publishes unique readings at QoS 1 to a real Mosquitto; twenty underpasses flood while
the process dies again and again. Afterwards every acknowledged reading must lie in the journal, and
every flooded underpass must have got exactly one ticket, by webhook.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import orjson

from bench.report import arguments, report
from bench.servers.free_port import free_port
from bench.servers.mosquitto import mosquitto
from bench.servers.pipeline import Pipeline
from citypatrol.clock import SystemClock
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.samples import Batch

RATE = 2000.0
SECRET = "whsec_ZHJpbGwtc2VjcmV0LWRyaWxsLXNlY3JldA=="
CITY = """
city: {{name: Drill, code: DR, timezone: Asia/Shanghai}}
registry: registry.csv
units: units.yaml
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db}}
tickets: {{url: "sqlite:///data/tickets.db"}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics:
      - {{match: "city/{{district}}/{{kind}}/{{source}}/{{metric}}", payload: plain}}
      - {{match: "city/{{district}}/{{kind}}/{{source}}", payload: json}}
webhooks: {{allow: [127.0.0.0/8], schedule: [0s, 1s, 1s, 2s, 5s, 5s, 5s, 5s]}}
http: {{listen: "127.0.0.1:{http}"}}
"""
RULES = """
rules:
  - name: flooded
    select: {metric: water_level}
    when: {above: 15, for: 2s, at_least: 2 samples}
    clear: {below: 10}
    ticket: {category: road.flooding, title: "Under water: {source.name}"}
"""
UNITS = """
units:
  - id: flood
    name: Flood control
    level: city
    handles: [road.flooding]
    webhook: {{url: "http://127.0.0.1:{hooks}/", secret: "{secret}"}}
"""


class Receiver(BaseHTTPRequestHandler):
    """Takes every webhook; remembers which tickets were opened for which source."""

    opened: ClassVar[dict[str, set[str]]] = defaultdict(set)

    def do_POST(self) -> None:
        event = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
        if event["type"] == "ticket.opened":
            ticket = event["data"]["ticket"]
            for witness in ticket["witnesses"]:
                self.opened[witness["source"]].add(ticket["id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet: the account at the end speaks."""


async def _journaled(path: Path) -> set[int]:
    """Every number of every probe in the journal."""
    journal = SqliteJournal(path, clock=SystemClock())
    numbers: set[int] = set()
    position = 0
    while entries := await journal.read("drill", after=position, limit=2000):
        position = entries[-1].position
        for entry in entries:
            if isinstance(entry.record, Batch):
                batch = entry.record
                wanted = [i for i, name in enumerate(batch.metrics) if name == "number"]
                rows = [code in wanted for code in batch.metric.tolist()]
                numbers.update(batch.value[rows].astype(int).tolist())
    await journal.close()
    return numbers


def drill(folder: Path, *, seed: int, instants: int) -> dict[str, float | int | None]:
    """One drill; the figures, `lost` and `doubled` among them."""
    rng = random.Random(seed)
    hooks = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    http = free_port()
    with mosquitto(folder=folder / "broker") as broker:
        (folder / "city.yaml").write_text(CITY.format(mqtt=broker.port, http=http))
        (folder / "rules.yaml").write_text(RULES)
        (folder / "units.yaml").write_text(UNITS.format(hooks=hooks.server_port, secret=SECRET))
        (folder / "registry.csv").write_text("id,name,kind,site,lat,lon\n")
        account = folder / "acknowledged"
        run = Pipeline(folder / "city.yaml", url=f"http://127.0.0.1:{http}")
        run.start()
        run.ready()
        command = [
            sys.executable,
            "-m",
            "bench.generator",
            str(broker.port),
            str(RATE),
            str(account),
        ]
        generator = subprocess.Popen(command)
        back = []
        for _ in range(instants):
            time.sleep(rng.uniform(0.2, 5.0))
            run.kill()
            run.start()
            back.append(run.ready())
        time.sleep(70 if instants < 20 else 10)  # the last flood begins after a minute
        os.kill(generator.pid, signal.SIGTERM)
        generator.wait(40)
        lines = account.read_text().split()
        acknowledged = {int(line) for line in lines if line.isdigit()}
        flooded = {line for line in lines if not line.isdigit()}
        _until_drained(run, flooded, timeout_s=90)
        status = run.stop()
        journaled = asyncio.run(_journaled(folder / "data/journal.db"))
    hooks.shutdown()
    tickets = Receiver.opened
    return {
        "instants": instants,
        "seed": seed,
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - journaled),
        "tickets_expected": len(flooded),
        "tickets_lost": len(flooded - set(tickets)),
        "doubled": sum(len(ids) - 1 for ids in tickets.values()),
        "ready_again_s_median": sorted(back)[len(back) // 2],
        "exit_status": status,
    }


def _until_drained(run: Pipeline, flooded: set[str], *, timeout_s: float) -> None:
    """The backlog of the broker and the outbox: until every flood has its ticket and 5 s more."""
    deadline = time.monotonic() + timeout_s
    while flooded - set(Receiver.opened) and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(5)
    assert run.pid


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--instants", type=int)
    args = parser.parse_args()
    instants = args.instants or (3 if args.quick else 20)
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        figures = drill(Path(name), seed=args.seed, instants=instants)
    conditions = {"messages_per_second": RATE}
    report("drill_kill", figures, conditions=conditions, as_json=args.json)
    return 1 if figures["lost"] or figures["tickets_lost"] or figures["doubled"] else 0


if __name__ == "__main__":
    sys.exit(main())
