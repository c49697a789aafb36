"""A server that was away for longer than the journal keeps: the history has what it missed."""

import asyncio
from pathlib import Path

from bench.servers.influx import Influx, influxdb
from citypatrol.clock import ManualClock, SystemClock
from citypatrol.dead import DeadStore
from citypatrol.history.reading import History
from citypatrol.history.stage import HistoryStage
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.metrics import FROM_HISTORY
from citypatrol.records import Record, SourceSeen
from citypatrol.samples import Batch, Sample
from sinks.config import InfluxConfig
from sinks.influx import InfluxSink
from sinks.influx_http import Answer

AT = 1_778_630_400_000
NOWHERE = InfluxConfig(type="influx", version=1, url="http://127.0.0.1:1", db="city")
BATCHES, ROWS = 200, 300


def numbered(batch: int) -> Batch:
    """Unique values: ``batch * ROWS`` and on."""
    first = batch * ROWS
    return Batch.of(Sample(f"s{n % 50}", "n", AT + n, float(n)) for n in range(first, first + ROWS))


async def stop_when(task: "asyncio.Task[None]", stop: asyncio.Event) -> None:
    stop.set()
    await asyncio.wait_for(task, 30)


async def numbers(server: Influx) -> list[int]:
    found = await asyncio.to_thread(server.query, 'SELECT "value" FROM "sensor"')
    values = found[0]["values"] if found else []
    assert isinstance(values, list)
    return [int(row[1]) for row in values]


def opened(folder: Path, *, max_size: int = 10**9) -> SqliteJournal:
    return SqliteJournal(
        folder / "journal.db",
        max_size=max_size,
        clock=ManualClock(AT),
        holds=("rules", "history"),
    )


async def kept(journal: SqliteJournal, folder: Path) -> None:
    """Everything is in the history, and nothing holds the journal any more."""
    stage = HistoryStage(journal, folder, clock=SystemClock(), flush_rows=20_000)
    stop = asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    await stop_when(task, stop)
    await journal.commit("rules", await journal.end())


async def test_every_sample_is_in_influx_late_but_complete(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    folder = tmp_path / "history"
    dead = DeadStore(tmp_path / "dead.db")
    introductions: list[Record] = [
        SourceSeen(AT, f"s{n}", {"kind": "probe", "district": "d"}, 0, 1000) for n in range(50)
    ]
    await journal.append(introductions)
    away = asyncio.Event()
    sink = InfluxSink(journal, NOWHERE, dead=dead, clock=SystemClock(), history=History(folder))
    task = asyncio.create_task(sink.run(away))  # nobody listens there
    for number in range(BATCHES - 1):
        await journal.append([numbered(number)])
    await kept(journal, folder)
    await stop_when(task, away)
    await journal.close()
    journal = opened(tmp_path, max_size=500_000)
    await journal.prune(AT)
    assert await journal.oldest() > 100, "the journal has let go of most of it"

    before = FROM_HISTORY.labels("influx")._value.get()
    with influxdb() as server:
        config = NOWHERE.model_copy(update={"url": server.url})
        sink = InfluxSink(journal, config, dead=dead, clock=SystemClock(), history=History(folder))
        stop = asyncio.Event()
        task = asyncio.create_task(sink.run(stop))
        await journal.append([numbered(BATCHES - 1)])  # live, while it catches up
        async with asyncio.timeout(30):
            while len(await numbers(server)) < BATCHES * ROWS:
                await asyncio.sleep(0.1)
        assert sorted(await numbers(server)) == list(range(BATCHES * ROWS))
        async with asyncio.timeout(30):
            while await journal.committed("influx") < await journal.end():
                await asyncio.sleep(0.1)
        await stop_when(task, stop)
        found = await asyncio.to_thread(server.query, 'SHOW TAG VALUES WITH KEY IN ("kind")')
    assert found[0]["values"] == [["kind", "probe"]], "labels come from the history too"
    assert FROM_HISTORY.labels("influx")._value.get() - before > 1000
    assert dead.counts() == {}
    await journal.close()


async def test_without_a_history_it_goes_on_where_the_journal_begins(tmp_path: Path) -> None:
    journal = opened(tmp_path, max_size=500_000)
    for at in range(0, BATCHES, 10):
        position = await journal.append([numbered(number) for number in range(at, at + 10)])
        for cursor in ("rules", "history"):
            await journal.commit(cursor, position)
    oldest = await journal.oldest()
    taken: list[bytes] = []

    async def post(url: str, headers: object, body: bytes | memoryview) -> Answer:
        taken.append(bytes(body))
        return Answer(204)

    config = NOWHERE.model_copy(update={"gzip": False})
    dead = DeadStore(tmp_path / "dead.db")
    sink = InfluxSink(journal, config, dead=dead, clock=ManualClock(AT), post=post)
    stop = asyncio.Event()
    task = asyncio.create_task(sink.run(stop))
    async with asyncio.timeout(20):
        while await journal.committed("influx") < await journal.end():
            await asyncio.sleep(0.01)
    await stop_when(task, stop)
    assert oldest > 1
    assert sum(body.count(b"\n") for body in taken) == (BATCHES - oldest + 1) * ROWS
    await journal.close()
