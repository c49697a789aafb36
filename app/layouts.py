"""The two layouts of a city: everything in one process on SQLite, or Kafka between processes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from app.city import City
from app.compose import Case
from app.config import SqliteJournalConfig
from app.door import Explain
from app.outcome import OutsideError, UsageError
from citypatrol.clock import Clock, Ts
from citypatrol.dead_kafka import DeadFromKafka
from citypatrol.errors import ConfigError, Retry
from citypatrol.history.reading import History
from citypatrol.history.stage import CURSOR as HISTORY
from citypatrol.journal import Entry, Journal
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.records import encode_record
from citypatrol.stage import Stage
from rules.incidents import Incident
from rules.incidents_kafka import IncidentsFromKafka
from rules.ruleset import RuleSet
from rules.runner import CURSOR as RULES
from rules.runner import RulesStage

log = structlog.get_logger(__name__)

_AGAIN_S: Final = 1.0
_BEHIND_MS: Final = 60_000
"""How far behind the clock the workers are taken to be at the most."""


@dataclass(frozen=True, slots=True)
class Judging:
    """``stages`` bring incidents to the desk; ``judged``: the event time that they have come to;
    ``reload`` puts other rules in force, and returns once they are; ``explain``: None where the
    rules are judged elsewhere."""

    stages: Sequence[Stage]
    judged: Callable[[], Ts | None]
    reload: Callable[[RuleSet], Awaitable[None]]
    explain: Explain | None = None


class Layout(Protocol):
    """``open`` raises OutsideError where the journal is not to be had, ConfigError where it is
    another one than configured."""

    @property
    def process(self) -> str:
        """The process's name among those of its city."""
        ...

    @property
    def history(self) -> History | None:
        """What a sink that the journal has left behind goes on from."""
        ...

    async def open(self) -> Journal: ...
    def judging(self, case: Case) -> Judging: ...
    async def close(self) -> None: ...


class OnSqlite:
    """``citypatrol run``."""

    process = "run"

    def __init__(self, city: City, journal: SqliteJournal, *, clock: Clock) -> None:
        self._city = city
        self._journal = journal
        self._clock = clock

    @classmethod
    def of(cls, city: City, *, clock: Clock) -> "OnSqlite":
        config = city.file.journal
        if not isinstance(config, SqliteJournalConfig):
            message = (
                "journal.type is kafka: `citypatrol run` is one process on SQLite; "
                "start `citypatrol serve` and `citypatrol worker`"
            )
            raise UsageError(message)
        journal = SqliteJournal(
            city.places.journal,
            keep=config.keep,
            max_size=config.max_size,
            clock=clock,
            holds=(RULES, HISTORY),
        )
        return cls(city, journal, clock=clock)

    @property
    def history(self) -> History:
        return History(self._city.places.history)

    async def open(self) -> Journal:
        await _opened(self._journal)
        return self._journal

    def judging(self, case: Case) -> Judging:
        self._journal.set_aside(_keeping_unreadable(case, clock=self._clock))
        rules = RulesStage(
            self._journal,
            self._city.rules,
            apply=_filing(case, clock=self._clock),
            clock=self._clock,
            put_in_force=_putting_in_force(case, clock=self._clock),
            set_aside=_setting_aside(case, clock=self._clock),
        )
        return Judging([rules], lambda: rules.judged, rules.reload, rules.explain)

    async def close(self) -> None:
        await self._journal.close()


class OnKafka:
    """``citypatrol serve``: the rules are judged by workers, incidents come back from a topic."""

    process = "serve"

    def __init__(self, city: City, config: KafkaJournalConfig, *, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._journal = config.build(site=_site_of(city), process="serve")

    @classmethod
    def of(cls, city: City, *, clock: Clock) -> "OnKafka":
        config = city.file.journal
        if not isinstance(config, KafkaJournalConfig):
            message = "journal.type is sqlite: start `citypatrol run`, which needs no Kafka"
            raise UsageError(message)
        return cls(city, config, clock=clock)

    @property
    def history(self) -> None:
        """Kafka's own retention is by time alone, and its positions are no place in the files."""
        return None

    async def open(self) -> Journal:
        await _opened(self._journal)
        return self._journal

    def judging(self, case: Case) -> Judging:
        incidents = IncidentsFromKafka(
            self._config, apply=_filing(case, clock=self._clock), clock=self._clock
        )
        letters = DeadFromKafka(self._config, store=case.dead, clock=self._clock)
        put_in_force = _putting_in_force(case, clock=self._clock)

        async def reload(rules: RuleSet) -> None:
            """The workers read the rules by themselves."""
            while True:
                try:
                    return await put_in_force(rules)
                except Retry as retry:
                    log.warning("new rules wait for the tickets", why=retry.reason)
                    await asyncio.sleep(_AGAIN_S if retry.after_s is None else retry.after_s)

        return Judging([incidents, letters], lambda: self._clock.now() - _BEHIND_MS, reload)

    async def close(self) -> None:
        await self._journal.close()


class _Opens(Protocol):
    async def open(self) -> None: ...


async def _opened(journal: _Opens) -> None:
    """At the start what is not there ends the process; later it is waited for."""
    try:
        await journal.open()
    except ConfigError as error:
        raise OutsideError("; ".join(map(str, error.problems))) from error
    except Retry as error:
        raise OutsideError(str(error)) from error


def _filing(case: Case, *, clock: Clock) -> Callable[[list[Incident]], Awaitable[None]]:
    """Files incidents in a thread: the database's fsync must not hold the loop."""

    async def file(incidents: list[Incident]) -> None:
        await asyncio.to_thread(case.desk.apply, incidents, now=clock.now())

    return file


def _putting_in_force(case: Case, *, clock: Clock) -> Callable[[RuleSet], Awaitable[None]]:
    async def put_in_force(rules: RuleSet) -> None:
        await asyncio.to_thread(case.desk.put_in_force, rules, now=clock.now())

    return put_in_force


def _setting_aside(case: Case, *, clock: Clock) -> Callable[[Entry, str], None]:
    """Keeps a record that breaks the rules where a person can see it and send it again."""

    def keep(entry: Entry, reason: str) -> None:
        origin, payload = f"journal record {entry.position}", encode_record(entry.record)
        case.dead.put("batch", origin=origin, reason=reason, payload=payload, at=clock.now())

    return keep


def _keeping_unreadable(case: Case, *, clock: Clock) -> Callable[[int, bytes, str], None]:
    """Keeps the bytes of a record that the journal itself cannot read."""

    def keep(position: int, data: bytes, reason: str) -> None:
        origin = f"journal record {position}"
        case.dead.put("batch", origin=origin, reason=reason, payload=data, at=clock.now())

    return keep


def _site_of(city: City) -> Callable[[str], str | None]:
    def site(source: str) -> str | None:
        return (city.registry.labels(source) or {}).get("site")

    return site
