"""What is away comes back and nothing is missing: `python -m bench.drill_outage`.

Broker, InfluxDB and webhook endpoint are taken away one by one and all at once, first by refusal
(the server is stopped), then by dropped packets (a router loses them), while a publisher goes on
with unique values at QoS 1. After each outage the clock runs until the backlog is gone while live
data goes on. Afterwards every acknowledged reading must lie in the journal and in InfluxDB, and
every flood must have got exactly one ticket, by webhook. Linux; root, or user namespaces.
"""

import contextlib
import itertools
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.accounts import count, in_influx, in_journal, missing, values
from bench.generator import FLOODED, Account, read_account
from bench.hooks import SECRET
from bench.outage_servers import HOOKS_PORT, INFLUX_PORT, MQTT_PORT, Far, far_away
from bench.report import arguments, report
from bench.servers.free_port import free_port
from bench.servers.network import apart, enter
from bench.servers.pipeline import Pipeline, resident_bytes

CITY: Final = """
city: {{name: Drill, code: DR, timezone: Asia/Shanghai}}
registry: registry.csv
units: units.yaml
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db}}
tickets: {{url: "sqlite:///data/tickets.db", brake: "off"}}
inputs:
  - type: mqtt
    url: mqtt://{broker}:{mqtt_port}
    topics:
      - {{match: "city/{{district}}/{{kind}}/{{source}}", payload: json}}
webhooks: {{allow: [10.77.0.0/16], timeout: 5s, schedule: [0s, 1s, 2s{fives}]}}
sinks:
  - {{type: influx, version: 1, url: "http://{influx}:{influx_port}", db: city}}
http: {{listen: "127.0.0.1:{http}"}}
"""
UNITS: Final = """
units:
  - id: flood
    name: Flood control
    level: city
    handles: [road.flooding]
    webhook: {{url: "http://{hooks}:{port}/", secret: "{secret}"}}
"""
TAKEN: Final = 'citypatrol_samples_total{stage="ingest"}'
LAG: Final = 'citypatrol_cursor_lag{cursor="influx"}'
PENDING: Final = 'citypatrol_deliveries_pending{endpoint="flood"}'
DRAIN_S: Final = 300.0
LIVE_S: Final = 4.0
"""Behind by less than this is live: acknowledgements, commits and writes take their time."""
MOST_GROWTH_MB: Final = 80.0
"""Of one outage with its catching up, over the highest of the rest before it: what waits, waits on
the disk."""
EVERYTHING: Final = ("broker", "influx", "hooks")
WRONG: Final = ("lost", "doubled", "tickets_lost", "influx_missing", "not_drained", "exit_status")

Figures = dict[str, float | int | None]


@dataclass(slots=True)
class Memory:
    """The highest resident memory of a process, in MB, since the last ``mark``."""

    pid: int
    highest: float = 0.0
    marks: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._stop.wait(0.5):
            self.highest = max(self.highest, resident_bytes(self.pid) / 1e6)

    def mark(self) -> float:
        self.marks.append(round(self.highest, 1))
        self.highest = 0.0
        return self.marks[-1]

    def stop(self) -> None:
        self._stop.set()


@dataclass(slots=True)
class Flow:
    """How far the city is behind its publisher, from its own metrics."""

    run: Pipeline
    began: float = 0.0
    first: float = 0.0
    rate: float = 0.0
    records: float = 0.0

    def begin(self) -> None:
        self.began, self.first = time.monotonic(), self.metric(TAKEN)

    def settle(self) -> None:
        """So far all went well: this is the rate, and what waits on its way."""
        self.rate = (self.metric(TAKEN) - self.first) / (time.monotonic() - self.began)
        self.records = self.metric(LAG)

    def metric(self, name: str) -> float:
        return self.run.metric(name) or 0.0

    def is_live(self) -> bool:
        wanted = self.first + (time.monotonic() - self.began - LIVE_S) * self.rate
        return (
            self.metric(TAKEN) >= wanted
            and self.metric(LAG) <= self.records + 100 * LIVE_S
            and self.metric(PENDING) <= 2
        )


