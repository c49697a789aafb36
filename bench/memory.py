"""What each part of a city's process holds in memory: `python -m bench.memory`, 219,300 devices.

A part is built alone, in a process of its own, from what it would be told: the registry of 349,300
rows; the topics; the announcements; the announcements as an earlier run left them; what was heard;
what the history needs to tell late samples; the rules of `bench.whole` (20, or 100 more that
compare) with a series a device; the same restored from their snapshot. MB are those of the process
after it less those before, once what is free was given back. `rule_series_bytes`: what one more
rule that compares costs for each series that it reads.
"""

import argparse
import gc
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import arguments, report
from bench.whole import CAMERAS, DEVICES, METRIC, twenty_rules, write_registry
from citypatrol.heap import give_back, settle
from citypatrol.history.buffer import Buffer
from citypatrol.journal import Entry
from citypatrol.kinds import Kinds
from citypatrol.records import Record, SourceSeen, decode_record, encode_record
from citypatrol.registry import Registry
from citypatrol.samples import Batch
from ingest.announce import Announcements
from ingest.config import MqttInput
from ingest.heard import Heard
from ingest.message import ClockBounds, Message
from ingest.parse import Parser
from rules.engine import Engine
from rules.load import load_rules
from rules.ruleset import RuleSet

NOW = 1_778_655_600_000
AT_ONCE = 100
MORE_RULES = 100


class City:
    """What its devices send, from their registry."""

    def __init__(self, devices: int) -> None:
        self.devices = devices
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "registry.csv")
            cameras = CAMERAS * devices // DEVICES
            write_registry(path, devices=devices, cameras=cameras)
            self.registry, _ = Registry.read(path)

    def batches(self) -> Iterator[Batch]:
        for first in range(0, self.devices, AT_ONCE):
            names = _names(first, min(AT_ONCE, self.devices - first))
            code, size = np.arange(len(names), dtype=np.int32), len(names)
            yield Batch(names, code, (METRIC,), 0 * code, np.full(size, NOW), np.full(size, 20.0))

    def records(self) -> Iterator[list[Record]]:
        """As the journal gives them: sources, then their samples."""
        told = Announcements(self.registry, Kinds())
        for batch in self.batches():
            news: list[Record] = [*told.of(batch, labels=None, now=NOW), batch]
            yield [decode_record(encode_record(record)) for record in news]

    def messages(self) -> Iterator[list[Message]]:
        for batch in self.batches():
            payload = b'{"ts":%d,"value":20.5}' % NOW
            topics = (f"city/guancheng/sensor/{name}/{METRIC}" for name in batch.sources)
            yield [Message(topic, payload, NOW) for topic in topics]


def _names(first: int, count: int) -> tuple[str, ...]:
    return tuple(f"dev-{number:06d}" for number in range(first, first + count))


def registry(city: City) -> object:
    return City(city.devices).registry


def topics(city: City) -> object:
    match = {"match": "city/{district}/{kind}/{source}/{metric}", "payload": "json"}
    given = {"type": "mqtt", "url": "mqtt://127.0.0.1", "topics": [match]}
    parser = Parser(MqttInput.model_validate(given).routes(), clock=ClockBounds())
    for messages in city.messages():
        parser(messages)
    return parser


def announcements(city: City) -> Announcements:
    told = Announcements(city.registry, Kinds())
    for batch in city.batches():
        told.of(batch, labels=None, now=NOW)
    return told


def announcements_restored(city: City) -> object:
    data = announcements(city).dump()
    told = Announcements(city.registry, Kinds())
    told.load(data)
    return told


def heard(city: City) -> object:
    found = Heard()
    for batch in city.batches():
        found.take([batch], at=NOW)
    return found


def history(city: City) -> object:
    buffer, position = Buffer(), 0
    for records in city.records():
        entries = [Entry(position + at, record) for at, record in enumerate(records, start=1)]
        buffer.take(entries)
        position = entries[-1].position
        buffer.clear()
    return buffer


def rules(city: City) -> Engine:
    return _judged(city, _ruleset(twenty_rules()))


def rules_and_more(city: City) -> object:
    each = (
        f"  - {{name: more-{n}, select: {{metric: {METRIC}}}, when: {{above: {n}.0e+12}}}}\n"
        for n in range(1, 1 + MORE_RULES)
    )
    return _judged(city, _ruleset(twenty_rules() + "".join(each)))


def rules_restored(city: City) -> object:
    data, again = rules(city).snapshot(), _ruleset(twenty_rules())
    return Engine.restore(again, data)


def _ruleset(text: str) -> RuleSet:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(text)
        found, problems = load_rules([path])
    assert found is not None, problems
    return found


def _judged(city: City, ruleset: RuleSet) -> Engine:
    engine = Engine(ruleset)
    for records in city.records():
        engine.fold(records)
    engine.fold([SourceSeen(NOW, "last", {}, 0, 0)])
    return engine


PARTS: tuple[Callable[[City], object], ...] = (
    registry,
    topics,
    announcements,
    announcements_restored,
    heard,
    history,
    rules,
    rules_and_more,
    rules_restored,
)


def _alone(part: Callable[[City], object], devices: int) -> float:
    """MB of one part, in this process; a small city before it brings what is loaded only once."""
    settle()
    part(City(200))
    city = City(devices)
    before = _resident_mb()
    kept: Any = part(city)
    after = _resident_mb()
    del kept
    return after - before


def _resident_mb() -> float:
    gc.collect()
    give_back()
    fields = Path("/proc/self/smaps_rollup").read_text().split()
    return int(fields[fields.index("Anonymous:") + 1]) * 1024 / 1e6


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    args = parser.parse_args()
    devices = DEVICES // 10 if args.quick else DEVICES
    if args.part:
        print(_alone(next(part for part in PARTS if part.__name__ == args.part), devices))
        return 0
    figures: dict[str, float | int | None] = {}
    for part in PARTS:
        command = [sys.executable, "-m", "bench.memory", "--part", part.__name__]
        command += ["--quick"] if args.quick else []
        found = subprocess.run(command, check=True, capture_output=True, text=True)
        figures[f"{part.__name__}_mb"] = round(float(found.stdout), 1)
    more = (figures["rules_and_more_mb"] or 0) - (figures["rules_mb"] or 0)
    figures["rule_series_bytes"] = round(1e6 * more / MORE_RULES / devices, 2)
    conditions = {"series": devices, "registry_rows": devices + CAMERAS * devices // DEVICES}
    report("memory", figures, conditions=conditions, as_json=args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
