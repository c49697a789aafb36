"""The rules once more, plain and slow: what ``rules.engine`` is held to.

Written from the decisions in ``docs/rules.md`` alone. Every sample is kept; a condition at an
instant is worked out from all of them; an alarm walks from instant to instant. Rules are the
plain mappings of the YAML, already known to be valid.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from citypatrol.units import duration_ms
from rules.incidents import Incident, incident_id
from tests.rules.reference_windows import says, window_of

Rule = Mapping[str, Any]
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def threshold(spec: Any, labels: Mapping[str, str]) -> float | None:
    """The number, or the source's own cell, or the default, or unknown (decision 11)."""
    if not isinstance(spec, Mapping):
        return float(spec)
    cell = labels.get(spec["label"], "")
    if cell:
        return float(cell) if NUMBER.fullmatch(cell) else None
    return float(spec["default"]) if "default" in spec else None


def compare(part: Rule, value: float, labels: Mapping[str, str]) -> bool | None:
    """Decision 10: above and below are strict, between holds at its ends."""
    for word in ("above", "below"):
        if word in part:
            limit = threshold(part[word], labels)
            if limit is None:
                return None
            return value > limit if word == "above" else value < limit
    for word in ("between", "outside"):
        if word in part:
            low, high = (threshold(end, labels) for end in part[word])
            if low is None or high is None:
                return None
            return (low <= value <= high) == (word == "between")
    if "equals" in part:
        return value == float(part["equals"])
    raise AssertionError(part)


def has_threshold(part: Rule) -> bool:
    return any(word in part for word in ("above", "below", "between", "outside", "equals"))


@dataclass
class Series:
    """Every sample that counts, by its time; ``arrived`` is the last tick before it."""

    lateness: int
    kept: dict[int, Sample] = field(default_factory=dict)
    arrived: dict[int, int | None] = field(default_factory=dict)
    judged: set[int] = field(default_factory=set)

    def pending(self) -> list[int]:
        return sorted(set(self.kept) - self.judged)

    def arrive(self, sample: Sample, *, now: int | None) -> bool:
        """Whether it counts: not late (decision 4), and the first of its millisecond (5)."""
        newest = max(self.kept, default=sample.ts)
        if newest - sample.ts > self.lateness or sample.ts < max(self.judged, default=sample.ts):
            return False
        if sample.ts in self.kept:
            return False
        self.kept[sample.ts] = sample
        self.arrived[sample.ts] = now
        return True

    def due_by_newest(self) -> list[int]:
        newest = max(self.kept, default=0)
        return [ts for ts in self.pending() if newest - ts >= self.lateness]

    def due_by_tick(self, now: int) -> list[int]:
        """With older ones that came later: they may not be passed over. The last tick before a
        sample may be older than the sample itself: decision 4 keeps it waiting even then."""
        waited = [
            ts for ts in self.pending() if max(ts, self.arrived[ts] or ts) + self.lateness <= now
        ]
        return [ts for ts in self.pending() if ts <= max(waited)] if waited else []


