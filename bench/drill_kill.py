"""kill -9 of `citypatrol run` under load: `python -m bench.drill_kill`.

At seeded instants, while it starts too, and at every named crash point
(`citypatrol/crashpoints.py`), each at a seeded passing. A generator publishes at QoS 1 to a real
Mosquitto meanwhile, and underpasses flood. Afterwards every acknowledged reading must lie in the
journal, every row of the journal in InfluxDB and in the Parquet history, what could not be read in
the dead-letter store, and every flood must have got exactly one ticket, by webhook.
"""

import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.accounts import (
    count,
    in_influx,
    in_journal,
    in_parquet,
    late_of,
    missing,
    some_missing,
    values,
)
from bench.generator import FLOODED, Account, read_account
from bench.hooks import SECRET, Hooks, receiving
from bench.kill_plan import PRUNES, Kill, plan
from bench.report import arguments, report
from bench.servers.free_port import free_port
from bench.servers.influx import Influx, influxdb
from bench.servers.mosquitto import mosquitto
from bench.servers.pipeline import Pipeline
from citypatrol.crashpoints import CrashPoint
from citypatrol.dead import DeadStore

RATE = 2000.0
CITY = """
city: {{name: Drill, code: DR, timezone: Asia/Shanghai}}
registry: registry.csv
units: units.yaml
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db, keep: {keep}}}
tickets: {{url: "sqlite:///data/tickets.db", brake: "off"}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics:
      - {{match: "city/{{district}}/{{kind}}/{{source}}", payload: json}}
webhooks: {{allow: [127.0.0.0/8], schedule: [0s, 1s, 1s, 2s, 5s, 5s, 5s, 5s]}}
sinks:
  - {{type: influx, version: 1, url: "{influx}", db: {db}}}
http: {{listen: "127.0.0.1:{http}"}}
"""
UNITS = """
units:
  - id: flood
    name: Flood control
    level: city
    handles: [road.flooding]
    webhook: {{url: "http://127.0.0.1:{hooks}/", secret: "{secret}"}}
"""
DRAIN_S = 240.0
TAKEN = 'citypatrol_samples_total{stage="ingest"}'
LAG = 'citypatrol_cursor_lag{cursor="influx"}'


WRONG = (
    *("lost", "doubled", "tickets_lost", "poison_lost", "events_changed"),
    *("influx_missing", "parquet_missing", "exit_status"),
)
"""Figures that are to be 0."""

