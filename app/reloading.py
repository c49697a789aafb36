"""SIGHUP: what a running city reads again, each by itself: its rules, its cameras."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

import structlog

from app.city import City
from app.city_reading import with_rules_anew
from app.modes import Modes
from citypatrol import metrics
from edge.cameras import CameraStage
from edge.load import load_cameras
from rules.ruleset import RuleSet

log = structlog.get_logger(__name__)

_MOST_NAMED: Final = 20


class RulesAgain:
    """Reads the rule files of a city again. A set with problems changes nothing.

    ``rules`` were the last without problems; ``refused``: what was wrong with the files when they
    were read last. ``put_in_force`` returns once its rules judge.
    """

    def __init__(
        self,
        city: City,
        *,
        put_in_force: Callable[[RuleSet], Awaitable[None]],
        modes: Modes | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self.refused: Sequence[str] = ()
        self._city = city
        self._put_in_force = put_in_force
        self._modes = modes
        self._env = env
        self._lock = asyncio.Lock()

    @property
    def rules(self) -> RuleSet:
        return self._city.rules

    async def read_again(self) -> None:
        """Returns once the rules of the files are in force, or refused."""
        async with self._lock:
            city, problems = await asyncio.to_thread(with_rules_anew, self._city, env=self._env)
            self.refused = [str(problem) for problem in problems]
            metrics.RULES_REFUSED.set(len(problems))
            for problem in self.refused:
                log.error("the rules stay as they were", problem=problem)
            if city is not None:
                await self._take(city)

    async def _take(self, city: City) -> None:
        for note in sorted(set(city.notes) - set(self._city.notes)):
            log.warning("note", about=str(note))
        before, self._city = self._city.rules, city
        await self._put_in_force(city.rules)
        if self._modes is not None:
            self._modes.know(city.rules.modes)
        log.info("rules read again", rules=len(city.rules.rules), **_changes(before, city.rules))


def _changes(before: RuleSet, after: RuleSet) -> dict[str, list[str]]:
    old, new = ({rule.name: rule for rule in one.rules} for one in (before, after))
    return {
        "added": _few(new.keys() - old.keys()),
        "changed": _few(name for name in new.keys() & old.keys() if new[name] != old[name]),
        "removed": _few(old.keys() - new.keys()),
    }


def _few(names: Iterable[str]) -> list[str]:
    every = sorted(names)
    more = len(every) - _MOST_NAMED
    return [*every[:_MOST_NAMED], f"and {more} more"] if more > 0 else every


async def cameras_again(stage: CameraStage, city: City) -> None:
    """Read the file of the cameras again: those that differ are begun, changed or let go, the
    others go on. One that has problems changes nothing."""
    if city.file.cameras is None:
        return
    path = city.places.of(city.file.cameras)
    cameras, problems = await asyncio.to_thread(load_cameras, path, registry=city.registry)
    for problem in problems:
        log.error("the cameras stay as they were", problem=str(problem))
    if cameras is not None and not problems:
        touched = stage.change(cameras)
        log.info("cameras read again", **asdict(touched))
