"""How soon the rules are live again after a crash: `python -m bench.backlog`.

Makes a journal as a crash leaves it: a snapshot of the rules that know all 219,300 series, and
behind it an hour that they have not judged: 13.2 million samples at one message a minute and
device (`--every 10`: 79 million), in batches of `--batch` samples as the intake commits them, with
a tick a second. Then `citypatrol run` starts on it, while a publisher goes on with `--rate`
messages a second. Live again means that the newest tick that the rules have judged is less than
1.5 s old (ticks come once a second). Time counts from the start of the process; processor time is
counted until then, by thread too: `_loop` (event loop: intake, start), `_rules` (the engine, its
snapshots, and what else is done for the loop in a thread), `_reading` (the journal), `_history`.
"""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.load import cpu_seconds
from bench.report import arguments, report
from bench.servers.free_port import free_port
from bench.servers.mosquitto import mosquitto
from bench.servers.pipeline import Pipeline, resident_bytes
from bench.whole import DEVICES, METRIC, write_city
from citypatrol.clock import ManualClock
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kinds import Kinds
from citypatrol.records import Record, Tick
from citypatrol.registry import Registry
from citypatrol.samples import Batch
from ingest.intake import Intake
from rules.load import load_rules
from rules.runner import RulesStage

BEFORE_S = 60
PATIENCE_S = 600.0
_THREADS = {"loop": "MainThread", "rules": "asyncio", "reading": "journal-read",
            "history": "history"}  # fmt: skip
_CPU = re.compile(r'^citypatrol_thread_cpu_seconds_total\{thread="(.+)"\} (\S+)$', re.MULTILINE)
_JUDGED = re.compile(r"^citypatrol_judged_timestamp_seconds (\S+)$", re.MULTILINE)


