"""Words for tests of journals."""

from collections.abc import Awaitable, Callable

from citypatrol import metrics
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from citypatrol.samples import Batch, Sample

DAY = 86_400_000
MakeJournal = Callable[..., SqliteJournal]
OpenKafkaJournal = Callable[..., KafkaJournal]


def batch(n: int = 1, *, size: int = 1) -> Batch:
    return Batch.of([Sample(f"s{m}", "x", n, 1.0) for m in range(size)])


def metric(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def fill(
    journal: SqliteJournal,
    after_each: Callable[[int], Awaitable[None]] | None = None,
    *,
    size: int = 0,
) -> None:
    """Append until the journal refuses; at most 1,000 times."""
    for n in range(1_000):
        last = await journal.append([batch(n, size=size) if size else Tick(n)])
        if after_each is not None:
            await after_each(last)
