"""Keeps the stages of a process alive, and ends them in order.

A stage that raises is logged, counted and started again with back-off; it never takes its
neighbours down. A stop goes phase by phase (inputs first, HTTP last), so that what has been taken
in still flows out; a stage that does not end in time is cut and named.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from citypatrol.errors import Retry
from citypatrol.stage import Stage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Phase:
    """Stages that stop together. ``gates``: the process is not ready before these are."""

    name: str
    stages: Sequence[Stage]
    gates: bool = True
    stop_s: float = 3.0


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits between restarts; a run of ``steady_s`` forgets what went wrong before it."""

    first_s: float = 0.5
    most_s: float = 30.0
    steady_s: float = 60.0

    def wait_s(self, failures: int) -> float:
        """The wait after this many failures in a row (at least 1)."""
        return min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 30))


@dataclass(slots=True)
class StageState:
    """What is known of one stage; for /healthz and tests."""

    running: bool = False
    restarts: int = 0


@dataclass(slots=True)
class Supervisor:
    """Runs ``phases`` until ``stop``, then stops them in their order within ``stop_s`` in all."""

    phases: Sequence[Phase]
    back_off: BackOff = field(default_factory=BackOff)
    stop_s: float = 9.0
    states: dict[str, StageState] = field(init=False)

    def __post_init__(self) -> None:
        names = [stage.name for phase in self.phases for stage in phase.stages]
        if len(set(names)) < len(names):
            message = f"two stages have one name: {sorted(names)}"
            raise ValueError(message)
        self.states = {name: StageState() for name in names}

    def waiting_for(self) -> list[str]:
        """What is missing before the process is ready, in words; [] when it is."""
        missing = []
        for phase in self.phases:
            for stage in phase.stages if phase.gates else ():
                need = stage.waiting_for()
                if need is None and not self.states[stage.name].running:
                    need = "is not running"
                if need is not None:
                    missing.append(f"{stage.name}: {need}")
        return missing

    async def run(self, stop: asyncio.Event) -> list[str]:
        """Returns the names of the stages that had to be cut; [] after a clean stop."""
        stops = [asyncio.Event() for _ in self.phases]
        tasks = [
            {
                asyncio.create_task(self._keep(stage, ends), name=stage.name)
                for stage in phase.stages
            }
            for phase, ends in zip(self.phases, stops, strict=True)
        ]
        try:
            await stop.wait()
            return await self._stop_in_order(stops, tasks)
        finally:
            left = [task for group in tasks for task in group if not task.done()]
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=1.0)

    async def _stop_in_order(
        self, stops: Sequence[asyncio.Event], tasks: Sequence[set[asyncio.Task[None]]]
    ) -> list[str]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.stop_s
        cut = []
        for phase, ends, group in zip(self.phases, stops, tasks, strict=True):
            ends.set()
            if not group:
                continue
            left_s = max(0.2, min(phase.stop_s, deadline - loop.time()))
            _, slow = await asyncio.wait(group, timeout=left_s)
            for task in slow:
                log.error("stage did not stop in time and is cut", stage=task.get_name())
                cut.append(task.get_name())
                task.cancel()
            if slow:
                await asyncio.wait(slow, timeout=0.5)
        return cut

    async def _keep(self, stage: Stage, stop: asyncio.Event) -> None:
        """Run one stage again and again until ``stop``."""
        state = self.states[stage.name]
        loop = asyncio.get_running_loop()
        failures = 0
        while not stop.is_set():
            began = loop.time()
            state.running = True
            try:
                await stage.run(stop)
                if stop.is_set():
                    return
                log.error("stage ended by itself", stage=stage.name)
            except Exception as error:
                if (reason := _away(error)) is not None:
                    log.warning("stage finds the outside away", stage=stage.name, reason=reason)
                else:
                    log.exception("stage failed", stage=stage.name)
            finally:
                state.running = False
            if stop.is_set():
                return
            failures = 1 if loop.time() - began >= self.back_off.steady_s else failures + 1
            state.restarts += 1
            wait_s = self.back_off.wait_s(failures)
            log.warning("stage starts again", stage=stage.name, wait_s=wait_s, failures=failures)
            try:
                await asyncio.wait_for(stop.wait(), wait_s)
            except TimeoutError:
                continue


def _away(error: Exception) -> str | None:
    """What is away, in words, where that is all that is wrong: no bug, and no stack to read."""
    if isinstance(error, Retry):
        return error.reason
    if isinstance(error, ExceptionGroup):
        reasons = [_away(one) for one in error.exceptions]
        known = dict.fromkeys(one for one in reasons if one is not None)
        return "; ".join(known) if None not in reasons else None
    return None