def drill(
    folder: Path, *, seconds: float, rest_s: float, rate: float, tell: Callable[[str], None]
) -> tuple[Figures, dict[str, object]]:
    """The figures, and for each outage how long the backlog took and how large the city was."""
    drained: dict[str, float] = {}
    grown: dict[str, float] = {}
    with apart() as network, far_away(network, folder) as far, _city(folder, far) as run:
        file = folder / "account.json"
        command = [sys.executable, "-m", "bench.generator", str(MQTT_PORT), str(rate), str(file)]
        run.ready()
        memory, flow = Memory(run.pid), Flow(run)
        threading.Thread(target=memory.watch, daemon=True).start()
        with _publishing([*command, far.addresses["broker"]]) as generator:
            time.sleep(3)
            flow.begin()
            time.sleep(max(4 * rest_s, 15.0))  # the history has been written once by then
            flow.settle()
            for how, who in _outages(far):
                name = f"{how.__name__} {'+'.join(who)}"
                resting = memory.mark()
                back = far.answer if how == far.refuse else far.find
                for server in who:
                    how(server)
                time.sleep(seconds)
                for server in who:
                    back(server)
                drained[name] = _until_live(flow)
                tell(f"{name}: live again after {drained[name]} s")
                grown[name] = round(memory.mark() - resting, 1)
                time.sleep(rest_s)
            generator.send_signal(signal.SIGTERM)
            generator.wait(120)
        account = read_account(file)
        _finish(flow, account, far)
        memory.stop()
        status = run.stop()
        figures = _account(folder, account, far)
    figures |= {
        "instants": len(drained),
        "seed": 0,
        "not_drained": sum(took >= DRAIN_S for took in drained.values()),
        "drained_s_worst": max(drained.values()),
        "rss_before_mb": memory.marks[0],
        "rss_highest_mb": max(memory.marks),
        "rss_growth_worst_outage_mb": max(grown.values()),
        "rate_live": round(flow.rate, 1),
        "exit_status": status,
    }
    return figures, {"drained_s": drained, "rss_growth_mb": grown, "rss_mb": memory.marks}


@contextlib.contextmanager
def _publishing(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    generator = subprocess.Popen(command)
    try:
        yield generator
    finally:
        generator.kill()
        generator.wait()


def _outages(far: Far) -> list[tuple[Callable[[str], None], tuple[str, ...]]]:
    who = [*((name,) for name in EVERYTHING), EVERYTHING]
    return list(itertools.product((far.refuse, far.lose), who))


def _city(folder: Path, far: Far) -> Pipeline:
    http = free_port()
    city = CITY.format(
        **far.addresses,
        mqtt_port=MQTT_PORT,
        influx_port=INFLUX_PORT,
        http=http,
        fives=", 5s" * 47,
    )
    (folder / "city.yaml").write_text(city)
    (folder / "rules.yaml").write_text(FLOODED)
    units = UNITS.format(hooks=far.addresses["hooks"], port=HOOKS_PORT, secret=SECRET)
    (folder / "units.yaml").write_text(units)
    (folder / "registry.csv").write_text("id,name,kind,site,lat,lon\n")
    return Pipeline(folder / "city.yaml", url=f"http://127.0.0.1:{http}")


def _until_live(flow: Flow) -> float:
    began = time.monotonic()
    while not flow.is_live() and time.monotonic() - began < DRAIN_S:
        time.sleep(0.5)
    return round(time.monotonic() - began, 1)


def _finish(flow: Flow, account: Account, far: Far) -> None:
    """Until every flood has its ticket and InfluxDB has come to the end."""
    began, still, taken = time.monotonic(), 0, -1.0
    while still < 5 and time.monotonic() - began < DRAIN_S:
        before, taken = taken, flow.metric(TAKEN)
        done = set(account.flooded) <= set(far.hooks.opened) and flow.metric(LAG) == 0
        still = still + 1 if done and taken == before else 0
        time.sleep(0.5)


def _account(folder: Path, account: Account, far: Far) -> Figures:
    rows, _ = in_journal(folder / "data/journal.db")
    numbers, old = values(rows, "number"), values(rows, "old")
    opened = far.hooks.opened
    return {
        "acknowledged": len(account.numbers) + len(account.old),
        "lost": len(set(account.numbers) - numbers) + len(set(account.old) - old),
        "doubled": sum(len(ids) - 1 for ids in opened.values()),
        "tickets_expected": len(account.flooded),
        "tickets_lost": len(set(account.flooded) - set(opened)),
        "journal_rows": count(rows),
        "influx_missing": missing(rows, in_influx(far.influx)),
    }


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--seconds", type=float, help="each outage; default 60, quick 8")
    parser.add_argument("--rest", type=float, help="between two; default 15, quick 4")
    parser.add_argument("--rate", type=float, default=1000.0, help="messages a second")
    args = parser.parse_args()
    try:
        enter("bench.drill_outage", sys.argv[1:])
    except RuntimeError as error:
        print(f"bench.drill_outage: {error}", file=sys.stderr)
        return 3
    seconds = args.seconds or (8.0 if args.quick else 60.0)
    rest_s = args.rest or (4.0 if args.quick else 15.0)
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        figures, by_outage = drill(
            Path(name),
            seconds=seconds,
            rest_s=rest_s,
            rate=args.rate,
            tell=lambda line: None if args.json else print(line, flush=True),
        )
    conditions = {"messages_per_second": args.rate, "seconds_away": seconds, **by_outage}
    report("drill_outage", figures, conditions=conditions, as_json=args.json)
    grown = figures["rss_growth_worst_outage_mb"] or 0.0
    return 1 if any(figures[name] for name in WRONG) or grown > MOST_GROWTH_MB else 0


if __name__ == "__main__":
    sys.exit(main())
