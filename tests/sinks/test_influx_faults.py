"""A server that refuses points, or takes less than it is given."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from bench.servers.influx import Influx, influxdb
from citypatrol.clock import ManualClock
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.errors import Retry
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch, Sample
from sinks.influx_http import Answer, poster, session
from sinks.influx_writer import LineWriter
from sinks.line_protocol import Lines, lines
from sinks.tags import Tags
from tests.sinks.a_wire import AT, V1


@pytest.fixture(scope="module")
def server() -> object:
    with influxdb() as influx:
        yield influx


async def put(url: str, text: Lines, dead: DeadStore, **config: object) -> None:
    settings = V1.model_copy(update={"url": url, "timeout": 10_000, **config})
    async with session(settings) as opened:
        writer = LineWriter(
            settings, dead=dead, clock=ManualClock(AT), stage="influx", post=poster(opened)
        )
        async with asyncio.timeout(20):
            await writer.write(text)


def _samples(metric: str, count: int, *, first: float = 0.0, source: str = "s") -> list[Sample]:
    return [Sample(source, metric, AT + n, first + n) for n in range(count)]


async def test_of_a_partial_write_only_the_refused_points_are_set_aside(
    server: Influx, tmp_path: Path
) -> None:
    """A camera's `fault` is a string in this database: somebody else wrote it first."""
    dead = DeadStore(tmp_path / "dead.db")
    await put(server.url, one_line(f'camera,source=c fault="yes" {AT}'), dead)
    rows = _samples("partial", 300)
    rows.insert(77, Sample("c", "camera.fault", AT + 500, 1.0))
    rows.insert(200, Sample("c", "camera.fault", AT + 501, 0.0))
    await put(server.url, lines(Batch.of(rows), tags=Tags()), dead)
    letters = dead.list("line")
    assert sorted(letter.payload for letter in letters) == [
        b"camera,source=c fault=0 1778630400501",
        b"camera,source=c fault=1 1778630400500",
    ]
    assert all("field type conflict" in letter.reason for letter in letters)
    assert written(server, "partial") == [float(n) for n in range(300)]
    assert written(server, "camera.fault", source="c") == [1.0, 0.0], "as a sensor's sample"


async def test_points_older_than_what_the_server_keeps_are_counted_not_set_aside(
    server: Influx, tmp_path: Path
) -> None:
    server.query('CREATE DATABASE "short" WITH DURATION 1h')
    dead = DeadStore(tmp_path / "dead.db")
    now = time.time_ns() // 1_000_000
    rows = [Sample("s", "m", ts, 1.0) for ts in (now - 90_000_000, now, now - 80_000_000)]
    await put(server.url, lines(Batch.of(rows), tags=Tags()), dead, db="short")
    assert dead.counts() == {}
    short = Influx(server.url, "short")
    [series] = short.query('SELECT "value" FROM "sensor"')
    assert series["values"] == [[now, 1]]


async def test_names_that_try_to_break_a_line_arrive_whole(server: Influx, tmp_path: Path) -> None:
    names = ["a b,c=d", 'q"uote', "back\\slash", "tab\tx", "#hash", "测试 站", "nul\x00x", "'x'",
             "x,y z=\\w", "{a}", "\u2028x", "é" * 50]  # fmt: skip
    rows = [Sample(name, "m,e t=r", AT, float(n)) for n, name in enumerate(names)]
    tags = Tags()
    for name in names:
        tags.learn(SourceSeen(0, name, {"kind": "k,=\\ x", "district": "d"}, 0, 0))
    dead = DeadStore(tmp_path / "dead.db")
    await put(server.url, lines(Batch.of(rows), tags=tags), dead)
    found = server.query('SELECT "value" FROM "sensor" WHERE "kind" = \'k,= x\' GROUP BY "source"')
    assert {series["tags"]["source"]: series["values"] for series in found} == {
        name: [[AT, n]] for n, name in enumerate(names)
    }  # type: ignore[index]
    assert dead.counts() == {}


async def test_a_server_that_takes_less_at_once_is_given_less(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def post(url: str, headers: object, body: bytes | memoryview) -> Answer:
        sizes.append(len(body))
        return Answer(413, "too large") if len(body) > 20_000 else Answer(204)

    config = V1.model_copy(update={"gzip": False})
    dead = DeadStore(tmp_path / "dead.db")
    writer = LineWriter(config, dead=dead, clock=ManualClock(AT), stage="influx", post=post)
    text = lines(Batch.of(_samples("m", 4_000)), tags=Tags())
    await writer.write(text)
    await writer.write(text)
    assert dead.counts() == {}
    assert sum(size for size in sizes if size <= 20_000) == 2 * len(text.body)
    refused = [size > 20_000 for size in sizes]
    assert sum(refused) < 10, "what was too large once is not sent again and again"


async def test_a_line_too_large_by_itself_is_set_aside(tmp_path: Path) -> None:
    async def post(url: str, headers: object, body: bytes | memoryview) -> Answer:
        return Answer(413, "too large") if b"giant" in bytes(body) else Answer(204)

    config = V1.model_copy(update={"gzip": False})
    dead = DeadStore(tmp_path / "dead.db")
    writer = LineWriter(config, dead=dead, clock=ManualClock(AT), stage="influx", post=post)
    rows = [*_samples("m", 20), Sample("giant" * 1000, "m", AT, 1.0), *_samples("n", 20)]
    await writer.write(lines(Batch.of(rows), tags=Tags()))
    [letter] = dead.list("line")
    assert letter.payload.startswith(b"sensor,metric=m,source=giantgiant")


class Full(DeadStore):
    """A store on a disk that is full for the first time of asking."""

    asked = 0

    def put_many(self, letters: Iterable[DeadLetter]) -> tuple[int, ...]:
        self.asked += 1
        if self.asked == 1:
            message = "disk full"
            raise Retry(message)
        return super().put_many(letters)


async def test_a_store_that_takes_nothing_is_waited_for(tmp_path: Path) -> None:
    async def post(url: str, headers: object, body: bytes | memoryview) -> Answer:
        return Answer(400, "unable to parse")

    dead = Full(tmp_path / "dead.db")
    writer = LineWriter(V1, dead=dead, clock=ManualClock(AT), stage="influx", post=post)
    async with asyncio.timeout(20):
        await writer.write(lines(Batch.of(_samples("m", 1)), tags=Tags()))
    assert (dead.asked, dead.counts()) == (2, {"line": 1})


async def test_a_request_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def post(url: str, headers: object, body: bytes | memoryview) -> Answer:
        sizes.append(len(body))
        return Answer(204)

    config = V1.model_copy(update={"gzip": False})
    dead = DeadStore(tmp_path / "dead.db")
    writer = LineWriter(config, dead=dead, clock=ManualClock(AT), stage="influx", post=post)
    await writer.write(lines(Batch.of(_samples("m", 1_000, source="x" * 5_000)), tags=Tags()))
    assert len(sizes) == 6
    assert max(sizes) <= 1_000_000


def one_line(text: str) -> Lines:
    data = f"{text}\n".encode()
    return Lines(memoryview(data), np.array([0, len(data)], np.int64))


def written(server: Influx, metric: str, *, source: str = "s") -> list[float]:
    [series] = server.query(
        f'SELECT "value" FROM "sensor" WHERE "metric" = \'{metric}\' AND "source" = \'{source}\''
    )
    values = series["values"]
    assert isinstance(values, list)
    return [row[1] for row in values]
