"""Plays the series of one test through the live engine, by a clock that stops where it is asked.

Alarms are asked for one at a time: an engine of their own judges the same records by their rule
alone, for their source alone, so that any word of the language can be asked about.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from citypatrol.clock import Ts
from citypatrol.records import ModeSwitched, Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.incidents import Incident, in_order, instant
from rules.ruleset import Rule, RuleSet
from rules.testing.words import State

_ASKED: Final = "citypatrol/asked"


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which a sample of a series may come; ``value`` None: none does."""

    source: str
    metric: str
    ts: Ts
    value: float | None
    arrival: Ts


@dataclass(frozen=True, slots=True)
class Asked:
    """An alarm: of this rule at this source."""

    rule: str
    source: str


@dataclass(frozen=True, slots=True)
class Played:
    """``incidents``: each event up to ``end``, in order of its instant. ``states``: of each alarm
    that was asked for, at every instant in which something arrived or was asked."""

    incidents: Sequence[Incident]
    states: Mapping[Asked, Mapping[Ts, State]]
    end: Ts


def play(
    rules: RuleSet,
    *,
    sources: Sequence[SourceSeen],
    slots: Sequence[Slot],
    asked: Collection[Asked],
    stops: Collection[Ts],
    modes: Mapping[Ts, str] | None = None,
) -> Played:
    """``sources`` are all that send. Time ends at the last slot; ``stops`` are times to look at,
    ``modes`` those of the city from their instants on.

    A state is that of its instant. Only where a sample arrives after its own time it is what the
    clock would show: then what has not arrived, or still waits for an older sample, is not known.
    """
    end = max(slot.arrival for slot in slots)
    by_name = {rule.name: rule for rule in rules.rules}
    delayed = any(slot.arrival > slot.ts for slot in slots)
    shown = sources if delayed else [replace(one, lateness=0) for one in sources]
    probes = {one: _Probe(by_name[one.rule], one.source, shown) for one in asked}
    engine = Engine(rules)
    said = engine.fold(sources)
    for records in _steps(slots, stops, modes or {}):
        said += engine.fold(records)
        for probe in probes.values():
            probe.fold(records)
    # What waits for an older sample is judged, but no timer may end later than the test does.
    said += engine.fold([Tick(end + max((one.lateness for one in sources), default=0))])
    found = in_order(one for one in said if instant(one) <= end)
    return Played(found, {one: probe.states for one, probe in probes.items()}, end)


class _Probe:
    """One alarm, whatever its rule says: the rule selects this source only."""

    def __init__(self, rule: Rule, source: str, sources: Sequence[SourceSeen]) -> None:
        modes = tuple((mode, form and _asked(form)) for mode, form in rule.modes)
        self._engine = Engine(RuleSet((replace(_asked(rule), modes=modes),)))
        self._rule = rule.name
        self.states: dict[Ts, State] = {}
        self._engine.fold([_marked(one) if one.source == source else one for one in sources])

    def fold(self, records: Sequence[Record]) -> None:
        self._engine.fold(records)
        (tick,) = (one.ts for one in records[-1:] if isinstance(one, Tick))
        counts = self._engine.alarms()
        firing, pending = counts[self._rule, "firing"], counts[self._rule, "pending"]
        self.states[tick] = "firing" if firing else "pending" if pending else "ok"


def _asked(rule: Rule) -> Rule:
    return replace(rule, where=(*rule.where, (_ASKED, ("yes",))))


def _marked(seen: SourceSeen) -> SourceSeen:
    return replace(seen, labels={**seen.labels, _ASKED: "yes"})


def _steps(
    slots: Sequence[Slot], stops: Collection[Ts], modes: Mapping[Ts, str]
) -> Iterator[list[Record]]:
    """What each instant brings, its tick last. Time has passed up to it when a sample arrives that
    was under way for long; the city's mode is switched before its samples."""
    arriving: dict[Ts, list[Sample]] = {ts: [] for ts in (*stops, *modes)}
    for slot in sorted(slots, key=lambda one: one.arrival):
        some = arriving.setdefault(slot.arrival, [])
        if slot.value is not None:
            some.append(Sample(slot.source, slot.metric, slot.ts, slot.value))
    for ts in sorted(arriving):
        switch = [ModeSwitched(ts, modes[ts])] if ts in modes else []
        yield [Tick(ts - 1), *switch, Batch.of(arriving[ts]), Tick(ts)]
