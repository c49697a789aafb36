import asyncio
import time
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from app.supervise import BackOff, Phase, Supervisor
from citypatrol.errors import Retry

QUICK = BackOff(first_s=0.01, most_s=0.04, steady_s=60)


@dataclass
class Fake:
    """A stage that writes down what happens to it."""

    name: str
    story: list[str] = field(default_factory=list)
    fails: int = 0
    error: Exception = field(default_factory=lambda: OSError("no such thing"))
    ends: int = 0
    lingers_s: float = 0.0
    deaf: bool = False
    needs: str | None = None
    runs: int = 0

    def waiting_for(self) -> str | None:
        return self.needs

    async def run(self, stop: asyncio.Event) -> None:
        self.runs += 1
        if self.runs <= self.fails:
            raise self.error
        if self.runs <= self.fails + self.ends:
            return
        self.story.append(f"{self.name} up")
        if self.deaf:
            await asyncio.Event().wait()
        await stop.wait()
        await asyncio.sleep(self.lingers_s)
        self.story.append(f"{self.name} down")


async def _until(condition, *, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.005)


async def test_stop_goes_phase_by_phase():
    story: list[str] = []
    mqtt, intake, http = (Fake(name, story) for name in ("mqtt", "intake", "http"))
    mqtt.lingers_s = 0.1
    phases = [Phase("inputs", [mqtt]), Phase("intake", [intake]), Phase("http", [http])]
    supervisor, stop = Supervisor(phases), asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    await _until(lambda: len(story) == 3)
    stop.set()
    assert await task == []
    assert story[3:] == ["mqtt down", "intake down", "http down"]


@pytest.mark.parametrize("how", ["fails", "ends"])
async def test_a_stage_that_fails_or_ends_is_started_again_and_harms_nobody(how):
    shaky, steady = Fake("shaky"), Fake("steady")
    setattr(shaky, how, 3)
    supervisor, stop = Supervisor([Phase("all", [shaky, steady])], QUICK), asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    await _until(lambda: shaky.story == ["shaky up"])
    assert (shaky.runs, steady.runs) == (4, 1)
    assert supervisor.states["shaky"].restarts == 3
    assert supervisor.states["steady"].restarts == 0
    stop.set()
    assert await task == []


async def test_a_deaf_stage_is_cut_and_named_and_the_others_still_stop_in_order():
    story: list[str] = []
    deaf, http = Fake("deaf", story, deaf=True), Fake("http", story)
    phases = [Phase("inputs", [deaf], stop_s=0.1), Phase("http", [http])]
    supervisor, stop = Supervisor(phases), asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    await _until(lambda: len(story) == 2)
    stop.set()
    assert await task == ["deaf"]
    assert story[-1] == "http down"


async def test_all_deaf_stages_together_take_no_longer_than_the_deadline():
    stages = [Fake(f"deaf {number}", deaf=True) for number in range(6)]
    phases = [Phase(stage.name, [stage], stop_s=3.0) for stage in stages]
    supervisor, stop = Supervisor(phases, stop_s=0.5), asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    await _until(lambda: all(stage.story for stage in stages))
    began = time.monotonic()
    stop.set()
    assert len(await task) == 6
    assert time.monotonic() - began < 8


async def test_readiness_names_the_stage_and_what_it_needs():
    rules = Fake("rules", needs="the snapshot")
    influx = Fake("influx", needs="a server")
    broken = Fake("mqtt", fails=10**6)
    phases = [Phase("a", [rules, broken]), Phase("sinks", [influx], gates=False)]
    supervisor, stop = Supervisor(phases, BackOff(first_s=30)), asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    await _until(lambda: supervisor.states["mqtt"].restarts == 1)
    assert supervisor.waiting_for() == ["rules: the snapshot", "mqtt: is not running"]
    stop.set()
    assert await task == []


async def test_a_stage_waiting_to_start_again_stops_at_once():
    broken = Fake("mqtt", fails=10**6)
    supervisor, stop = Supervisor([Phase("a", [broken])], BackOff(first_s=30)), asyncio.Event()
    task = asyncio.create_task(supervisor.run(stop))
    await _until(lambda: supervisor.states["mqtt"].restarts == 1)
    stop.set()
    assert await asyncio.wait_for(task, 5) == []


async def test_cancelling_the_supervisor_cancels_its_stages():
    stage = Fake("mqtt")
    supervisor = Supervisor([Phase("a", [stage])])
    task = asyncio.create_task(supervisor.run(asyncio.Event()))
    await _until(lambda: bool(stage.story))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not supervisor.states["mqtt"].running


def test_two_stages_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two stages have one name"):
        Supervisor([Phase("a", [Fake("mqtt")]), Phase("b", [Fake("mqtt")])])


@pytest.mark.parametrize(
    ("failures", "wait_s"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (10_000, 30.0)],
)
def test_back_off_doubles_up_to_its_most(failures, wait_s):
    assert BackOff().wait_s(failures) == wait_s


@pytest.mark.parametrize(
    ("error", "level", "reason"),
    [
        pytest.param(Retry("no database"), "warning", "no database", id="away"),
        pytest.param(
            ExceptionGroup("g", [Retry("no database"), Retry("no broker"), Retry("no broker")]),
            "warning",
            "no database; no broker",
            id="several away",
        ),
        pytest.param(ExceptionGroup("g", [Retry("x"), KeyError(1)]), "error", None, id="a bug too"),
        pytest.param(KeyError(1), "error", None, id="a bug"),
    ],
)
async def test_what_is_away_is_no_bug(error, level, reason):
    shaky = Fake("shaky", fails=1, error=error)
    supervisor, stop = Supervisor([Phase("all", [shaky])], QUICK), asyncio.Event()
    with capture_logs() as lines:
        task = asyncio.create_task(supervisor.run(stop))
        await _until(lambda: shaky.story == ["shaky up"])
    stop.set()
    assert await task == []
    assert (lines[0]["log_level"], lines[0].get("reason")) == (level, reason)
    assert ("exc_info" in lines[0]) is (reason is None)
