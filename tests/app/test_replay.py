"""Dead letters on their way again: through a real intake, journal and desk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from app.replay import Replay
from citypatrol.dead import DeadLetter
from citypatrol.errors import Reject, Retry
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kinds import Kinds
from citypatrol.records import Tick, encode_record
from citypatrol.registry import Registry
from citypatrol.samples import Batch, Sample, encode_batch
from ingest.config import MqttInput, Topic
from ingest.intake import Intake
from rules.incidents import encode_incident
from tests.app.a_desk import NOW, TheDesk, incident, make_desk

INPUT = MqttInput(
    type="mqtt",
    url="mqtt://127.0.0.1:1883",
    topics=(Topic(match="city/{kind}/{source}/{metric}", payload="plain"),),
)
TOPIC = "city/water/pump-1/water_level"


@dataclass
class Lines:
    """An InfluxDB that takes what it is told to take."""

    url: str = "http://influx.test"
    takes: bool = True
    lines: list[bytes] = field(default_factory=list)

    async def rewrite(self, line: bytes) -> None:
        if not self.takes:
            message = "400 field type conflict"
            raise Reject(message)
        self.lines.append(line)


@dataclass
class Setup:
    desk: TheDesk
    journal: SqliteJournal
    replay: Replay
    lines: Lines

    async def samples(self) -> list[Sample]:
        entries = await self.journal.read("test", after=0)
        batches = [entry.record for entry in entries if isinstance(entry.record, Batch)]
        return [sample for batch in batches for sample in batch.samples()]


@asynccontextmanager
async def _setup(folder: Path, *, running: bool = True) -> AsyncIterator[Setup]:
    desk, lines = make_desk(folder), Lines()
    journal = SqliteJournal(folder / "journal.db")
    intake = Intake(journal, registry=Registry.empty(), kinds=Kinds(), clock=desk.clock)
    replay = Replay(
        inputs=[INPUT],
        intake=intake,
        outbox=desk.outbox,
        desk=desk.desk,
        lines=[lines],
        clock=desk.clock,
        patience_s=20 if running else 0.2,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(intake.run(stop)) if running else None
    try:
        yield Setup(desk, journal, replay, lines)
    finally:
        stop.set()
        if task is not None:
            await asyncio.wait_for(task, 20)
        await journal.close()
        desk.store.close()
        desk.dead.close()


def _letter(kind, payload: bytes, origin: str = TOPIC) -> DeadLetter:
    return DeadLetter(kind, origin, "why", payload, NOW, id=1)


async def test_a_message_is_read_again_by_the_patterns_of_today(tmp_path):
    async with _setup(tmp_path) as setup:
        await setup.replay(_letter("message", b"31.5"))
        assert await setup.samples() == [Sample("pump-1", "water_level", NOW, 31.5)]


@pytest.mark.parametrize(
    ("letter", "reason"),
    [
        pytest.param(_letter("message", b"wet"), "wet", id="still no number"),
        pytest.param(
            _letter("message", b"1", "elsewhere/x"),
            "no input has a pattern for elsewhere/x",
            id="no pattern",
        ),
        pytest.param(_letter("message", b""), "it holds no sample", id="empty"),
        pytest.param(_letter("batch", b"no arrow"), "not an Arrow stream", id="no batch"),
        pytest.param(
            _letter("batch", encode_record(Tick(NOW))), "a control record is no batch", id="a tick"
        ),
        pytest.param(_letter("delivery", b"{}"), "the letter names no delivery", id="no delivery"),
        pytest.param(
            _letter("delivery", b'{"delivery": 99}'), "there is no delivery 99", id="unknown"
        ),
        pytest.param(_letter("incident", b"{}"), "not an incident", id="no incident"),
        pytest.param(
            _letter("line", b"x", "http://gone.test"),
            "there is no sink http://gone.test any more",
            id="no sink",
        ),
    ],
)
async def test_what_is_still_wrong_is_refused_again(tmp_path, letter, reason):
    async with _setup(tmp_path) as setup:
        with pytest.raises(Reject, match="(?s).*" + reason):
            await setup.replay(letter)
        assert await setup.samples() == []


async def test_sent_again_twice_it_is_one_reading(tmp_path):
    """Also where the payload brings no time: it came when it came."""
    async with _setup(tmp_path) as setup:
        for _ in range(2):
            await asyncio.gather(
                setup.replay(_letter("message", b"31.5")),
                setup.replay(_letter("message", b"9", TOPIC.replace("pump-1", "pump-2"))),
            )
        assert set(await setup.samples()) == {
            Sample("pump-1", "water_level", NOW, 31.5),
            Sample("pump-2", "water_level", NOW, 9.0),
        }


async def test_a_batch_goes_into_the_journal(tmp_path):
    batch = Batch.of([Sample("a", "m", NOW, 1.0), Sample("b", "m", NOW, 2.0)])
    async with _setup(tmp_path) as setup:
        await setup.replay(_letter("batch", encode_batch(batch)))
        assert await setup.samples() == list(batch.samples())


async def test_without_the_intake_it_is_not_said_to_be_done(tmp_path):
    async with _setup(tmp_path, running=False) as setup:
        with pytest.raises(Retry, match="not in the journal after"):
            await setup.replay(_letter("message", b"1"))


async def test_a_line_goes_to_the_sink_it_came_from(tmp_path):
    async with _setup(tmp_path) as setup:
        await setup.replay(_letter("line", b"sensor value=1", "http://influx.test"))
        assert setup.lines.lines == [b"sensor value=1"]
        setup.lines.takes = False
        with pytest.raises(Reject, match="field type conflict"):
            await setup.replay(_letter("line", b"sensor value=1", "http://influx.test"))


async def test_an_incident_is_filed_once(tmp_path):
    async with _setup(tmp_path) as setup:
        letter = _letter("incident", encode_incident(incident()))
        for _ in range(2):
            await setup.replay(letter)
        assert [t.id for t in setup.desk.door.tickets.list().tickets] == ["ZZ-260513-0001"]


async def test_a_delivery_waits_in_its_queue_again(tmp_path):
    async with _setup(tmp_path) as setup:
        setup.desk.file(incident())
        [delivery] = setup.desk.outbox.list()
        setup.desk.clock.advance(60_000)
        await setup.replay(_letter("delivery", orjson.dumps({"delivery": delivery.id})))
        [again] = setup.desk.outbox.list()
        assert (again.state, again.due_at) == ("pending", NOW + 60_000)