@dataclass
class Alarm:
    """One rule on one series, or, with metric ``*``, on one source."""

    rule: Rule
    source: str
    metric: str
    labels: Mapping[str, str]
    stale: int
    own: list[Sample] = field(default_factory=list)
    vetoes: tuple[list[Sample], ...] = ()
    veto_stales: tuple[int, ...] = ()
    taken: set[Sample] = field(default_factory=set)  # of the vetoes
    clock: int = -1
    decided: int = -1
    since: int | None = None
    clear_since: int | None = None
    worthless: bool = False
    blind: set[int] = field(default_factory=set)  # times of samples that no window holds
    mark: tuple[int, int | None, int | None, bool] = (-1, None, None, False)
    firing: Incident | None = None
    said: list[Incident] = field(default_factory=list)

    @property
    def when(self) -> Rule:
        when: Rule = self.rule["when"]
        return when

    @property
    def gap(self) -> int | None:
        return duration_ms(self.when["missing"]) if "missing" in self.when else None

    @property
    def hold_for(self) -> int:
        return duration_ms(self.when.get("for", "0s"))

    @property
    def clear_for(self) -> int:
        return duration_ms(self.rule.get("clear", {}).get("for", "0s"))

    @property
    def at_least(self) -> int:
        return int(str(self.when.get("at_least", "1 samples")).split()[0])

    def last(self, at: int) -> Sample | None:
        """The newest; of several metrics heard in one millisecond the greatest value."""
        heard = (s for s in self.own if s.ts <= at)
        return max(heard, key=lambda s: (s.ts, s.value), default=None)

    def veto(self, at: int) -> bool:
        """Decision 22: the source's value, then its parent's; none known vetoes nothing."""
        for samples, stale in zip(self.vetoes, self.veto_stales, strict=True):
            known = [s for s in samples if s.ts <= at < s.ts + stale]
            if known:
                newest = max(known, key=lambda s: s.ts)
                return compare(self.rule["unless"], newest.value, self.labels) is True
        return False

    def holds(self, part: Rule, at: int) -> bool | None:
        """A condition at an instant; None is unknown (decision 13)."""
        sample = self.last(at)
        if sample is None:
            return None
        if self.gap is not None:
            return None if self.veto(at) else at >= sample.ts + self.gap
        if at >= sample.ts + self.stale or self.worthless:
            return None
        value = self.value(part, sample)
        return None if value is None else compare(part, value, self.labels)

    def value(self, part: Rule, sample: Sample) -> float | None:
        """What is compared at this sample, which is the newest: its value, or what a window says;
        that of ``when`` is unknown where it holds fewer than ``at_least``."""
        window = window_of(part) or window_of(self.when)
        if window is None:
            return sample.value
        word, span = window
        inside = [s for s in self.own if sample.ts - span < s.ts <= sample.ts]
        inside = sorted((s for s in inside if s.ts not in self.blind), key=lambda s: s.ts)
        if window == window_of(self.when) and len(inside) < self.at_least:
            return None
        return says(word, inside)

    def clears(self, at: int) -> bool:
        """Decision 16: while ``when`` holds nothing clears; unknown neither."""
        holds = self.holds(self.when, at)
        clear = self.rule.get("clear", {})
        if has_threshold(clear):
            return holds is not True and self.holds(clear, at) is True
        return holds is False

    def instants(self) -> Iterable[int]:
        """When something may change without a sample."""
        for sample in self.own:
            yield sample.ts + (self.stale if self.gap is None else self.gap)
        for samples, stale in zip(self.vetoes, self.veto_stales, strict=True):
            for sample in samples:
                yield sample.ts
                yield sample.ts + stale
        if self.since is not None:
            yield self.since + self.hold_for
        if self.clear_since is not None:
            yield self.clear_since + self.clear_for

    def walk(self, until: int) -> None:
        """Every instant up to and including ``until``: what is to come by then has come."""
        while True:
            to_come = [t for t in self.instants() if self.clock < t <= until]
            if not to_come:
                return
            self.look(min(to_come))

    def sample(self, at: int) -> None:
        """Samples of this instant have been put in: timers before it, then it.

        A tick may have let time run past a sample that is on its way and not late. What fired or
        cleared by then stays, and so does a silence; that a value had died is worked out again.
        """
        if at <= self.clock and self.gap is None:
            self.clock, self.since, self.clear_since, self.worthless = self.mark
        self.walk(at - 1)
        self.worthless = False
        if self.veto(at):
            self.blind.add(at)
        self.look(at)
        self.mark = (self.clock, self.since, self.clear_since, self.worthless)

    def look(self, at: int) -> None:
        """Decision 21: what was said before or during a veto is worthless when it is over."""
        self.clock = at
        self.worthless = self.worthless or self.veto(at)
        if self.firing is None:
            self.may_fire(at)
        else:
            self.may_clear(at)

    def may_fire(self, at: int) -> None:
        if self.holds(self.when, at) is not True:
            self.since = None
            return
        last = self.last(at)
        assert last is not None
        if self.gap is not None:
            self.fire(since=last.ts + self.gap, at=last.ts + self.gap, value=last.value)
            return
        if self.since is None:
            self.since = at
        in_a_row = [s for s in self.own if self.since <= s.ts <= at]
        enough = window_of(self.when) is not None or len(in_a_row) >= self.at_least
        if at >= self.since + self.hold_for and enough:
            value = self.value(self.when, last)
            assert value is not None
            self.fire(since=self.since, at=at, value=value)

    def proof(self, since: int, at: int) -> str | None:
        """The newest picture of that time."""
        proofs = [s for s in self.own if since <= s.ts <= at and s.evidence]
        newest = max(proofs, key=lambda s: s.ts, default=None)
        return newest.evidence if newest else None

    def fire(self, *, since: int, at: int, value: float) -> None:
        self.firing = Incident(
            id=incident_id(self.rule["name"], self.source, self.metric, since),
            rule=self.rule["name"],
            source=self.source,
            metric=self.metric,
            since=since,
            fired_at=at,
            value=value,
            group=self.labels.get(self.rule["group"]) or None if "group" in self.rule else None,
            evidence=self.proof(since, at),
        )
        self.said.append(self.firing)
        self.since = self.clear_since = None
        self.mark = (self.clock, None, None, self.worthless)

    def may_clear(self, at: int) -> None:
        assert self.firing is not None
        if not self.clears(at):
            self.clear_since = None
            return
        if self.clear_since is None:
            self.clear_since = at
        if at >= self.clear_since + self.clear_for:
            cleared_at = max(at, self.firing.fired_at)
            after = None if self.gap is not None else self.proof(self.clear_since, at)
            self.said.append(replace(self.firing, cleared_at=cleared_at, after=after))
            self.firing = self.clear_since = None
            self.mark = (self.clock, None, None, self.worthless)


