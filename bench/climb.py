"""How many messages a second a city carries: runs at a rate, each with its account."""

import contextlib
import os
import re
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from bench.load import Load, account_of, cpu_seconds, until

_LATE_S: Final = 1.0
_BEHIND_S: Final = 0.5
_QUIET_S: Final = 4.0
_DRAIN_S: Final = 90.0
_UP: Final = 1.3
_REFINE: Final = (1.14, 1.07)
_BUSY: Final = 0.9
_ONE_INTERPRETER: Final = 0.85
_THREAD: Final = re.compile(r'citypatrol_thread_cpu_seconds_total\{thread="(.*)"\} (\S+)')
_COMMITTED: Final = 'citypatrol_samples_total{stage="ingest"}'
_DROPPED: Final = "$SYS/broker/publish/messages/dropped"
STAGES: Final[Mapping[str, str]] = {
    "MainThread": "event loop: intake, sinks, tickets, http",
    "Link.run": "network: publications in, PUBACKs out",
    "Worker.run": "payloads to samples",
    "journal-write": "journal: commits",
    "journal-read": "journal: reading for rules, history and sinks",
    "asyncio": "pool: rules, history, line protocol, gzip",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One run. ``rate``: asked for; ``sustained``: readings committed a second, from the first
    published to the last commit; ``late_s``: from the last PUBACK to the last commit;
    ``dropped``: by the broker; ``lost``: by us; ``cpu_s`` by process, ``profile`` in CPU-s a
    million by stage."""

    rate: float
    sustained: float
    published: int
    dropped: int
    lost: int
    doubled: int
    late_s: float
    behind_s: float
    cpu_s: Mapping[str, float]
    profile: Mapping[str, float]
    bound_by: str

    @property
    def carried(self) -> bool:
        kept = not self.lost and not self.dropped
        return kept and self.late_s <= _LATE_S and self.behind_s <= _BEHIND_S

    def per_million(self, who: str) -> float | None:
        if not self.published or who not in self.cpu_s:
            return None
        return round(self.cpu_s[who] / self.published * 1e6, 1)


def climb(load: Load, *, first: float, seconds: float, devices: int, most: float = 80_000) -> Step:
    """The run at the highest rate carried, to about 7 %; ``bound_by`` is that of the last rate
    that was not, or says that no higher one was tried."""
    rate = min(first, most)
    while not (best := step(load, rate=rate, seconds=seconds, devices=devices)).carried:
        rate /= _UP
        if rate < first / 8:
            return best
    bound_by, factor, finer = best.bound_by, _UP, list(_REFINE)
    while best.rate < most:
        rate = min(best.rate * factor, most)
        found = step(load, rate=rate, seconds=seconds, devices=devices)
        if found.carried:
            best = found
        else:
            bound_by = found.bound_by
        if factor < _UP or not found.carried:
            if not finer:
                break
            factor = finer.pop(0)
    if best.rate >= most:
        bound_by = f"nothing yet: no more than {most:,.0f} was asked for ({best.bound_by})"
    return replace(best, bound_by=bound_by)


def step(load: Load, *, rate: float, seconds: float, devices: int) -> Step:
    """One run, and its account once nothing more comes."""
    dropped, committed = _dropped(load), load.metric(_COMMITTED)
    cpu, threads, idle_s = _cpu(load), _threads(load), _idle_s()
    first, generator = load.flood(rate=rate, seconds=seconds, devices=devices)
    said = account_of(generator)
    cores = os.cpu_count() or 1
    busy = 1 - (_idle_s() - idle_s) / cores / max(said["seconds"], 0.1)
    published = int(said["published"])
    late_s = _settle(load, wanted=committed + published)
    lag = 'citypatrol_cursor_lag{cursor="'
    for cursor in ("rules", "influx") if load.influx is not None else ("rules",):
        until(partial(_is_zero, load, f"{lag}{cursor}"), timeout_s=_DRAIN_S)
    used = {name: seconds - cpu[name] for name, seconds in _cpu(load).items()}
    used["generator"] = said["cpu_s"]
    million = max(published, 1) / 1e6
    spent = {name: s - threads.get(name, 0.0) for name, s in _threads(load).items()}
    load.seen.read_on()
    there, doubled = load.seen.of(first, published)
    by_broker = int(_dropped(load) - dropped)
    return Step(
        rate=rate,
        sustained=published / (said["acknowledged_s"] + late_s),
        published=published,
        dropped=by_broker,
        lost=max(0, published - there - by_broker),
        doubled=doubled,
        late_s=late_s,
        behind_s=said["behind_at_end_s"],
        cpu_s=used,
        profile={STAGES.get(n, n): round(s / million, 2) for n, s in spent.items() if s > 0.01},
        bound_by=_bound_by(load, used, seconds=said["seconds"], busy=busy),
    )


def _is_zero(load: Load, metric: str) -> bool:
    return load.metric(metric) == 0


def _settle(load: Load, *, wanted: float) -> float:
    """Until so many samples are committed, or nothing more comes; how long something came."""
    began = last = time.monotonic()
    there = 0.0
    while time.monotonic() - last < _QUIET_S and last - began < _DRAIN_S:
        now = load.metric(_COMMITTED)
        if now > there:
            there, last = now, time.monotonic()
        if there >= wanted:
            break
        time.sleep(0.05)
    return last - began


def _bound_by(load: Load, used: Mapping[str, float], *, seconds: float, busy: float) -> str:
    window = load.metric("citypatrol_input_in_hand")
    cores = {name: s / seconds for name, s in used.items()}
    shares = ", ".join(f"{name} {share:.2f}" for name, share in cores.items())
    if busy > _BUSY:
        return f"the processor ({busy:.0%} busy; cores: {shares})"
    if cores["pipeline"] > _ONE_INTERPRETER:
        return f"one Python interpreter (cores: {shares})"
    return f"waiting: {window:.0f} messages in flight at the most (cores: {shares})"


def _cpu(load: Load) -> dict[str, float]:
    used = {"pipeline": cpu_seconds(load.run.pid), "broker": cpu_seconds(load.broker.pid)}
    if load.influx is not None:
        used["influxd"] = cpu_seconds(load.influx.pid)
    return used


def _threads(load: Load) -> dict[str, float]:
    """By the last word of the thread's name: before it stands the input's address."""
    found = _THREAD.findall(load.metrics())
    return {name.rsplit(" ", 1)[-1]: float(seconds) for name, seconds in found}


def _dropped(load: Load) -> float:
    """What the broker says of itself, no older than it writes it (`sys_interval 1`); 0 where it
    says nothing."""
    time.sleep(1.5)
    with socket.create_connection(("127.0.0.1", load.broker.port), timeout=2) as connection:
        name, topic = b"bench-dropped", _DROPPED.encode()
        body = b"\0\4MQTT\4\2\0\0" + struct.pack(">H", len(name)) + name
        ask = b"\0\1" + struct.pack(">H", len(topic)) + topic + b"\0"
        connection.sendall(bytes([0x10, len(body)]) + body + bytes([0x82, len(ask)]) + ask)
        answer = b""
        with contextlib.suppress(TimeoutError):
            while topic not in answer[:-1]:
                answer += connection.recv(4_096)
    found = re.search(re.escape(topic) + rb"(\d+)", answer)
    return float(found[1]) if found else 0.0


def _idle_s() -> float:
    """Seconds that the machine's cores have been idle, all together."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
