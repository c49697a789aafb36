"""The rules as a stage, over a real journal: the order of commits, crashes, reloads, poison."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from citypatrol import metrics
from citypatrol.clock import ManualClock
from citypatrol.errors import Retry
from citypatrol.journal import Journal, JournalFull, Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import RulesInForce
from rules.engine import Engine
from rules.explain import Unexplained
from rules.gauges import Gauges
from rules.incidents import Incident
from rules.ruleset import RuleSet
from rules.runner import RulesStage
from tests.rules.a_broken_journal import Broken, Crash, Torn
from tests.rules.story import DAY, one_rule, outcome, records

FLOOD = one_rule("when: {above: 15, for: 60s}")
OTHER = one_rule("when: {above: 15, for: 60s}, clear: {for: 1s}")
CLOCK = ManualClock(DAY + 500)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db")
    yield journal
    await journal.close()


class Tickets:
    """Keeps what it gets; ``before`` may raise first, or wait."""

    def __init__(self) -> None:
        self.got: list[Incident] = []
        self.before: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, incidents: list[Incident]) -> None:
        if self.before is not None:
            await self.before()
        self.got += incidents


@asynccontextmanager
async def running(stage: RulesStage) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def played(journal: Journal, rules: RuleSet, *stories: str) -> list[str]:
    """Each story is appended, judged and survived by a clean stop."""
    tickets = Tickets()
    for story in stories:
        await journal.append(records(story))
        async with running(RulesStage(journal, rules, apply=tickets, clock=CLOCK)):
            pass
    return outcome(tickets.got)


async def test_a_stop_judges_what_is_there_and_commits(journal: SqliteJournal) -> None:
    assert await played(journal, FLOOD, "0 a x 16 \n| 60") == ["a x since 0 fired 60 value 16"]
    assert await journal.committed("rules") == await journal.end()
    snapshot = await journal.load_snapshot("rules")
    assert snapshot is not None
    assert snapshot.position == await journal.end()


async def test_the_next_start_goes_on_where_the_last_one_was(journal: SqliteJournal) -> None:
    stories = ("0 a x 16 \n| 30", "| 59 \n40 a x 17", "| 60", "70 a x 1")
    assert await played(journal, FLOOD, *stories) == ["a x since 0 fired 60 cleared 70 value 17"]


async def test_rules_are_announced_when_they_change(journal: SqliteJournal) -> None:
    for rules in (FLOOD, FLOOD, OTHER, OTHER):
        await played(journal, rules, "")
    entries = await journal.read("any", after=0)
    assert [entry.record for entry in entries] == [
        RulesInForce(DAY + 500, rules.hash) for rules in (FLOOD, OTHER)
    ]


async def test_somebody_else_may_announce(journal: SqliteJournal) -> None:
    said: list[RulesInForce] = []
    full = [True, True]

    async def announce(record: RulesInForce) -> None:
        if full:
            full.pop()
            raise JournalFull
        said.append(record)

    stage = RulesStage(journal, FLOOD, apply=Tickets(), clock=CLOCK, announce=announce)
    with capture_logs() as logs:
        async with running(stage):
            for second in range(3):
                await journal.append(records(f"| {second}"))
                await until(lambda at=DAY + 1000 * second: stage.judged == at)  # type: ignore[misc]
    assert said == [RulesInForce(DAY + 500, FLOOD.hash)]
    assert sum("journal is full" in one["event"] for one in logs) == 2


async def test_it_says_how_far_it_has_judged_and_whether_it_is_ready(
    journal: SqliteJournal,
) -> None:
    stage = RulesStage(journal, FLOOD, apply=Tickets(), clock=CLOCK)
    assert stage.waiting_for() == "the rules' state is not restored yet"
    assert stage.judged is None
    async with running(stage):
        await until(lambda: stage.waiting_for() is None)
        assert stage.judged is None
        await journal.append(records("0 a x 16 \n| 7 \n8 a x 1"))
        await until(lambda: stage.judged == DAY + 7000)


async def test_incidents_wait_for_the_tickets(journal: SqliteJournal) -> None:
    tickets = Tickets()
    refusals = [Retry("locked"), Retry("locked", after_s=0.01)]

    async def refuse() -> None:
        if refusals:
            raise refusals.pop()

    tickets.before = refuse
    await journal.append(records("0 a x 16 \n| 60"))
    with capture_logs() as logs:
        async with running(RulesStage(journal, FLOOD, apply=tickets, clock=CLOCK)):
            await until(lambda: bool(tickets.got))
    waits = [one for one in logs if "wait for the tickets" in one["event"]]
    assert [one["again_in_s"] for one in waits] == [0.01, 1.0]
    assert outcome(tickets.got) == ["a x since 0 fired 60 value 16"]


async def test_a_stop_while_the_tickets_refuse_loses_nothing(journal: SqliteJournal) -> None:
    tickets = Tickets()
    asked = asyncio.Event()

    async def refuse() -> None:
        asked.set()
        reason = "down"
        raise Retry(reason, after_s=60)

    tickets.before = refuse
    await journal.append(records("0 a x 16 \n| 60"))
    with pytest.raises(Retry):
        async with running(RulesStage(journal, FLOOD, apply=tickets, clock=CLOCK)):
            await asyncio.wait_for(asked.wait(), 20)
    assert await journal.committed("rules") == 0
    assert await played(journal, FLOOD, "") == ["a x since 0 fired 60 value 16"]


@pytest.mark.parametrize("point", ["apply", "snapshot", "commit"])
async def test_a_crash_between_any_two_commits_repeats_and_loses_nothing(
    journal: SqliteJournal, point: str
) -> None:
    """The same incident ids come again, so handing them over twice is once."""
    tickets = Tickets()
    broken = Broken(journal, point)
    if point == "apply":
        tickets.before = broken.crash
    await journal.append(records("0 a x 16 \n| 60"))
    with pytest.raises(Crash):
        async with running(RulesStage(broken, FLOOD, apply=tickets, clock=CLOCK)):
            pass
    tickets.before = None
    await journal.append(records("70 a x 1"))
    async with running(RulesStage(journal, FLOOD, apply=tickets, clock=CLOCK)):
        pass
    assert {one.id for one in tickets.got} == {tickets.got[0].id}
    last = tickets.got[-1]
    assert (last.fired_at, last.cleared_at) == (DAY + 60_000, DAY + 70_000)
    assert await journal.committed("rules") == await journal.end()


async def test_the_same_stage_may_run_again_after_a_crash(journal: SqliteJournal) -> None:
    tickets = Tickets()
    broken = Broken(journal, "commit")
    stage = RulesStage(broken, FLOOD, apply=tickets, clock=CLOCK)
    await journal.append(records("0 a x 16 \n| 30"))
    with pytest.raises(Crash):
        async with running(stage):
            pass
    broken.point = "none"
    await journal.append(records("| 60"))
    async with running(stage):
        pass
    assert outcome(tickets.got) == ["a x since 0 fired 60 value 16"]


async def test_a_state_that_cannot_be_read_is_worked_out_again(journal: SqliteJournal) -> None:
    await played(journal, FLOOD, "0 a x 16 \n| 30")
    await journal.save_snapshot("rules", Snapshot(await journal.end(), b"what is this"))
    with capture_logs() as logs:
        assert await played(journal, FLOOD, "| 60") == ["a x since 0 fired 60 value 16"]
    assert any("judging all that is kept" in one["event"] for one in logs)


async def test_new_rules_take_over_while_it_runs(journal: SqliteJournal) -> None:
    tickets = Tickets()
    stage = RulesStage(journal, FLOOD, apply=tickets, clock=CLOCK)
    await journal.append(records("0 a x 16 \n| 60"))
    async with running(stage):
        await until(lambda: len(tickets.got) == 1)
        await stage.reload(OTHER)
        await until(lambda: len(tickets.got) == 2)
        await journal.append(records("70 a x 16 \n| 130"))
        await until(lambda: len(tickets.got) == 3)
    assert outcome(tickets.got) == [
        "a x since 0 fired 60 cleared 60 value 16",
        "a x since 70 fired 130 value 16",
    ]


async def test_the_tickets_hear_of_new_rules_before_these_judge(journal: SqliteJournal) -> None:
    """Also where they cannot at once. What is the same, is no news."""
    heard: list[tuple[RuleSet, int]] = []
    refusals = [Retry("locked", after_s=0.01)]
    tickets = Tickets()

    async def put_in_force(rules: RuleSet) -> None:
        if refusals:
            raise refusals.pop()
        heard.append((rules, len(tickets.got)))

    stage = RulesStage(journal, FLOOD, apply=tickets, clock=CLOCK, put_in_force=put_in_force)
    await journal.append(records("0 a x 16 \n| 60"))
    async with running(stage):
        await until(lambda: len(tickets.got) == 1)
        await stage.reload(one_rule("when: {above: 15, for: 60s}"))
        assert heard == []
        await stage.reload(OTHER)
        await until(lambda: len(tickets.got) == 2)
    assert heard == [(OTHER, 1)]
    entries = await journal.read("any", after=0)
    said = [one.record.hash for one in entries if isinstance(one.record, RulesInForce)]
    assert said == [FLOOD.hash, OTHER.hash]


async def test_a_crash_behind_a_reload_forgets_no_alarm_of_the_old_rules(
    journal: SqliteJournal,
) -> None:
    """What they judged is saved: else the replay would judge it by the new ones, and the alarm that
    they have opened would never clear."""
    tickets = Tickets()
    stage = RulesStage(journal, FLOOD, apply=tickets, clock=CLOCK)
    await journal.append(records("0 a x 16 \n| 60"))
    task = asyncio.create_task(stage.run(asyncio.Event()))
    await until(lambda: len(tickets.got) == 1)
    higher = one_rule("when: {above: 90, for: 60s}")
    await stage.reload(higher)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = Tickets()
    async with running(RulesStage(journal, higher, apply=again, clock=CLOCK)):
        await until(lambda: bool(again.got))
    assert outcome([*tickets.got, *again.got]) == ["a x since 0 fired 60 cleared 60 value 16"]


@pytest.mark.parametrize("told", [True, False], ids=["kept", "counted only"])
async def test_a_record_that_breaks_the_engine_harms_no_other(
    journal: SqliteJournal, told: bool
) -> None:
    """A batch whose columns have different lengths: what no journal should ever give back."""
    tickets = Tickets()
    aside: list[tuple[int, str]] = []
    await journal.append(records("0 a x 16 \n0 b x 16 \n0 c x 16 \n| 30 \n40 b x 1 \n| 60"))
    dropped = metrics.DROPPED.labels("rules", "engine")
    before = dropped._value.get()
    stage = RulesStage(
        Torn(journal, position=3),
        FLOOD,
        apply=tickets,
        clock=CLOCK,
        set_aside=(lambda entry, why: aside.append((entry.position, why))) if told else None,
    )
    with capture_logs() as logs:
        async with running(stage):
            await until(lambda: stage.judged == DAY + 60_000)
            await journal.append(records("70 a x 1 \n| 71"))
            await until(lambda: stage.judged == DAY + 71_000)
    assert outcome(tickets.got) == ["a x since 0 fired 60 cleared 70 value 16"]
    assert [position for position, _ in aside] == ([3] if told else [])
    assert all(why.startswith("the engine failed: ValueError(") for _, why in aside)
    assert dropped._value.get() == before + 1
    assert any(one["event"] == "a record broke the engine" for one in logs)


async def test_what_it_did_can_be_measured(journal: SqliteJournal) -> None:
    def look() -> list[float]:
        return [
            value("citypatrol_samples_total", stage="rules"),
            value("citypatrol_late_total"),
            value("citypatrol_dropped_total", stage="rules", reason="conflict"),
        ]

    before = look()
    spent = value("citypatrol_rule_seconds_count", rule="r")
    await played(journal, FLOOD, "5 a x 16 \n4 a x 1 \n5 a x 9 \n| 30", "| 70")
    assert [now - then for now, then in zip(look(), before, strict=True)] == [3, 1, 1]
    assert value("citypatrol_rule_seconds_count", rule="r") >= spent + 2
    states = {s: value("citypatrol_alarms", rule="r", state=s) for s in ("ok", "pending", "firing")}
    assert states == {"ok": 0, "pending": 0, "firing": 1}


def test_rules_that_are_gone_are_shown_no_more() -> None:
    gauges = Gauges("rules")
    gauges.show(Engine(one_rule("when: {above: 1}")))
    assert metrics.REGISTRY.get_sample_value("citypatrol_alarms", {"rule": "r", "state": "ok"}) == 0
    gauges.show(Engine(RuleSet()))
    assert (
        metrics.REGISTRY.get_sample_value("citypatrol_alarms", {"rule": "r", "state": "ok"}) is None
    )


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_it_explains_while_it_runs(journal: SqliteJournal) -> None:
    stage = RulesStage(journal, FLOOD, apply=Tickets(), clock=CLOCK)
    with pytest.raises(Unexplained, match="not restored yet"):
        await stage.explain("r", source="a")
    await journal.append(records("0 a x 20\n| 30"))
    async with running(stage):
        await until(lambda: stage.judged is not None)
        found = await stage.explain("r", source="a")
    assert (found.state, found.fires_at) == ("pending", DAY + 60_000)