class Devices:
    """All devices and what they send: an equal share in every second of ``every_s``, in an order
    that has nothing to do with their names."""

    def __init__(self, count: int, *, every_s: int) -> None:
        self.count = count
        self.every_s = every_s
        self.names = [f"dev-{number:06d}" for number in range(count)]
        self._order = np.random.default_rng(4).permutation(count)

    def second(self, at_ms: int, *, batch: int) -> Iterator[Batch]:
        """The batches of the second that begins at ``at_ms``."""
        due = self._order[at_ms // 1000 % self.every_s :: self.every_s]
        for first in range(0, len(due), batch):
            rows = due[first : first + batch]
            yield self.batch(rows.tolist(), at_ms=at_ms + 1000 * first // len(due))

    def batch(self, rows: list[int], *, at_ms: int) -> Batch:
        size = len(rows)
        return Batch(
            sources=tuple([self.names[row] for row in rows]),
            source=np.arange(size, dtype=np.int32),
            metrics=(METRIC,),
            metric=np.zeros(size, np.int32),
            ts=np.full(size, at_ms, np.int64),
            value=np.full(size, 1.0),
        )


async def prepare(folder: Path, devices: Devices, *, start_ms: int) -> None:
    """The city's first minute, up to ``start_ms``: every source announced, judged and saved, by the
    intake and the rules themselves."""
    registry, _ = Registry.read(folder / "registry.csv")
    rules, problems = load_rules([folder / "rules.yaml"])
    assert rules is not None, problems
    clock = ManualClock(start_ms)
    journal = SqliteJournal(folder / "data/journal.db", clock=clock)
    intake = Intake(journal, registry=registry, kinds=Kinds(), clock=clock)
    stage = RulesStage(journal, rules, apply=_nothing, clock=clock)
    stop = asyncio.Event()
    running = asyncio.create_task(intake.run(stop))
    for first in range(0, devices.count, 5_000):
        rows = list(range(first, min(first + 5_000, devices.count)))
        ts = start_ms - BEFORE_S * 1000 + BEFORE_S * 1000 * first // devices.count
        one = devices.batch(rows, at_ms=ts)
        labels = {name: {"district": "guancheng", "kind": "sensor"} for name in one.sources}
        while not intake.offer(one, labels=labels):
            await asyncio.sleep(0.01)
            if running.done():
                running.result()
    stop.set()
    await running
    while await journal.committed("rules") < await journal.end():
        await stage.run(stop)
    await journal.close()


async def _nothing(_: object) -> None: ...


async def append(folder: Path, devices: Devices, *, start_ms: int, hours: float, batch: int) -> int:
    """What the rules have not seen; how many samples."""
    journal = SqliteJournal(folder / "data/journal.db", clock=ManualClock(start_ms))
    count = 0
    records: list[Record] = []
    for second in range(int(3600 * hours)):
        at = start_ms + 1000 * second
        for one in devices.second(at, batch=batch):
            records.append(one)
            count += len(one)
        records.append(Tick(at + 999))
        if len(records) > 5_000:
            await journal.append(records)
            records = []
    await journal.append(records)
    await journal.close()
    return count


def measure(folder: Path, args: Namespace) -> dict[str, float | int | None]:
    http = free_port()
    devices = Devices(args.devices, every_s=args.every)
    with mosquitto(folder=folder / "broker") as broker:
        write_city(folder, mqtt=broker.port, http=http, devices=args.devices)
        (folder / "data").mkdir()
        began = time.monotonic()
        start_ms = time.time_ns() // 1_000_000 - int(3_600_000 * args.hours)
        asyncio.run(prepare(folder, devices, start_ms=start_ms))
        count = asyncio.run(
            append(folder, devices, start_ms=start_ms, hours=args.hours, batch=args.batch)
        )
        made_s = time.monotonic() - began
        command = [sys.executable, "-m", "bench.flood", str(broker.port)]
        command += ["--rate", str(args.rate), "--seconds", "3600", "--devices", str(args.devices)]
        publisher = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            with Pipeline(folder / "city.yaml", url=f"http://127.0.0.1:{http}") as run:
                began = time.monotonic()
                ready_s = run.ready()
                most, live_s = _until_live(run.pid, f"http://127.0.0.1:{http}", began=began)
                used = cpu_seconds(run.pid)
                threads = _thread_seconds(f"http://127.0.0.1:{http}")
        finally:
            publisher.terminate()
            publisher.wait(90)
    return {
        "samples": count,
        "made_s": round(made_s, 1),
        "ready_s": round(ready_s, 2),
        "live_s": None if live_s is None else round(live_s, 1),
        "cpu_s": round(used, 1),
        **{f"cpu_s_{name}": threads.get(thread) for name, thread in _THREADS.items()},
        "resident_mb_most": round(most / 1e6),
    }


def _thread_seconds(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        return {name: round(float(used), 1) for name, used in _CPU.findall(answer.read().decode())}


def _until_live(pid: int, url: str, *, began: float) -> tuple[int, float | None]:
    """The most memory seen, and seconds since ``began``; None: not within `PATIENCE_S`."""
    most, said_at = 0, time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        most = max(most, resident_bytes(pid))
        try:
            with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
                judged = _JUDGED.search(answer.read().decode())
        except OSError:
            judged = None
        behind = time.time() - float(judged[1]) if judged is not None else None
        if behind is not None and behind < 1.5:
            return most, time.monotonic() - began
        if time.monotonic() - said_at > 5:
            said_at = time.monotonic()
            print(f"  behind {behind} s, {most / 1e6:.0f} MB", file=sys.stderr)
        time.sleep(0.1)
    return most, None


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--hours", type=float, help="how far behind (default 1)")
    parser.add_argument("--every", type=int, default=60, help="seconds between a device's messages")
    parser.add_argument("--batch", type=int, default=40, help="samples in a batch of the journal")
    parser.add_argument("--rate", type=float, default=3_655, help="messages a second meanwhile")
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds until live")
    args = parser.parse_args()
    args.hours = args.hours or (0.05 if args.quick else 1.0)
    with tempfile.TemporaryDirectory(prefix="backlog-") as name:
        figures = measure(Path(name), args)
    conditions = {key: getattr(args, key) for key in ("hours", "every", "batch", "rate", "devices")}
    report("backlog", figures, conditions=conditions, as_json=args.json)
    live_s = figures["live_s"]
    return 0 if live_s is not None and live_s < args.limit else 1


if __name__ == "__main__":
    sys.exit(main())
