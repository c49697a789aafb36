"""What InfluxDB, or what stands in its way, can answer: judged, and on real servers and sockets."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from email.utils import formatdate
from pathlib import Path

import numpy as np
import pytest

from bench.servers.influx import Influx, influxdb
from citypatrol.clock import ManualClock
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.errors import Retry
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch, Sample
from citypatrol.secret import Secret
from sinks.config import InfluxConfig
from sinks.influx_http import Answer, Refused, WrongSetUp, judge, poster, session
from sinks.influx_writer import LineWriter
from sinks.line_protocol import Lines, lines
from sinks.tags import Tags

AT = 1_778_630_400_000
V1 = InfluxConfig(type="influx", version=1, url="http://127.0.0.1:1", db="city", timeout=500)
V2 = InfluxConfig(
    type="influx", url="http://127.0.0.1:1", org="city", bucket="b", token=Secret("t")
)
PARTIAL = "partial write: field type conflict: input field dropped="


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(204), id="204"),
        pytest.param(Answer(200), id="200 with nothing in it"),
        pytest.param(Answer(200, " \n"), id="200 with a line break in it"),
    ],
)
def test_taken(answer: Answer) -> None:
    judge(answer, config=V1, now=AT)


@pytest.mark.parametrize(
    ("answer", "dropped", "expired", "too_large"),
    [
        pytest.param(Answer(400, "unable to parse"), 0, False, False, id="a line nobody can read"),
        pytest.param(Answer(400, f'{{"error":"{PARTIAL}7"}}'), 7, False, False, id="partial write"),
        pytest.param(Answer(422, f"{PARTIAL}1"), 1, False, False, id="partial write of 2.x"),
        pytest.param(
            Answer(422, "partial write: points beyond retention policy dropped=3"),
            3, True, False, id="older than what is kept",
        ),
        pytest.param(
            Answer(422, "partial write: dropped 1 points outside retention policy dropped=1"),
            1, True, False, id="older than what is kept, as 2.7 says it",
        ),
        pytest.param(Answer(413, "too large"), 0, False, True, id="too large"),
    ],
)  # fmt: skip
def test_refused_lines(answer: Answer, dropped: int, expired: bool, too_large: bool) -> None:
    with pytest.raises(Refused) as refused:
        judge(answer, config=V1, now=AT)
    found = refused.value
    assert (found.dropped, found.expired, found.too_large) == (dropped, expired, too_large)


@pytest.mark.parametrize(
    ("header", "after_s"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param(formatdate(AT / 1000 + 7, usegmt=True), 7.0, id="a date"),
        pytest.param(formatdate(AT / 1000 - 7, usegmt=True), None, id="a date that is over"),
        pytest.param("86400", 600.0, id="not longer than ten minutes"),
        pytest.param("soon", None, id="nonsense"),
        pytest.param(None, None, id="not said"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_again(
    status: int, header: str | None, after_s: float | None
) -> None:
    with pytest.raises(Retry) as retry:
        judge(Answer(status, "busy", header), config=V2, now=AT)
    assert retry.value.after_s == after_s
    assert not isinstance(retry.value, WrongSetUp)


@pytest.mark.parametrize(
    ("answer", "config", "message"),
    [
        pytest.param(Answer(401, "no"), V2, "token may not write to bucket 'b'", id="401"),
        pytest.param(Answer(403, "forbidden"), V2, "influx setup city.yaml` makes one", id="403"),
        pytest.param(Answer(404, "no bucket"), V2, "'city' or its bucket 'b' is not", id="404"),
        pytest.param(Answer(401, "no"), V1, "username and password may not write", id="401 of 1.x"),
        pytest.param(Answer(404, "no"), V1, "database 'city' is not there", id="404 of 1.x"),
        pytest.param(Answer(200, "<html>"), V1, "write the address of the InfluxDB", id="a page"),
        pytest.param(
            Answer(302, location="https://login.example"), V1,
            "sends to https://login.example; write the address", id="a redirect",
        ),
    ],
)  # fmt: skip
def test_a_wrong_set_up_is_said_with_the_way_out(
    answer: Answer, config: InfluxConfig, message: str
) -> None:
    with pytest.raises(WrongSetUp, match=message.replace(".", r"\.")):
        judge(answer, config=config, now=AT)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """A server whose every byte the test chooses."""

    serves: list[asyncio.Task[None]] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await serve(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serves.append(asyncio.create_task(one(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for task in serves:
            task.cancel()
        await asyncio.gather(*serves, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next round


async def _closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """In the middle of the answer's head."""
    writer.write(b"HTTP/1.1 204 No Con")


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """In the middle of the request."""
    writer.transport.abort()


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def _breaks_off_200(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<html>")


async def _breaks_off_400(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 500\r\n\r\npartial write: dro")


async def _endless_400(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 500_000)


@pytest.mark.parametrize(
    ("serve", "error", "reason"),
    [
        pytest.param(_closes, Retry, "", id="the answer's head breaks off"),
        pytest.param(_resets, Retry, "", id="the connection is reset"),
        pytest.param(_hangs, Retry, "no answer in time", id="nothing is answered"),
        pytest.param(_breaks_off_200, Retry, "and nothing else", id="a page breaks off"),
        pytest.param(_breaks_off_400, Refused, "400", id="a refusal breaks off"),
        pytest.param(_endless_400, Refused, "400 xxx", id="a refusal without end"),
    ],
)
async def test_an_answer_that_breaks_off(
    serve: Serve, error: type[Exception], reason: str, tmp_path: Path
) -> None:
    dead = DeadStore(tmp_path / "dead.db")
    async with serving(serve) as url:
        config = V1.model_copy(update={"url": url})
        async with session(config) as opened:
            writer = LineWriter(
                config, dead=dead, clock=ManualClock(AT), stage="influx", post=poster(opened)
            )
            with pytest.raises(error) as found:
                await writer.send(b"sensor value=1 1")
    assert reason in str(found.value)


async def test_nobody_there_at_all_is_noticed_within_the_timeout() -> None:
    """192.0.2.0/24 belongs to nobody (RFC 5737): packets go out and nothing comes back."""
    config = V1.model_copy(update={"url": "http://192.0.2.1:8086", "timeout": 300})
    began = time.monotonic()
    async with session(config) as opened:
        with pytest.raises(Retry):
            await poster(opened)(f"{config.url}/write", {}, b"")
    assert time.monotonic() - began < 5


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
