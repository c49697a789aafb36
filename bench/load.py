"""A city under the load of ``bench.flood``: broker, `citypatrol run`, an account of its journal.

The account is taken from the journal's file, so that only what is durable counts.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from bench.flood import BASE
from bench.servers.free_port import free_port
from bench.servers.influx import Influx, influxdb
from bench.servers.mosquitto import Mosquitto, mosquitto
from bench.servers.pipeline import Pipeline
from citypatrol.records import decode_record
from citypatrol.samples import Batch

METRIC: Final = "level"
_LONGEST_S: Final = 900.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
CITY: Final = """
city: {{name: Load, code: LD, timezone: Asia/Shanghai}}
registry: registry.csv
units: units.yaml
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db}}
tickets: {{url: "sqlite:///data/tickets.db", brake: "off"}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics:
      - {{match: "city/{{district}}/{{kind}}/{{source}}/{{metric}}", payload: json}}
{sinks}
webhooks: {{allow: [127.0.0.0/8]}}
http: {{listen: "127.0.0.1:{http}"}}
"""
SINKS: Final = "sinks:\n  - {{type: influx, version: 1, url: '{url}', db: {db}, gzip: false}}\n"
QUIET: Final = """
rules:
  - name: above-all
    select: {metric: level}
    when: {above: 1.0e+12}
"""


def twenty_rules() -> str:
    """Thresholds of every plain kind over the one metric, none of which ever holds, and a silence;
    each judges every sample."""
    when = (
        "{{above: {n}.0e+12, for: 2m}}",
        "{{below: -{n}, for: 30s, at_least: 3 samples}}",
        "{{above: {{label: limit, default: {n}.0e+12}}}}",
        "{{between: [-{n}.5, -{n}.0]}}",
    )
    lines = ["rules:"]
    for number in range(19):
        condition = when[number % len(when)].format(n=number + 2)
        lines += [f"  - name: rule-{number:02d}", "    select: {metric: level}"]
        lines += [f"    when: {condition}"]
    lines += ["  - name: silent", '    select: {metric: "*"}', "    when: {missing: 10m}"]
    return "\n".join(lines) + "\n"


def _registry(devices: int) -> str:
    lines = ["id,name,kind,site,lat,lon,district"]
    place = "34.7,113.7,guancheng"
    lines += [f"dev-{n:06d},d{n},sensor,site-{n // 4},{place}" for n in range(devices)]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class Seen:
    """How often each of the flood's numbers lies in the journal; reads on from where it was."""

    path: Path
    position: int = 0
    _counts: "np.ndarray[tuple[int], np.dtype[np.int64]]" = field(
        default_factory=lambda: np.zeros(1 << 20, np.int64)
    )

    def read_on(self) -> None:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        rows = connection.execute(
            "SELECT position, data FROM records WHERE position > ? ORDER BY position",
            (self.position,),
        )
        for position, data in rows:
            self.position = position
            record = decode_record(data)
            if isinstance(record, Batch) and METRIC in record.metrics:
                wanted = record.metric == record.metrics.index(METRIC)
                numbers = record.value[wanted].astype(np.int64) - BASE
                while len(numbers) and numbers.max() >= len(self._counts):
                    self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
                np.add.at(self._counts, numbers, 1)
        connection.close()

    def of(self, first: int, count: int) -> tuple[int, int]:
        """How many of these numbers are there, and how many more than once."""
        times = self._counts[first : first + count]
        return int(np.count_nonzero(times)), int(np.count_nonzero(times > 1))


@dataclass(slots=True)
class Load:
    """A city at work, and its generator."""

    broker: Mosquitto
    run: Pipeline
    influx: Influx | None
    url: str
    seen: Seen
    next: int = 0

    def flood(
        self, *, rate: float, seconds: float, devices: int
    ) -> "tuple[int, subprocess.Popen[bytes]]":
        """Start the generator; the first of its numbers, and its process."""
        first = self.next
        self.next += int(rate * seconds * 1.1) + 100_000
        flood = started_flood(self.broker, rate=rate, seconds=seconds, devices=devices, first=first)
        return first, flood

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
            text: str = answer.read().decode()
        return text

    def metric(self, start: str) -> float:
        """The sum of the samples whose lines begin so."""
        lines = self.metrics().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))


def started_flood(
    broker: Mosquitto, *, rate: float, seconds: float, devices: int, first: int
) -> "subprocess.Popen[bytes]":
    """``bench.flood`` as a process of its own."""
    command = [sys.executable, "-m", "bench.flood", str(broker.port)]
    command += ["--rate", str(rate), "--seconds", str(seconds)]
    command += ["--devices", str(devices), "--first", str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def account_of(generator: "subprocess.Popen[bytes]") -> dict[str, float]:
    """What the generator said at its end; waits for it."""
    out, _ = generator.communicate(timeout=_LONGEST_S)
    found: dict[str, float] = json.loads(out)
    return found


@contextmanager
def loaded(
    folder: Path,
    *,
    conf: str,
    devices: int,
    rules: str = QUIET,
    units: str = "units: []\n",
    with_influx: bool = False,
) -> Iterator[Load]:
    """The broker with this configuration and the city; both end with the block."""
    with ExitStack() as stack:
        broker = stack.enter_context(mosquitto(folder=folder / "broker", conf=conf))
        influx = stack.enter_context(influxdb()) if with_influx else None
        http = free_port()
        sinks = SINKS.format(url=influx.url, db=influx.db) if influx else ""
        city = CITY.format(mqtt=broker.port, http=http, sinks=sinks)
        (folder / "city.yaml").write_text(city)
        (folder / "rules.yaml").write_text(rules)
        (folder / "units.yaml").write_text(units)
        (folder / "registry.csv").write_text(_registry(devices))
        url = f"http://127.0.0.1:{http}"
        run = stack.enter_context(Pipeline(folder / "city.yaml", url=url))
        run.ready()
        yield Load(broker, run, influx, url, Seen(folder / "data/journal.db"))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children that live."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = (int(fields[11]) + int(fields[12])) / _TICKS
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            used += cpu_seconds(int(child))
    return used


def until(condition: Callable[[], bool], *, timeout_s: float, every_s: float = 0.05) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True
