"""The alarms of one rule: their states by key, the running timers, and what is said of them."""

import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Bytes, Column, Ints
from rules.alarm import Alarm, Firing, Pending, Timing, due
from rules.block import NEVER, Track
from rules.incidents import Incident, Severity, decode_incident, encode_incident, incident_id
from rules.ruleset import Rule
from rules.sources import Sources

UNSELECTED: Final = 0
OK: Final = 1
STEADY: Final = 2
BUSY: Final = 3

Say = Callable[[Incident], None]


class Counts(NamedTuple):
    """How many alarms of a rule are in each state."""

    ok: int
    pending: int
    firing: int


class Book:
    """``code`` is what the column pass looks at, one byte a key: ``OK`` wants to see samples that
    hold, ``STEADY`` (firing, no clear time running) those that do not, ``BUSY`` all of them."""

    def __init__(self, rule: Rule, *, sources: Sources, steady: int, say: Say) -> None:
        self.rule = rule
        in_a_row = 1 if rule.when.window is not None else rule.when.at_least
        self.timing = Timing(rule.when.hold_for, in_a_row, rule.clear.hold_for)
        self.code: Column[np.uint8] = Column(np.uint8, UNSELECTED)
        self.alarms: dict[int, Pending | Firing] = {}
        self._sources = sources
        self._steady = steady
        self._say = say
        self._open: dict[int, Incident] = {}
        self._timers: list[tuple[Ts, int]] = []
        self._timed: set[int] = set()

    def select(self, keys: Ints, selected: np.ndarray) -> None:
        """``selected``: a bool a key. An alarm that fires stays where its source is no longer
        selected: nothing is known of it any more; one that is pending ends."""
        self.code.ensure(int(keys.max()) + 1)
        self.code.data[keys] = np.where(selected, OK, UNSELECTED)
        for key in self._alarmed(keys):
            alarm = self.alarms[key]
            if self.code.data[key] == OK:
                self.code.data[key] = self._code_of(alarm)
            elif isinstance(alarm, Pending):
                del self.alarms[key]
            else:
                self.alarms[key] = alarm._replace(clearing=None)

    def _alarmed(self, keys: Ints) -> list[int]:
        """Those of the keys whose alarm is not ok."""
        if len(keys) < len(self.alarms):
            return [key for key in keys.tolist() if key in self.alarms]
        among = set(keys.tolist()) if self.alarms else set()
        return [key for key in self.alarms if key in among]

    def put(self, key: int, alarm: Alarm, *, lateness: int) -> None:
        """Keep this state; ``lateness``: how long its timer waits for samples after its end."""
        self.keep(key, alarm)
        if alarm is not None:
            self._time(key, alarm, lateness=lateness, after=-NEVER)

    def keep(self, key: int, alarm: Alarm) -> None:
        """``put`` for who keeps the timers himself."""
        self.code.data[key] = self._code_of(alarm)
        if alarm is None:
            self.alarms.pop(key, None)
        else:
            self.alarms[key] = alarm

    def wait(self, key: int, *, lateness: int, now: Ts) -> None:
        """The alarm did not move at this tick: its timer ends later, or a sample will end it."""
        self._time(key, self.alarms[key], lateness=lateness, after=now)

    def _time(self, key: int, alarm: Alarm, *, lateness: int, after: Ts) -> None:
        end = due(alarm, self.timing)
        if end is not None and end + lateness > after and key not in self._timed:
            self._timed.add(key)
            heapq.heappush(self._timers, (end + lateness, key))

    def first_due(self) -> Ts:
        """The tick at which the first timer may end; ``NEVER`` where none runs."""
        return self._timers[0][0] if self._timers else NEVER

    def due(self, now: Ts) -> list[int]:
        """Keys whose timer may have ended by this tick, each once; taken out. For each, ``put``
        or ``wait`` is to follow."""
        found = []
        while self._timers and self._timers[0][0] <= now:
            _, key = heapq.heappop(self._timers)
            self._timed.discard(key)
            if key in self.alarms and self.code.data[key] != UNSELECTED:
                found.append(key)
        return found

    def fired(
        self,
        key: int,
        alarm: Firing,
        *,
        source: int,
        metric: str,
        value: float,
        proof: str | None,
        severity: Severity | None = None,
    ) -> None:
        """Say that an incident has begun. ``severity``: by default the rule's own."""
        name, labels = self._sources.names[source], self._sources.labels(source)
        group = None
        if self.rule.group is not None:
            group = labels.get(self.rule.group)
            if self.rule.ticket is not None and self.rule.ticket.joins is not None:
                group = group or name  # the gateway itself, among those behind it
        self._open[key] = incident = Incident(
            id=incident_id(self.rule.name, name, metric, alarm.since),
            rule=self.rule.name,
            source=name,
            metric=metric,
            since=alarm.since,
            fired_at=alarm.fired_at,
            value=value,
            severity=severity or self.rule.severity,
            group=group,
            evidence=proof,
            labels=labels,
            ticket=self.rule.ticket,
        )
        self._say(incident)

    def cleared(self, key: int, at: Ts, *, proof: str | None = None) -> None:
        """Say that the key's incident is over; ``proof``: the picture after."""
        self._say(replace(self._open.pop(key), cleared_at=at, after=proof))

    def severity(self, key: int) -> Severity:
        """Of the key's incident."""
        return self._open[key].severity

    def graver(self, key: int, severity: Severity) -> None:
        """Say that the key's incident has grown."""
        self._open[key] = incident = replace(self._open[key], severity=severity)
        self._say(incident)

    def quiet(self, track: Track) -> int:
        """How many selected keys that were ever heard have no alarm."""
        size = min(len(self.code.data), len(track.ts.data))
        found = (self.code.data[:size] == OK) & (track.ts.data[:size] != NEVER)
        return int(np.count_nonzero(found))

    def save(self) -> dict[str, Any]:
        """JSON for ``load``."""
        return {
            "pending": [(k, *a) for k, a in self.alarms.items() if isinstance(a, Pending)],
            "firing": [(k, *a) for k, a in self.alarms.items() if isinstance(a, Firing)],
            "open": [(k, encode_incident(i).decode()) for k, i in self._open.items()],
        }

    def load(self, saved: dict[str, Any], *, lateness: Callable[[int], int]) -> None:
        """Before ``select`` sees any key; ``lateness`` of a key."""
        self._open = {key: decode_incident(text.encode()) for key, text in saved["open"]}
        alarms: dict[int, Pending | Firing] = {
            **{key: Pending(*parts) for key, *parts in saved["pending"]},
            **{key: Firing(*parts) for key, *parts in saved["firing"]},
        }
        self.code.ensure(max(alarms, default=-1) + 1)
        for key, alarm in alarms.items():
            self.put(key, alarm, lateness=lateness(key))

    def _code_of(self, alarm: Alarm) -> int:
        if alarm is None:
            return OK
        return self._steady if isinstance(alarm, Firing) and alarm.clearing is None else BUSY


def hits(code: Bytes, holds: np.ndarray) -> Ints:
    """Rows in which an alarm may move: all others cost these few array operations only."""
    wanted = np.subtract(STEADY, holds.view(np.uint8), dtype=np.uint8)
    return np.flatnonzero(code & wanted)
