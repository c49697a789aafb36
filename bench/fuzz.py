"""Thousands of topics and payloads that are nearly right, for each payload profile.

`python -m bench.fuzz --profile all --count 10000`: first through the parser alone, where each has
to leave a sample, a letter or a count; then through a real broker into a real journal, with a
neighbour's reading among every twenty of them, each of which has to arrive, and in time. A crash
ends the run with what caused it.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final, get_args

from bench.fuzz_cases import CASES, NOW, Case, account, explore
from bench.report import arguments, report
from bench.servers.ingest import Device, Ingest, running
from bench.servers.mosquitto import mosquitto
from citypatrol.samples import Batch
from ingest.message import Message
from ingest.payloads import Payload

_EVERY: Final = 20
_PAUSE_S: Final = 0.01
_LOOK_S: Final = 0.02
_PATIENCE_S: Final = 60.0
_NEIGHBOUR: Final = "neighbour"
_REFUSED: Final = frozenset("\x00\u0001\n\u202e\ufffe+#")
"""Characters for which a broker closes the connection, or paho does not send."""

Sent = tuple[str, bytes]


def through_the_parser(case: Case, *, count: int, seed: int) -> tuple[Counter[str], list[Sent]]:
    """How the messages ended, and the messages."""
    parser = case.parser()
    ends: Counter[str] = Counter()
    sent: list[Sent] = []

    def each(topic: str, payload: bytes) -> None:
        ends[account(Message(topic, payload, NOW + len(sent)), parser)] += 1
        sent.append((topic, payload))

    while len(sent) < count:
        explore(case, count=count - len(sent), number=seed + len(sent), each=each)
    return ends, sent


def _publish(device: Device, sent: list[Sent]) -> int:
    """How many neighbours there were among them."""
    neighbours = 0
    for number, (topic, payload) in enumerate(sent):
        if topic and not _REFUSED & set(topic):
            device.publish(topic, payload)
        if number % _EVERY == 0:
            ts = time.time_ns() // 1_000_000
            device.publish(f"{_NEIGHBOUR}/n-1", b'{"ts":%d,"number":%d}' % (ts, neighbours))
            neighbours += 1
            time.sleep(_PAUSE_S)
    device.settle()
    return neighbours


async def _late(ingest: Ingest, latest: dict[float, float], stop: asyncio.Event) -> None:
    """For each neighbour's number how long after its own time it was in the journal, in s."""
    position = 0
    while not stop.is_set():
        entries = await ingest.journal.read("fuzz", after=position, limit=1_000)
        now_s = time.time()
        for entry in entries:
            position = entry.position
            if isinstance(entry.record, Batch) and "number" in entry.record.metrics:
                for row in entry.record.samples():
                    if row.metric == "number" and row.source == "n-1":
                        latest.setdefault(row.value, now_s - row.ts / 1_000)
        if not entries:
            await asyncio.sleep(_LOOK_S)


async def through_a_broker(
    cases: list[Case], sent: list[Sent], *, folder: Path
) -> tuple[int, float]:
    """Neighbours lost, and by how many seconds the latest one was late."""
    topics = [{"match": f"{_NEIGHBOUR}/{{source}}", "payload": "json"}]
    for case in cases:
        metric = {"metric": "level"} if case.profile == "senml" else {}
        topics.append({"match": case.match, "payload": case.profile, **metric})
    latest: dict[float, float] = {}
    with mosquitto(folder=folder / "broker") as broker:
        async with running(Ingest(folder, broker.url, {"topics": topics})) as ingest:
            await ingest.ready()
            stop = asyncio.Event()
            watching = asyncio.create_task(_late(ingest, latest, stop))
            device = Device(broker.port)
            neighbours = await asyncio.to_thread(_publish, device, sent)
            deadline = time.monotonic() + _PATIENCE_S
            while len(latest) < neighbours and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)
            await ingest.until(lambda: ingest.progress.in_hand == 0)
            stop.set()
            await watching
            device.close()
    return neighbours - len(latest), max(latest.values(), default=0.0)


def run(profile: Payload, *, count: int, seed: int) -> dict[str, float | int | None]:
    cases = [case for case in CASES if case.profile == profile]
    ends: Counter[str] = Counter()
    sent: list[Sent] = []
    for case in cases:
        found, messages = through_the_parser(case, count=-(-count // len(cases)), seed=seed)
        ends += found
        sent += messages
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        lost, late_s = asyncio.run(through_a_broker(cases, sent, folder=Path(name)))
    return {
        f"{profile}_messages": len(sent),
        f"{profile}_samples": ends["sample"],
        f"{profile}_letters": ends["letter"],
        f"{profile}_counted": ends["counted"],
        f"{profile}_crashes": 0,
        f"{profile}_neighbours_lost": lost,
        f"{profile}_neighbours_latest_s": round(late_s, 3),
    }


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--profile", choices=("all", *get_args(Payload)), default="all")
    parser.add_argument("--count", type=int, default=None, help="messages a profile")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    count = args.count or (500 if args.quick else 10_000)
    profiles = get_args(Payload) if args.profile == "all" else (args.profile,)
    figures: dict[str, float | int | None] = {}
    for profile in profiles:
        figures |= run(profile, count=count, seed=args.seed)
    report("fuzz", figures, conditions={"count": count, "seed": args.seed}, as_json=args.json)
    lost = sum(figures[f"{profile}_neighbours_lost"] or 0 for profile in profiles)
    late = any((figures[f"{profile}_neighbours_latest_s"] or 0) >= 1 for profile in profiles)
    return 1 if lost or late else 0


if __name__ == "__main__":
    sys.exit(main())
