"""What silence costs with a whole city: `python -m bench.silence`, the engine alone.

219,300 devices, one series each, behind 1,097 gateways, one message a minute (2,000 of them every
590 s, so that some silence is always nearly too long), and four rules: `missing` by source (`"*"`),
of one metric, by gateway, and with `unless`. Seconds are CPU seconds
of one process, so other work on the machine does not count. `burst`: 250 gateways of 200 devices
fall silent in one instant, under all four rules; `return`: they come back in one instant.

Floors, and why: a tick in which nobody falls silent may take 5 ms (half a percent of its second); a
burst of 200,000 alarms at once, and its end, 15 s each (so much can wait in the journal unnoticed
where a `missing` of minutes is judged); 250 MB in all before the burst.
"""

import gc
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.report import arguments, report
from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Batch
from rules.engine import Engine
from rules.load import load_rules

START = 1_778_630_400_000
EVERY_S = 60
BEHIND = 200  # devices behind one gateway
SLOW = 2_000
METRICS = ("water_level", "temperature", "pm25", "noise_db", "tilt")
RULES = """
rules:
  - name: source-silent
    select: {metric: "*"}
    when: {missing: 10m}
    ticket: {category: device.silent, title: "{source.name} silent"}
  - name: gauge-silent
    select: {metric: temperature}
    when: {missing: 10m}
    clear: {for: 5m}
    ticket: {category: device.silent, title: "{source.name} silent"}
  - name: gateway-silent
    select: {metric: "*"}
    when: {missing: 10m}
    group: gateway
    ticket: {category: device.silent, title: "Gateway {group} silent: {count} sources"}
  - name: silent-unless-serviced
    select: {metric: pm25}
    when: {missing: 10m}
    unless: {metric: maintenance, above: 0}
"""
MOST_TICK_MS, MOST_BURST_S, MOST_RETURN_S, MOST_MB = 5.0, 15.0, 15.0, 250.0


class City:
    """All devices, and the batches that they send."""

    def __init__(self, devices: int) -> None:
        self.devices = devices
        self.names = tuple(f"dev-{number:06d}" for number in range(devices))
        self._metric = np.arange(devices, dtype=np.int32) % len(METRICS)

    def seen(self) -> Iterator[SourceSeen]:
        for number, name in enumerate(self.names):
            labels = {
                "name": f"Device {number}",
                "kind": "sensor",
                "site": f"site-{number // 4}",
                "district": f"d{number % 6}",
                "gateway": f"gw-{number // BEHIND:04d}",
                "lat": "34.7155",
                "lon": "113.7411",
            }
            yield SourceSeen(START, name, labels, 0, 7_200_000)

    def batch(self, devices: Sequence[int] | np.ndarray, *, ts: int) -> Batch:
        """One sample of each of these."""
        rows = np.asarray(devices)
        return Batch(
            sources=tuple(self.names[row] for row in rows.tolist()),
            source=np.arange(len(rows), dtype=np.int32),
            metrics=METRICS,
            metric=self._metric[rows],
            ts=np.full(len(rows), ts, np.int64),
            value=np.full(len(rows), 1.0),
        )

    def of_second(self, second: int) -> np.ndarray:
        """Those that send in this second of their minute; the last ones every 590 s."""
        quick = np.arange(second % EVERY_S, self.devices - SLOW, EVERY_S)
        return np.append(quick, self.devices - SLOW + np.arange(second % 590, SLOW, 590))


def measure(*, devices: int, gateways: int, steady_s: int) -> dict[str, float | int | None]:
    city = City(devices)
    base_mb = _resident_mb()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(RULES)
        rules, problems = load_rules([path])
    assert rules is not None, problems
    engine = Engine(rules)
    begin = time.process_time()
    engine.fold(list(city.seen()))
    for second in range(EVERY_S):
        engine.fold([city.batch(city.of_second(second), ts=START + 1000 * second)])
        engine.fold([Tick(START + 1000 * second)])
    first_s = time.process_time() - begin
    engine.fold([city.batch(np.arange(devices - SLOW, devices), ts=START + 1000 * second)])
    second, silent, quiet = EVERY_S, 0, []
    for second in range(EVERY_S, EVERY_S + steady_s):
        engine.fold([city.batch(city.of_second(second), ts=START + 1000 * second)])
        begin = time.process_time()
        silent += len(engine.fold([Tick(START + 1000 * second)]))
        quiet.append(1e3 * (time.process_time() - begin))
    assert not silent, silent
    gc.collect()
    engine_mb = _resident_mb() - base_mb
    gone = BEHIND * gateways
    now = START + 1000 * second
    engine.fold([city.batch(np.arange(devices), ts=now)])
    lively = np.arange(gone, devices)
    for later in (300, 599):
        engine.fold([city.batch(lively, ts=now + 1000 * later), Tick(now + 1000 * later)])
    burst_s, fired = _timed(engine, [Tick(now + 600_000)])
    burst_mb = _resident_mb() - base_mb
    asked = 1e3 * _timed(engine, [Tick(now + 601_000)])[0]
    back: list[Batch | Tick] = [city.batch(np.arange(gone), ts=now + 602_000), Tick(now + 602_000)]
    return_s, cleared = _timed(engine, back)
    return {
        "tick_ms_median": round(statistics.median(quiet), 3),
        "tick_ms_mean": round(statistics.mean(quiet), 3),
        "tick_ms_worst": round(max(quiet), 3),
        "tick_ms_while_silent": round(asked, 3),
        "first_minute_s": round(first_s, 2),
        "burst_alarms": fired,
        "burst_s": round(burst_s, 2),
        "return_cleared": cleared,
        "return_s": round(return_s, 2),
        "engine_mb": round(engine_mb),
        "engine_mb_in_burst": round(burst_mb),
    }


def _timed(engine: Engine, records: Sequence[Batch | Tick]) -> tuple[float, int]:
    begin = time.process_time()
    said = engine.fold(records)
    return time.process_time() - begin, len(said)


def _resident_mb() -> float:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * resource.getpagesize() / 1e6


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    devices, gateways, steady_s = (21_930, 25, 60) if args.quick else (219_300, 250, 900)
    figures = measure(devices=devices, gateways=gateways, steady_s=steady_s)
    conditions = {"series": devices, "silent_gateways": gateways, "rules": 4}
    report("silence", figures, conditions=conditions, as_json=args.json)
    worse = (
        (figures["tick_ms_mean"] or 0) > MOST_TICK_MS
        or (figures["burst_s"] or 0) > MOST_BURST_S
        or (figures["return_s"] or 0) > MOST_RETURN_S
        or (figures["engine_mb"] or 0) > MOST_MB
    )
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