class Reference:
    """Folds records to incidents, as ``rules.engine.Engine`` does."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.sources: dict[str, SourceSeen] = {}
        self.series: dict[tuple[str, str], Series] = {}
        self.alarms: dict[tuple[str, str, str], Alarm] = {}
        self.now: int | None = None

    def fold(self, records: Iterable[Record]) -> list[Incident]:
        for record in records:
            if isinstance(record, SourceSeen):
                self.announce(record)
            elif isinstance(record, Batch):
                for sample in record.samples():
                    self.arrive(sample)
            elif isinstance(record, Tick) and (self.now is None or record.ts > self.now):
                self.now = record.ts
                self.tick(record.ts)
        said = [event for alarm in self.alarms.values() for event in alarm.said]
        for alarm in self.alarms.values():
            alarm.said = []
        return said

    def announce(self, seen: SourceSeen) -> None:
        """New, or with other labels or bounds: what is judged from here on is judged by these."""
        self.sources[seen.source] = seen
        for (source, _), series in self.series.items():
            if source == seen.source:
                series.lateness = seen.lateness
        for alarm in self.alarms.values():
            if alarm.source == seen.source:
                alarm.labels = seen.labels
                alarm.stale = self.stale(alarm.rule, alarm.source)

    def arrive(self, sample: Sample) -> None:
        key = (sample.source, sample.metric)
        lateness = self.sources[sample.source].lateness
        series = self.series.setdefault(key, Series(lateness))
        if series.arrive(sample, now=self.now):
            self.judge(key, series.due_by_newest())

    def judge(self, key: tuple[str, str], times: Sequence[int]) -> None:
        """Decision 3, first half: rules that read one series."""
        series = self.series[key]
        for ts in times:
            series.judged.add(ts)
            for alarm in self.alarms_of(*key):
                if not reads_several(alarm.rule):
                    alarm.own.append(series.kept[ts])
                    alarm.sample(ts)

    def tick(self, now: int) -> None:
        for key, series in self.series.items():
            self.judge(key, series.due_by_tick(now))
        for (source, metric), series in self.series.items():
            for alarm in self.alarms_of(source, metric):
                if not reads_several(alarm.rule):
                    waiting = min(series.pending(), default=now + 1)
                    alarm.walk(min(now - series.lateness, waiting - 1))
        for alarm in list(self.alarms.values()):
            if reads_several(alarm.rule):
                self.judge_instants(alarm, now - self.sources[alarm.source].lateness)

    def judge_instants(self, alarm: Alarm, until: int) -> None:
        """Decision 3, second half: rules that read several, one instant after the other."""
        there = self.arrived(until)
        family = lineage(alarm.source) if "unless" in alarm.rule else []
        alarm.vetoes = tuple(
            [s for key, s in there if key == (source, alarm.rule["unless"]["metric"])]
            for source in family
        )
        alarm.veto_stales = tuple(self.stale(alarm.rule, source) for source in family)
        heard = max((s.ts for s in alarm.own), default=-1)
        fresh = [s for key, s in there if is_own(alarm, key) and s.ts > heard]
        vetoes = {s for samples in alarm.vetoes for s in samples}
        if any(s.ts <= alarm.decided for s in vetoes - alarm.taken.union(fresh)):
            # It came late: it says nothing of what has been judged, and counts from now on.
            alarm.look(alarm.decided)
        alarm.own += fresh
        for ts in sorted({s.ts for s in fresh}):
            alarm.sample(ts)
        alarm.walk(until)
        alarm.taken, alarm.decided = vetoes, until

    def arrived(self, until: int) -> list[tuple[tuple[str, str], Sample]]:
        return [
            (key, sample)
            for key, series in self.series.items()
            for sample in series.kept.values()
            if sample.ts <= until
        ]

    def alarms_of(self, source: str, metric: str) -> list[Alarm]:
        """The alarms whose own series this is, made when they are first asked for."""
        found = []
        seen = self.sources[source]
        for rule in self.rules:
            selected = rule["select"]["metric"]
            if not (selected == metric or (selected == "*" and metric != "online")):
                continue
            if any(seen.labels.get(k) != v for k, v in rule["select"].get("where", {}).items()):
                continue
            key = (rule["name"], source, selected)
            if key not in self.alarms:
                stale = self.stale(rule, source)
                self.alarms[key] = Alarm(rule, source, selected, seen.labels, stale)
            found.append(self.alarms[key])
        return found

    def stale(self, rule: Rule, source: str) -> int:
        if "stale" in rule:
            return duration_ms(rule["stale"])
        return self.sources[source].stale if source in self.sources else 0


def reads_several(rule: Rule) -> bool:
    return "unless" in rule or rule["select"]["metric"] == "*"


def is_own(alarm: Alarm, key: tuple[str, str]) -> bool:
    source, metric = key
    if source != alarm.source:
        return False
    return metric == alarm.metric or (alarm.metric == "*" and metric != "online")


def lineage(source: str) -> list[str]:
    """The source, and of a region its camera."""
    camera, _, region = source.partition("/")
    return [source, camera] if region else [source]
