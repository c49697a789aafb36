"""Publishes unique readings at a steady rate, and remembers which the broker has acknowledged.

`python -m bench.generator PORT RATE FILE`: a process of its own, so that a kill of the pipeline
never touches it. Numbers 1, 2, 3... go round 200 probes (plain payloads); twenty underpasses flood
one after the other and stay flooded. At SIGTERM it waits for what is in flight and writes FILE:
the acknowledged numbers, a line each, then the flooded sources.
"""

import signal
import sys
import time
from collections import deque
from pathlib import Path
from types import FrameType

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

PROBES, UNDERPASSES = 200, 20
FLOOD_EVERY_S, REPORT_EVERY_S = 3.0, 0.5


class Generator:
    """One publisher. ``acknowledged``: every number with a PUBACK."""

    def __init__(self, port: int) -> None:
        self.acknowledged: set[int] = set()
        self.flooded: set[str] = set()
        self._sent: deque[tuple[int, mqtt.MQTTMessageInfo]] = deque()
        self._stopping = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="generator")
        self._client.max_inflight_messages_set(2000)
        self._client.connect("127.0.0.1", port)

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _note_acknowledged(self) -> None:
        while self._sent and self._sent[0][1].is_published():
            self.acknowledged.add(self._sent.popleft()[0])

    def run(self, rate: float) -> None:
        self._client.loop_start()
        began = time.monotonic()
        number, next_report_s = 0, 0.0
        while not self._stopping:
            at_s = time.monotonic() - began
            while number < at_s * rate:
                number += 1
                self._probe(number)
            if at_s >= next_report_s:
                next_report_s += REPORT_EVERY_S
                self._underpasses(at_s)
            self._note_acknowledged()
            time.sleep(0.002)
        deadline = time.monotonic() + 20
        while self._sent and time.monotonic() < deadline:
            self._note_acknowledged()
            time.sleep(0.05)
        self._client.disconnect()
        self._client.loop_stop()

    def _probe(self, number: int) -> None:
        topic = f"city/guancheng/probe/probe-{number % PROBES:03d}/number"
        self._sent.append((number, self._client.publish(topic, str(number), qos=1)))

    def _underpasses(self, at_s: float) -> None:
        for which in range(UNDERPASSES):
            source = f"underpass-{which:03d}"
            wet = at_s > 2 + which * FLOOD_EVERY_S
            if wet:
                self.flooded.add(source)
            reading = {"ts": time.time_ns() // 1_000_000, "water_level": 40.0 if wet else 1.0}
            topic = f"city/guancheng/underpass/{source}"
            self._client.publish(topic, orjson.dumps(reading), qos=1)


def main() -> None:
    port, rate, file = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    generator = Generator(port)
    signal.signal(signal.SIGTERM, generator.stop)
    generator.run(rate)
    lines = [*map(str, sorted(generator.acknowledged)), *sorted(generator.flooded)]
    file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
