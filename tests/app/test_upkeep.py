"""What a city does by the clock, without waiting for it."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from app.tallies import EVERY_MS, TallyStage, as_batch
from app.upkeep import Upkeep
from citypatrol import metrics
from citypatrol.samples import Batch
from tests.app.a_desk import NOW, TheDesk, incident, make_desk
from tests.app.a_roll import heard, roll_of
from tickets.tallies import tallies

DAY = 24 * 3_600_000


class Taking:
    """An intake that has room, or has not."""

    def __init__(self, *, room: bool = True) -> None:
        self.room = room
        self.batches: list[Batch] = []
        self.labels: dict[str, dict[str, str]] = {}

    def offer(self, batch: Batch, *, labels) -> bool:
        if self.room:
            self.batches.append(batch)
            self.labels |= labels
        return self.room


@pytest.fixture
def filed(tmp_path: Path):
    desk = make_desk(tmp_path)
    yield desk
    desk.store.close()
    desk.dead.close()


def _upkeep(desk: TheDesk, *, judged: int | None, keep: int = DAY) -> Upkeep:
    return Upkeep(
        desk=desk.desk,
        tickets=desk.door.tickets,
        evidence=desk.evidence,
        dead=desk.dead,
        clock=desk.clock,
        judged=lambda: judged,
        keep=keep,
    )


async def test_tickets_are_counted_by_state(filed):
    filed.file(incident(), incident("dark", "cam-1", category="road.traffic_light"))
    await _upkeep(filed, judged=None).count()
    text = generate_latest(metrics.REGISTRY).decode()
    assert 'citypatrol_tickets{state="dispatched"} 2.0' in text
    assert 'citypatrol_tickets{state="closed"} 0.0' in text


async def test_sources_are_counted(filed, tmp_path):
    roll = roll_of(heard(tmp_path))
    assert roll.latest is None
    await replace(_upkeep(filed, judged=None), roll=roll).count()
    assert roll.latest == roll.counts(now=NOW)
    text = generate_latest(metrics.REGISTRY).decode()
    for state, count in (("heard", 4), ("silent", 1), ("unregistered", 1), ("never", 1)):
        assert f'citypatrol_sources{{state="{state}"}} {count}.0' in text


async def test_old_pictures_and_letters_go_and_young_ones_stay(filed):
    old, young = filed.evidence.put(b"old", {}), filed.evidence.put(b"young", {})
    path = filed.evidence.path(old)
    before = (NOW - 2 * DAY) / 1000
    os.utime(path, (before, before))
    settled, unsettled = (
        filed.dead.put(kind="message", origin="t", reason="r", payload=b"x", at=NOW - 2 * DAY)
        for _ in range(2)
    )
    filed.dead.drop(settled, note="seen")
    await _upkeep(filed, judged=None).prune()
    assert filed.evidence.path(old) is None
    assert filed.evidence.path(young) is not None
    assert filed.dead.get(settled) is None
    assert filed.dead.get(unsettled) is not None, "nobody has dealt with this one yet"


@pytest.mark.parametrize(
    ("judged", "open_now"),
    [(None, 0), (NOW + 60_000, 0), (NOW + 3_600_000, 1)],
    ids=["nothing judged yet", "in the cool-down", "after it"],
)
async def test_an_incident_of_a_cool_down_opens_when_it_is_over(filed, judged, open_now):
    filed.file(incident())
    filed.desk.act("ZZ-260513-0001", "close", now=NOW)
    filed.file(incident(since=NOW - 50_000))
    assert filed.door.tickets.counts()["dispatched"] == 0
    await _upkeep(filed, judged=judged).open_held()
    assert filed.door.tickets.counts()["dispatched"] == open_now


async def test_counts_become_samples_with_their_tags(filed):
    filed.file(incident(), incident("litter", "nowhere", category="city.litter"))
    counted = tallies(filed.store, since=NOW - 1, until=NOW)
    batch, labels = as_batch(counted, at=NOW)
    source = "citypatrol/ticket/road.flooding/critical/water/none/dispatched"
    assert labels[source] == {
        "category": "road.flooding", "severity": "critical", "unit": "water", "district": "none",
        "state": "dispatched",
    }  # fmt: skip
    said = {(one.source, one.metric): one.value for one in batch.samples()}
    assert [said[source, f"ticket.{word}"] for word in ("open", "opened", "closed")] == [1, 1, 0]
    empty = "citypatrol/ticket/city.litter/critical/none/none/closed"
    assert said[empty, "ticket.open"] == 0
    assert {one.ts for one in batch.samples()} == {NOW}


async def test_what_is_open_at_the_stop_is_told_and_nothing_counted_twice(filed):
    filed.file(incident())
    intake = Taking()
    stop = asyncio.Event()
    stop.set()
    await TallyStage(filed.store, intake=intake, clock=filed.clock).run(stop)
    [batch] = intake.batches
    said = {(one.source, one.metric): one.value for one in batch.samples()}
    source = "citypatrol/ticket/road.flooding/critical/water/none/dispatched"
    assert [said[source, f"ticket.{word}"] for word in ("open", "opened", "closed")] == [1, 0, 0]


async def test_a_minute_without_room_is_counted_with_the_next(filed):
    intake = Taking(room=False)
    stage = TallyStage(filed.store, intake=intake, clock=filed.clock)
    filed.file(incident())
    filed.clock.advance(EVERY_MS)
    await stage.tell()
    intake.room = True
    filed.clock.advance(EVERY_MS)
    await stage.tell()
    await stage.tell()  # the same minute again says nothing
    [batch] = intake.batches
    opened = sum(one.value for one in batch.samples() if one.metric == "ticket.opened")
    assert opened == 1
    assert {one.ts % EVERY_MS for one in batch.samples()} == {0}


async def test_both_end_at_once(filed):
    tallying = TallyStage(filed.store, intake=Taking(), clock=filed.clock)
    for stage in (tallying, _upkeep(filed, judged=None)):
        stop = asyncio.Event()
        task = asyncio.create_task(stage.run(stop))
        await asyncio.sleep(0.05)
        assert not task.done()
        stop.set()
        await asyncio.wait_for(task, 20)