Figures = dict[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures, and the points that were never passed (nothing was tried there)."""

    figures: Figures
    unreached: Sequence[str]

    @property
    def is_good(self) -> bool:
        return not self.unreached and not any(self.figures[name] for name in WRONG)


def drill(
    folder: Path, kills: Sequence[Kill], *, seed: int, rate: float, keep: str = "7d"
) -> Outcome:
    """One city, killed so often. ``keep``: how long its journal keeps records; where it lets some
    go, acknowledged readings are looked for in InfluxDB."""
    with (
        receiving() as hooks,
        influxdb() as influx,
        mosquitto(folder=folder / "broker") as broker,
    ):
        run = _city(folder, mqtt=broker.port, hooks=hooks, influx=influx, keep=keep)
        file = folder / "account.json"
        command = [sys.executable, "-m", "bench.generator", str(broker.port), str(rate), str(file)]
        run.start()
        run.ready()  # its session is at the broker: from here on nothing published is lost
        run.kill()
        with subprocess.Popen(command) as generator:
            try:
                killed = [_die(run, kill) for kill in kills]
                run.start()
                last_s = run.ready()
            finally:
                generator.send_signal(signal.SIGTERM)
            generator.wait(60)
        account = read_account(file)
        drained_s = _drain(run, account, hooks)
        status = run.stop()
        figures = _account(folder, account, hooks=hooks, influx=influx)
    back = sorted([last_s, *(one.ready_s for one in killed if one.ready_s is not None)])
    unreached = [str(k.point) for k, one in zip(kills, killed, strict=True) if not one.reached]
    figures |= {
        "instants": sum(kill.point is None for kill in kills),
        "points": sum(kill.point is not None for kill in kills) - len(unreached),
        "points_unreached": len(unreached),
        "seed": seed,
        "ready_again_s_median": back[len(back) // 2],
        "drained_s": drained_s,
        "exit_status": status,
    }
    return Outcome(figures, unreached)


def _city(folder: Path, *, mqtt: int, hooks: Hooks, influx: Influx, keep: str) -> Pipeline:
    http = free_port()
    words = {"mqtt": mqtt, "http": http, "keep": keep, "influx": influx.url, "db": influx.db}
    (folder / "city.yaml").write_text(CITY.format(**words))
    (folder / "rules.yaml").write_text(FLOODED)
    (folder / "units.yaml").write_text(UNITS.format(hooks=hooks.port, secret=SECRET))
    (folder / "registry.csv").write_text("id,name,kind,site,lat,lon\n")
    return Pipeline(folder / "city.yaml", url=f"http://127.0.0.1:{http}")


@dataclass(frozen=True, slots=True)
class _Death:
    """``ready_s``: from the start to ready, where it came so far; ``reached``: it died where it was
    told to."""

    ready_s: float | None
    reached: bool = True


def _die(run: Pipeline, kill: Kill) -> _Death:
    """Start, and end with SIGKILL one way or the other."""
    began = time.monotonic()
    for _ in range(kill.stops):
        run.start()
        run.ready()
        time.sleep(kill.after_s)
        run.stop()
    run.start(crash_at=None if kill.point is None else f"{kill.point}:{kill.passing}")
    if kill.point is not None:
        with contextlib.suppress(RuntimeError):  # it may die while it starts
            run.ready()
        status = run.ended(timeout_s=kill.patience_s)
        if status is None:
            status = run.stop()
        return _Death(None, status == -signal.SIGKILL)
    try:
        ready_s = run.ready(timeout_s=kill.after_s)
    except RuntimeError:
        ready_s = None
    time.sleep(max(0.0, began + kill.after_s - time.monotonic()))
    run.kill()
    return _Death(ready_s)


def _drain(run: Pipeline, account: Account, hooks: Hooks) -> float:
    """Until every flood has its ticket and InfluxDB has come to the end; how long it took."""
    began = time.monotonic()
    flooded = set(account.flooded)
    taken, still = None, 0
    while still < 5 and time.monotonic() - began < DRAIN_S:
        before, taken = taken, run.metric(TAKEN)
        done = flooded <= set(hooks.opened) and taken == before and run.metric(LAG) == 0
        still = still + 1 if done else 0
        time.sleep(0.5)
    return time.monotonic() - began


def _account(folder: Path, account: Account, *, hooks: Hooks, influx: Influx) -> Figures:
    rows, oldest = in_journal(folder / "data/journal.db")
    points = in_influx(influx)
    kept = rows if oldest == 1 else points
    numbers, old = values(kept, "number"), values(kept, "old")
    files = in_parquet(folder / "data/history")
    for where, wanted, there in (
        ("InfluxDB", rows, points),
        ("Parquet", kept, files),
    ):
        for line in some_missing(wanted, there):
            print(f"not in {where}: {line}", file=sys.stderr)
    for source in set(account.flooded) - set(hooks.opened):
        levels = rows.get((source, "water_level"))
        late = late_of(folder / "data/history", source)
        print(f"no ticket for {source}: {late} late of {levels}", file=sys.stderr)
    return {
        "acknowledged": len(account.numbers) + len(account.old),
        "lost": len(set(account.numbers) - numbers) + len(set(account.old) - old),
        "doubled": sum(len(ids) - 1 for ids in hooks.opened.values()),
        "tickets_expected": len(account.flooded),
        "tickets_lost": len(set(account.flooded) - set(hooks.opened)),
        "events_changed": sum(len(bodies) - 1 for bodies in hooks.bodies.values()),
        "poison_lost": len(set(account.poison) - _set_aside(folder / "data/dead.db")),
        "journal_rows": count(rows),
        "influx_missing": missing(rows, points),
        "parquet_missing": missing(kept, files),
    }


def _set_aside(path: Path) -> set[int]:
    """The numbers of what could not be read."""
    store = DeadStore(path)
    prefix = b'{"poison": '
    payloads = [one.payload for one in store.list("message", limit=1_000_000)]
    store.close()
    return {int(one.removeprefix(prefix)) for one in payloads if one.startswith(prefix)}


def _together(rounds: Sequence[Figures]) -> Figures:
    """Sums, but for what is no count."""
    figures = dict(rounds[0])
    for further in rounds[1:]:
        for name, figure in further.items():
            if not name.endswith(("_median", "seed")):
                figures[name] = (figures[name] or 0) + (figure or 0)
    return figures


def _points(words: str) -> list[CrashPoint]:
    if words == "none":
        return []
    return list(CrashPoint) if words == "all" else [CrashPoint(one) for one in words.split(",")]


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--instants", type=int, help="how many; default 200, quick 5")
    parser.add_argument("--points", type=str, help="all, none, or names with commas between")
    parser.add_argument("--rate", type=float, default=RATE, help="messages a second")
    args = parser.parse_args()
    instants = args.instants if args.instants is not None else (5 if args.quick else 200)
    points = _points(args.points or ("none" if args.quick else "all"))
    rng = random.Random(args.seed)
    wanted = [point for point in points if point not in PRUNES]
    rounds = [(plan(rng, instants=instants, points=wanted), "7d")]
    if pruning := [point for point in points if point in PRUNES]:
        # Where the journal lets records go, it can no longer witness what it once had.
        rounds.append((plan(rng, instants=0, points=pruning), "1s"))
    outcomes = []
    for kills, keep in rounds:
        with tempfile.TemporaryDirectory(prefix="drill-") as name:
            outcomes.append(drill(Path(name), kills, seed=args.seed, rate=args.rate, keep=keep))
    unreached = [point for one in outcomes for point in one.unreached]
    conditions = {"messages_per_second": args.rate, "unreached": unreached}
    figures = _together([one.figures for one in outcomes])
    report("drill_kill", figures, conditions=conditions, as_json=args.json)
    return 0 if all(one.is_good for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
