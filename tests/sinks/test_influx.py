"""The InfluxDB sink: nothing lost over every answer a server can give, on real servers too."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from bench.servers.free_port import free_port
from bench.servers.influx import influxdb
from bench.servers.victoria import exported, victoria_metrics
from citypatrol.clock import ManualClock
from citypatrol.dead import DeadStore
from citypatrol.errors import Reject, Retry
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from citypatrol.secret import Secret
from sinks.config import InfluxConfig
from sinks.influx import InfluxSink
from sinks.influx_http import Answer, Post

V1 = InfluxConfig(type="influx", version=1, url="http://127.0.0.1:1", db="city")
AT = 1_778_630_400_000


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db", clock=ManualClock(AT))
    yield journal
    await journal.close()


@pytest.fixture
def dead(tmp_path: Path) -> "DeadStore":
    return DeadStore(tmp_path / "dead.db")


class Server:
    """Answers as it is told, first things first, then 204; remembers the lines it took."""

    def __init__(self, *answers: Answer | Retry, refuse: str = "\0") -> None:
        self.taken: list[str] = []
        self.heads: list[Mapping[str, str]] = []
        self._answers = list(answers)
        self._refuse = refuse

    async def post(self, url: str, headers: Mapping[str, str], body: bytes | memoryview) -> Answer:
        self.heads.append({"url": url, **headers})
        if self._answers:
            answer = self._answers.pop(0)
            if isinstance(answer, Retry):
                raise answer
            return answer
        text = gzip.decompress(body).decode().splitlines()
        if any(self._refuse in line for line in text):
            return Answer(400, '{"error":"partial write: field type conflict"}')
        self.taken += text
        return Answer(204)


def sink(
    journal: SqliteJournal, dead: DeadStore, post: Post | None, **config: object
) -> InfluxSink:
    settings = V1.model_copy(update=config)
    return InfluxSink(journal, settings, dead=dead, clock=ManualClock(AT), post=post)


async def follow(stage: InfluxSink, until: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    """Run the stage until the condition holds, then stop it cleanly."""
    stop = asyncio.Event()
    running = asyncio.create_task(stage.run(stop))
    async with asyncio.timeout(timeout_s):
        while not until() and not running.done():
            await asyncio.sleep(0.01)
    stop.set()
    await running


def batch(*values: float, source: str = "w1", metric: str = "water_level") -> Batch:
    return Batch.of(Sample(source, metric, AT + i, value) for i, value in enumerate(values))


def seen(source: str, **labels: str) -> SourceSeen:
    return SourceSeen(ts=AT, source=source, labels=labels, lateness=0, stale=1000)


async def committed_to_the_end(journal: SqliteJournal) -> bool:
    return await journal.committed("influx") == await journal.end()


async def test_lines_carry_the_labels_of_their_source(
    journal: SqliteJournal, dead: DeadStore
) -> None:
    records: list[Record] = [seen("w1", kind="underpass", district="d1", name="x"), batch(15.5)]
    await journal.append([*records, Tick(AT)])
    server = Server()
    await follow(sink(journal, dead, server.post), lambda: bool(server.taken))
    line = "sensor,district=d1,kind=underpass,metric=water_level,source=w1 value=15.5 1778630400000"
    assert server.taken == [line]
    assert await committed_to_the_end(journal)


async def test_labels_survive_a_restart_that_does_not_read_the_introduction_again(
    journal: SqliteJournal, dead: DeadStore
) -> None:
    await journal.append([seen("w1", kind="underpass"), batch(1.0)])
    first = Server()
    await follow(sink(journal, dead, first.post), lambda: bool(first.taken))
    await journal.append([batch(2.0)])
    second = Server()
    await follow(sink(journal, dead, second.post), lambda: bool(second.taken))
    assert second.taken == [f"sensor,kind=underpass,metric=water_level,source=w1 value=2 {AT}"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Retry("connection refused"), id="no answer"),
        pytest.param(Answer(503, "busy", "0"), id="503 with Retry-After"),
        pytest.param(Answer(401, "unauthorized"), id="401: the token, not the readings"),
        pytest.param(Answer(404, "database not found"), id="404: the database, not the readings"),
        pytest.param(Answer(302, ""), id="a redirect is not followed"),
        pytest.param(Answer(500, "", "Wed, 13 May 2026 00:00:00 GMT"), id="Retry-After as a date"),
    ],
)
async def test_what_is_not_the_lines_fault_is_sent_again(
    journal: SqliteJournal, dead: DeadStore, answer: Answer | Retry
) -> None:
    await journal.append([batch(1.0, 2.0)])
    server = Server(answer)
    stage = sink(journal, dead, server.post)
    await follow(stage, lambda: len(server.taken) == 2)
    assert dead.counts() == {}
    assert await committed_to_the_end(journal)


async def test_only_the_refused_line_is_set_aside(journal: SqliteJournal, dead: DeadStore) -> None:
    await journal.append([batch(*range(10)), batch(99.0, source="bad"), batch(*range(10, 15))])
    server = Server(refuse="source=bad")
    await follow(sink(journal, dead, server.post), lambda: len(server.taken) == 15)
    [letter] = dead.list("line")
    assert letter.payload.startswith(b"sensor,metric=water_level,source=bad value=99")
    assert "field type conflict" in letter.reason
    assert await committed_to_the_end(journal)


async def test_a_dead_line_is_written_again_once_the_server_takes_it(
    journal: SqliteJournal, dead: DeadStore
) -> None:
    server = Server(refuse="source=bad")
    stage = sink(journal, dead, server.post)
    with pytest.raises(Reject, match="field type conflict"):
        await stage.rewrite(b"sensor,source=bad value=1 5")
    await stage.rewrite(b"sensor,source=good value=1 5")
    assert server.taken == ["sensor,source=good value=1 5"]


async def test_a_crash_before_the_commit_writes_again_and_loses_nothing(
    journal: SqliteJournal, dead: DeadStore
) -> None:
    await journal.append([batch(1.0)])

    async def dies(url: str, headers: Mapping[str, str], body: bytes | memoryview) -> Answer:
        raise RuntimeError(url)

    with pytest.raises(RuntimeError):
        await sink(journal, dead, dies).run(asyncio.Event())
    assert await journal.committed("influx") == 0
    server = Server()
    await follow(sink(journal, dead, server.post), lambda: bool(server.taken))
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("config", "url", "authorization"),
    [
        pytest.param({}, "http://127.0.0.1:1/write?db=city&precision=ms", None, id="1.x"),
        pytest.param(
            {"username": "u", "password": Secret("p")},
            "http://127.0.0.1:1/write?db=city&precision=ms",
            "Basic dTpw",
            id="1.x with a password",
        ),
        pytest.param(
            {"version": 2, "org": "c", "bucket": "b w", "token": Secret("t")},
            "http://127.0.0.1:1/api/v2/write?org=c&bucket=b+w&precision=ms",
            "Token t",
            id="2.x",
        ),
    ],
)
async def test_the_request_of_each_version(
    journal: SqliteJournal,
    dead: DeadStore,
    config: Mapping[str, object],
    url: str,
    authorization: str | None,
) -> None:
    await journal.append([batch(1.0)])
    server = Server()
    await follow(sink(journal, dead, server.post, **config), lambda: bool(server.taken))
    assert server.heads[0]["url"] == url
    assert server.heads[0].get("Authorization") == authorization


async def test_a_server_that_hangs_is_left_after_the_timeout_and_asked_again(
    journal: SqliteJournal, dead: DeadStore
) -> None:
    await journal.append([batch(1.0)])
    calls: list[bytes] = []

    async def write(request: web.Request) -> web.Response:
        calls.append(await request.read())
        if len(calls) == 1:
            await asyncio.sleep(30)
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/write", write)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    stage = sink(journal, dead, None, url=f"http://127.0.0.1:{port}", timeout=300)
    await follow(stage, lambda: len(calls) == 2)
    await runner.cleanup()
    assert await committed_to_the_end(journal)


async def test_a_real_influxdb_takes_every_measurement(
    journal: SqliteJournal, dead: DeadStore
) -> None:
    with influxdb() as server:
        await journal.append([seen("cam", kind="camera", district="d"), batch(1.5, 2.5)])
        await journal.append([batch(1.0, source="cam", metric="camera.fault")])
        await journal.append([batch(3.0, source="cam", metric="litter.count")])
        stage = sink(journal, dead, None, url=server.url)
        await follow(stage, lambda: len(server.query("SHOW MEASUREMENTS")) > 0)
        [sensor] = server.query('SELECT count("value") FROM "sensor"')
        [camera] = server.query('SELECT "fault" FROM "camera" GROUP BY "district"')
        [detection] = server.query('SELECT "count" FROM "detection" GROUP BY "label"')
    assert sensor["values"] == [[0, 4]]
    assert (camera["tags"], camera["values"]) == ({"district": "d"}, [[AT, 1]])
    assert (detection["tags"], detection["values"]) == ({"label": "litter"}, [[AT, 3]])


async def test_a_real_server_of_the_second_api_takes_the_points(
    journal: SqliteJournal, dead: DeadStore
) -> None:
    values = [1.5, -0.25, 40.0, 20.07, 0.125]
    with victoria_metrics() as url:
        await journal.append([seen("w 1", kind="under,pass", district="d"), a_minute_apart(values)])
        config = {"version": 2, "url": url, "org": "city", "bucket": "city", "token": Secret("t")}
        stop = asyncio.Event()
        running = asyncio.create_task(sink(journal, dead, None, **config).run(stop))
        async with asyncio.timeout(20):
            while not (found := await asyncio.to_thread(exported, url, "sensor_value")):
                await asyncio.sleep(0.1)
        stop.set()
        await running
    [series] = found
    assert series["values"] == values
    assert series["timestamps"] == [AT + 60_000 * n for n in range(len(values))]
    tags = series["metric"]
    assert isinstance(tags, dict)
    assert {name: tags[name] for name in ("kind", "district", "source", "metric")} == {
        "kind": "under,pass", "district": "d", "source": "w 1", "metric": "m",
    }  # fmt: skip
    assert dead.counts() == {}


def a_minute_apart(values: list[float]) -> Batch:
    return Batch.of(Sample("w 1", "m", AT + 60_000 * n, value) for n, value in enumerate(values))
