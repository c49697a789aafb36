"""Publishes unique readings at a steady rate, and remembers which the broker has acknowledged.

`python -m bench.generator PORT RATE FILE [HOST]`: a process of its own, so that a kill of the
pipeline never touches it. All at QoS 1: numbers 1, 2, 3... go round 200 probes, each with a time of
its own; every three seconds another underpass floods for six; once a second a probe tells of two
hours ago, and another sends what nobody can read. What the broker cannot take waits here. At
SIGTERM it lets the floods end, waits for what is in flight and writes FILE: one JSON object, of
what was acknowledged.
"""

import signal
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

PROBES = 200
FLOOD_EVERY_S, REPORT_EVERY_S = 3.0, 0.5
DRY_S, WET_S, END_S = 1.0, 7.0, 9.0
"""Of an underpass's life: dry until, wet until, silent from."""
AGO_MS = 2 * 3_600_000
_FLIES_S = 20.0
_DUE_MS = 4_000
_WET = "wet "
_MOST_FLYING = 20_000
_KEEPALIVE_S = 15
FLOODED: Final = """
rules:
  - name: flooded
    select: {metric: water_level}
    when: {above: 15, for: 2s, at_least: 2 samples}
    clear: {below: 10}
    ticket: {category: road.flooding, title: "Under water: {source.name}"}
"""
"""The rule that its floods break."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the broker has acknowledged: numbers of probes, numbers of old readings and of those
    that cannot be read; and the underpasses that it heard to be wet long enough for a ticket."""

    numbers: list[int]
    old: list[int]
    poison: list[int]
    flooded: list[str]


def read_account(file: Path) -> Account:
    return Account(**orjson.loads(file.read_bytes()))


class Generator:
    """One publisher."""

    def __init__(self, port: int, *, host: str = "127.0.0.1") -> None:
        self._acknowledged: dict[str, list[int]] = {"number": [], "old": [], "poison": []}
        self._flooded: set[str] = set()
        self._wet: dict[str, int] = {}
        self._sent: deque[tuple[str, int, mqtt.MQTTMessageInfo]] = deque()
        self._stopping = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="generator")
        self._client.max_inflight_messages_set(2000)
        self._client.reconnect_delay_set(1, 4)
        self._client.connect(host, port, keepalive=_KEEPALIVE_S)

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def run(self, rate: float) -> Account:
        """Until ``stop``; ``rate``: messages a second of the probes."""
        self._client.loop_start()
        began, began_ms = time.monotonic(), time.time_ns() // 1_000_000
        number = second = reports = 0
        floods_end_s: float | None = None
        while floods_end_s is None or time.monotonic() - began < floods_end_s:
            at_s = time.monotonic() - began
            if self._stopping and floods_end_s is None:
                floods_end_s = at_s + END_S
            self._note_acknowledged()
            if not self._client.is_connected():
                time.sleep(0.05)
                continue
            due = int(at_s * rate) if floods_end_s is None else number
            while number < due and len(self._sent) < _MOST_FLYING:
                number += 1
                # A time of its own, however late this loop is: two readings of one probe and time
                # would be one point of InfluxDB.
                self._probe(number, ts=began_ms + int(number * 1000 / rate))
            if at_s >= second:
                second += 1
                self._odd(second, now_ms=began_ms + int(at_s * 1000))
            if at_s >= reports * REPORT_EVERY_S:
                reports += 1
                self._underpasses(at_s, until_s=None if floods_end_s is None else floods_end_s)
            time.sleep(0.002)
        deadline = time.monotonic() + _FLIES_S
        while self._sent and time.monotonic() < deadline:
            self._note_acknowledged()
            time.sleep(0.05)
        self._client.disconnect()
        self._client.loop_stop()
        known = self._acknowledged
        return Account(known["number"], known["old"], known["poison"], sorted(self._flooded))

    def _note_acknowledged(self) -> None:
        while self._sent:
            kind, number, sent = self._sent[0]
            try:
                acknowledged = sent.is_published()
            except RuntimeError:  # given to a client without connection: it will be sent, unsaid
                self._sent.popleft()
                continue
            if not acknowledged:
                return
            self._sent.popleft()
            if kind in self._acknowledged:
                self._acknowledged[kind].append(number)
            elif kind.startswith(_WET):
                self._note_wet(kind.removeprefix(_WET), at_ms=number)

    def _note_wet(self, source: str, *, at_ms: int) -> None:
        """The broker has two of its readings that are so far apart: a ticket is due."""
        if at_ms - self._wet.setdefault(source, at_ms) > _DUE_MS:
            self._flooded.add(source)

    def _publish(self, source: str, payload: bytes, *, kind: str, number: int = 0) -> None:
        topic = f"city/guancheng/{source.partition('-')[0]}/{source}"
        self._sent.append((kind, number, self._client.publish(topic, payload, qos=1)))

    def _probe(self, number: int, *, ts: int) -> None:
        payload = orjson.dumps({"ts": ts, "number": number})
        self._publish(f"probe-{number % PROBES:03d}", payload, kind="number", number=number)

    def _odd(self, second: int, *, now_ms: int) -> None:
        old = orjson.dumps({"ts": now_ms - AGO_MS, "old": second})
        self._publish("probe-late", old, kind="old", number=second)
        self._publish("probe-poison", b'{"poison": %d' % second, kind="poison", number=second)

    def _underpasses(self, at_s: float, *, until_s: float | None) -> None:
        """``until_s``: the floods must be over by then, so that none begins any more."""
        last = int((at_s if until_s is None else until_s - END_S) / FLOOD_EVERY_S)
        first = max(0, int((at_s - END_S) / FLOOD_EVERY_S))
        for which in range(first, last + 1):
            age_s = at_s - which * FLOOD_EVERY_S
            if not 0 <= age_s < END_S:
                continue
            source = f"underpass-{which:04d}"
            wet = DRY_S <= age_s < WET_S
            now_ms = time.time_ns() // 1_000_000
            reading = {"ts": now_ms, "water_level": 40.0 if wet else 1.0}
            kind = f"{_WET}{source}" if wet else "dry"
            self._publish(source, orjson.dumps(reading), kind=kind, number=now_ms)


def main() -> None:
    port, rate, file = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    generator = Generator(port, host=sys.argv[4] if len(sys.argv) > 4 else "127.0.0.1")
    signal.signal(signal.SIGTERM, generator.stop)
    account = generator.run(rate)
    written = file.with_suffix(".part")
    written.write_bytes(
        orjson.dumps(
            {
                "numbers": account.numbers,
                "old": account.old,
                "poison": account.poison,
                "flooded": account.flooded,
            }
        )
    )
    written.rename(file)


if __name__ == "__main__":
    main()
