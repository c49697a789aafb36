"""A city at work in one process: ``citypatrol run`` on SQLite, ``citypatrol serve`` on Kafka."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import structlog

from app.camera_facts import WatchedCamera
from app.city import City
from app.compose import Case, CityMapOnce, guard_of, open_case
from app.door import Door
from app.http import build_application
from app.inbox import Inbox
from app.layouts import Judging, Layout, OnSqlite
from app.listen import HttpStage
from app.mode_stage import ModeStage
from app.modes import Modes
from app.outcome import OutsideError
from app.reloading import RulesAgain, cameras_again
from app.replay import Replay
from app.rollcall import RollCall
from app.supervise import Phase, Supervisor
from app.tailing import Tailing
from app.tallies import TallyStage
from app.upkeep import Upkeep
from app.vitals import VitalsStage
from citypatrol.clock import Clock, SystemClock
from citypatrol.history.stage import HistoryStage
from citypatrol.journal import Journal
from edge.cameras import CameraStage
from ingest.config import input_names
from ingest.heard_stage import HeardStage
from ingest.intake import Intake
from ingest.subscriber import Subscriber
from ingest.tap import Tap
from sinks.influx import InfluxSink
from sinks.webhook import Webhooks

log = structlog.get_logger(__name__)

_LOOK_S: Final = 0.05


class CityRun:
    """One city at work. ``inbox``: what a unit's receiver got, for the page (the demo's).

    ``layout`` says where the journal is and who judges; default: all in this process, on SQLite.
    """

    def __init__(
        self,
        city: City,
        *,
        inbox: Inbox | None = None,
        clock: Clock | None = None,
        layout: Layout | None = None,
    ) -> None:
        self._city = city
        self._inbox = inbox
        self._clock = clock or SystemClock()
        self._layout = layout or OnSqlite.of(city, clock=self._clock)
        self._supervisor: Supervisor | None = None
        self._started = asyncio.Event()
        self._cameras: CameraStage | None = None
        self._rules: RulesAgain | None = None
        self.port = city.file.http.port

    def waiting_for(self) -> Sequence[str]:
        """What is missing before the city is ready, in words; empty when it is."""
        if self._supervisor is None:
            return ["the city is starting"]
        return self._supervisor.waiting_for()

    async def ready(self, *, timeout_s: float) -> None:
        """Returns once nothing is missing; OutsideError after a while."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while missing := self.waiting_for():
            if asyncio.get_running_loop().time() > deadline:
                message = f"not ready after {timeout_s:.0f} s: {'; '.join(missing)}"
                raise OutsideError(message)
            await asyncio.sleep(_LOOK_S)

    async def reload(self) -> None:
        """Read the rules and the file of the cameras again, each by itself: one that has problems
        changes nothing. All else needs a restart."""
        await self._started.wait()
        again = [] if self._rules is None else [self._rules.read_again()]
        if self._cameras is not None:
            again.append(cameras_again(self._cameras, self._city))
        await asyncio.gather(*again)

    def _watched(self) -> list[WatchedCamera]:
        """How the cameras are; [] where this city has none."""
        if self._cameras is None:
            return []
        ages, troubles = self._cameras.pool.ages_s(), self._cameras.pool.troubles()
        return [
            WatchedCamera(one, ages.get(one.id, 0.0), troubles.get(one.id, ""))
            for one in self._cameras.cameras
        ]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The city runs inside, and has stopped in order after it. Raises as ``run`` does."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.run(stop))
        started = asyncio.create_task(self._started.wait())
        try:
            await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield
        finally:
            started.cancel()
            stop.set()
            await task

    async def run(self, stop: asyncio.Event) -> list[str]:
        """Until ``stop``; the names of the stages that had to be cut, [] after a clean stop. Raises
        OutsideError, or ConfigError, where it cannot start."""
        case = await asyncio.to_thread(open_case, self._city, clock=self._clock)
        try:
            journal = await self._layout.open()
            sent = await asyncio.to_thread(case.desk.dispatch_waiting, now=self._clock.now())
            if sent:
                log.info("tickets dispatched to units that now handle them", tickets=sent)
            heard = HeardStage(journal)
            await heard.load()
            supervisor = self._build(journal, case, heard)
            self._supervisor = supervisor
            self._started.set()
            log.info("the city runs", city=self._city.file.city.name, port=self.port)
            return await supervisor.run(stop)
        finally:
            await self._layout.close()
            await asyncio.to_thread(case.close)

    def _build(self, journal: Journal, case: Case, heard: HeardStage) -> Supervisor:
        city, clock = self._city, self._clock
        registry, kinds = city.registry, city.file.kinds
        intake = Intake(journal, registry=registry, kinds=kinds, clock=clock, heard=heard)
        tailing = Tailing(Tap(), heard=heard, inputs=city.file.inputs)
        judging = self._layout.judging(case)
        history = HistoryStage(
            journal, city.places.history, keep=city.file.history.keep, clock=clock
        )
        influx = [
            InfluxSink(
                journal,
                config,
                dead=case.dead,
                clock=clock,
                cursor=cursor,
                history=self._layout.history,
            )
            for config, cursor in zip(city.file.sinks, cursors(len(city.file.sinks)), strict=True)
        ]
        webhooks = Webhooks(
            case.outbox, city.units, config=city.file.webhooks, dead=case.dead, clock=clock
        )
        replay = Replay(
            inputs=city.file.inputs,
            intake=intake,
            outbox=case.outbox,
            desk=case.desk,
            lines=influx,
            clock=clock,
        )
        roll = RollCall(heard, registry=registry, kinds=kinds, topic_labels=intake.topic_labels)
        upkeep = Upkeep(
            desk=case.desk,
            tickets=case.tickets,
            evidence=case.evidence,
            dead=case.dead,
            clock=clock,
            judged=judging.judged,
            keep=city.file.evidence.keep,
            roll=roll,
        )
        tallies = TallyStage(case.store, intake=intake, clock=clock)
        modes = Modes(city.places.modes, first=city.file.mode, known=city.rules.modes)
        rules = self._rules = RulesAgain(city, put_in_force=judging.reload, modes=modes)
        mode = ModeStage(modes, journal, clock=clock)
        vitals = VitalsStage(intake=intake, clock=clock, process=self._layout.process)
        server = self._server(case, replay, judging, mode, rules, roll=roll, tailing=tailing)
        return Supervisor(
            [
                Phase("inputs", [*self._inputs(journal, case, intake, tailing.tap), tailing]),
                Phase("counts", [tallies, vitals, mode], gates=False),
                Phase("intake", [intake], stop_s=4.0),
                Phase("heard", [heard], gates=False, stop_s=3.0),
                Phase("rules", judging.stages, stop_s=4.0),
                Phase("history", [history], gates=False, stop_s=4.0),
                Phase("upkeep", [upkeep], gates=False, stop_s=2.0),
                Phase("sinks", [webhooks, *influx], gates=False, stop_s=3.0),
                Phase("http", [server], stop_s=3.0),
            ]
        )

    def _inputs(
        self, journal: Journal, case: Case, intake: Intake, tap: Tap
    ) -> list[Subscriber | CameraStage]:
        city = self._city
        configs = tuple(city.file.inputs)
        stages: list[Subscriber | CameraStage] = [
            config.build(
                name=name,
                folder=city.path.parent,
                intake=intake,
                dead=case.dead,
                journal=journal,
                clock=self._clock,
                tap=tap,
            )
            for config, name in zip(configs, input_names(configs), strict=True)
        ]
        if city.file.cameras is not None:
            self._cameras = CameraStage(
                city.cameras,
                intake=intake,
                evidence=case.evidence,
                clock=self._clock,
                mask=city.file.evidence.mask,
                learned=city.places.learned,
                taught=city.places.taught,
            )
            stages.append(self._cameras)
        return stages

    def _server(
        self,
        case: Case,
        replay: Replay,
        judging: Judging,
        mode: ModeStage,
        rules: RulesAgain,
        *,
        roll: RollCall,
        tailing: Tailing,
    ) -> HttpStage:
        city = self._city
        door = Door(
            city=city.file.city.name,
            timezone=city.file.city.timezone,
            guard=guard_of(city),
            clock=self._clock,
            desk=case.desk,
            tickets=case.tickets,
            outbox=case.outbox,
            scribe=case.scribe,
            units=city.units,
            evidence=case.evidence,
            evidence_key=case.evidence_key,
            dead=case.dead,
            city_map=CityMapOnce(city),
            grid=city.places.of(city.file.grid) if city.file.grid is not None else None,
            waiting_for=self.waiting_for,
            stages=self._restarts,
            replay=replay,
            inbox=self._inbox,
            rules=lambda: rules.rules,
            rules_refused=lambda: rules.refused,
            roll=roll,
            cameras=self._watched,
            tailing=tailing,
            explain=judging.explain,
            mode=mode,
        )
        http = city.file.http
        server = HttpStage(build_application(door), host=http.host, port=http.port)
        self.port = server.open()
        return server

    def _restarts(self) -> Mapping[str, int]:
        states = self._supervisor.states if self._supervisor is not None else {}
        return {name: state.restarts for name, state in states.items()}


def cursors(count: int) -> list[str]:
    """The journal's cursors of the InfluxDB sinks: the same over restarts, in the file's order."""
    return [f"influx-{number}" if number > 1 else "influx" for number in range(1, count + 1)]
