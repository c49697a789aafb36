"""Joined rules once more, plain and slow: what ``rules.compound`` is held to.

Written from RULES 3, 12, 13, 16, 21, 22 and 24 and ``docs/rules.md``: every sample is kept, every
part is worked out anew at every instant from all of them. Rules are the plain mappings of the YAML.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from citypatrol.units import duration_ms
from rules.incidents import SEVERITIES, Incident, incident_id
from tests.rules.reference_hours import during_changes, during_holds
from tests.rules.reference_series import Series
from tests.rules.reference_standing import Entry, Standing
from tests.rules.reference_trees import Truth, gaps, kleene, leaves
from tests.rules.reference_words import Rule, compare

GRADES = SEVERITIES


@dataclass
class Joint:
    """One rule on one source."""

    rule: Rule
    source: str
    city: "JoinReference"
    entries: list[Entry] = field(default_factory=list)
    mark: Standing | None = None
    now: Standing = field(default_factory=lambda: Standing(-1))
    said: list[Incident] = field(default_factory=list)

    @property
    def metric(self) -> str:
        metric: str = self.rule["select"]["metric"]
        return metric

    def tick(self, tick: int) -> None:
        until = tick - self.city.wait(self.source, self.rule)
        taken = {entry.sample for entry in self.entries}
        read = self.read()
        fresh = sorted(
            (s for s in self.city.heard(until) if s not in taken and (s.source, s.metric) in read),
            key=lambda sample: sample.ts,
        )
        if self.mark is None:
            own = [s.ts for s in fresh if (s.source, s.metric) == (self.source, self.metric)]
            if not own:
                return
            self.mark = Standing(min(own))
        self.entries += [Entry(max(sample.ts, self.mark.at), sample) for sample in fresh]
        self.now = self.mark
        pending = {entry.at for entry in self.entries if entry.sample in set(fresh)}
        instant: int | None = self.mark.at if self.mark.at in pending else self.next(until)
        while instant is not None:
            self.look(instant)
            hours = set(during_changes(self.rule.get("during"), instant - 1, instant))
            if instant in pending | hours:
                self.mark = self.now
            instant = self.next(until)

    def read(self) -> set[tuple[str, str]]:
        """The series that it reads: what others send is nothing to it."""
        found = {(self.source, self.metric)}
        parts = [*leaves(self.rule["when"]), *leaves(self.rule.get("clear", {}))]
        for part in [*parts, self.rule.get("unless", {})]:
            metric = part.get("metric", self.metric)
            sources = [self.source]
            if "site" in part:
                sources = self.city.mates(self.source, part.get("where", {}))
            elif "metric" in part:
                sources.append(self.source.partition("/")[0])
            found |= {(source, metric) for source in sources}
        return found

    def next(self, until: int) -> int | None:
        found = {entry.at for entry in self.entries}
        for entry in self.entries:
            sample = entry.sample
            found.add(sample.ts + self.city.life(self.rule, sample.source))
            found |= {sample.ts + gap for gap in gaps(self.rule["when"])}
        found |= set(during_changes(self.rule.get("during"), self.now.at, until))
        for begin, held in (
            (self.now.since, self.rule["when"].get("for", "0s")),
            (self.now.clear_since, self.rule.get("clear", {}).get("for", "0s")),
        ):
            if begin is not None:
                found.add(begin + duration_ms(held))
        return min((t for t in found if self.now.at < t <= until), default=None)

    def newest(self, source: str, metric: str, at: int) -> Sample | None:
        heard = [
            entry.sample
            for entry in self.entries
            if entry.at <= at and (entry.sample.source, entry.sample.metric) == (source, metric)
        ]
        return max(heard, key=lambda sample: sample.ts, default=None)

    def truth(self, part: Rule, at: int) -> Truth:
        for word in ("all", "any", "not"):
            if word in part:
                parts = [part["not"]] if word == "not" else part[word]
                return kleene(word, [self.truth(one, at) for one in parts])
        metric = part.get("metric", self.metric)
        if "site" in part:
            where = part.get("where", {})
            mates = [
                sample
                for source in self.city.mates(self.source, where)
                if (sample := self.newest(source, metric, at)) is not None
            ]
            return kleene(part["site"], [self.of(part, s, at) for s in mates]) if mates else None
        family = [self.source]
        if "metric" in part and "/" in self.source:
            family.append(self.source.partition("/")[0])
        for source in family:
            sample = self.newest(source, metric, at)
            alive = sample is not None and at < sample.ts + self.city.life(self.rule, source)
            if sample is not None and (alive or "missing" in part):
                return self.of(part, sample, at)
        return None

    def of(self, part: Rule, sample: Sample, at: int) -> Truth:
        if "missing" in part:
            return at >= sample.ts + duration_ms(part["missing"])
        if at >= sample.ts + self.city.life(self.rule, sample.source):
            return None
        return compare(part, sample.value, self.city.sources[sample.source].labels)

    def judge(self, at: int) -> tuple[Truth, Truth]:
        if not during_holds(self.rule.get("during"), at):
            return False, True
        silence = "missing" in self.rule["when"]
        blind = self.blind(at) if silence else self.now.void
        if blind:
            return None, None
        when = {k: v for k, v in self.rule["when"].items() if k not in ("for", "at_least")}
        holds = self.truth(when, at)
        clear = {k: v for k, v in self.rule.get("clear", {}).items() if k != "for"}
        if clear:
            return holds, self.truth(clear, at)
        return holds, None if holds is None else not holds

    def blind(self, at: int) -> bool:
        return "unless" in self.rule and self.truth(self.rule["unless"], at) is True

    def own(self, since: int, at: int) -> list[Sample]:
        return [
            entry.sample
            for entry in self.entries
            if since <= entry.at <= at
            and (entry.sample.source, entry.sample.metric) == (self.source, self.metric)
        ]

    def look(self, at: int) -> None:
        void = self.blind(at) or (self.now.void and not self.own(at, at))
        self.now = replace(self.now, at=at, void=void)
        holds, clears = self.judge(at)
        if self.now.firing is None:
            self.may_fire(at, holds)
        else:
            self.may_clear(at, self.now.firing, holds, clears)

    def may_fire(self, at: int, holds: Truth) -> None:
        if holds is not True:
            self.now = replace(self.now, since=None)
            return
        since = at if self.now.since is None else self.now.since
        self.now = replace(self.now, since=since)
        when = self.rule["when"]
        least = int(str(when.get("at_least", "1 samples")).split()[0])
        if at < since + duration_ms(when.get("for", "0s")):
            return
        if least > 1 and len(self.own(since, at)) < least:
            return
        last = self.newest(self.source, self.metric, at)
        assert last is not None
        proofs = [s for s in self.own(since, at) if s.evidence and s.ts >= since]
        newest = max(proofs, key=lambda sample: sample.ts, default=None)
        incident = Incident(
            id=incident_id(self.rule["name"], self.source, self.metric, since),
            rule=self.rule["name"],
            source=self.source,
            metric=self.metric,
            since=since,
            fired_at=at,
            value=last.value,
            severity=self.grade(last.value),
            evidence=newest.evidence if newest else None,
        )
        self.said.append(incident)
        self.mark = self.now = replace(self.now, since=None, clear_since=None, firing=incident)

    def may_clear(self, at: int, firing: Incident, holds: Truth, clears: Truth) -> None:
        if self.own(at, at) and holds is True:
            severity = self.grade(self.own(at, at)[-1].value)
            if GRADES.index(severity) > GRADES.index(firing.severity):
                firing = replace(firing, severity=severity)
                self.said.append(firing)
                self.now = replace(self.now, firing=firing)
        if holds is True or clears is not True:
            self.now = replace(self.now, clear_since=None)
            return
        begin = at if self.now.clear_since is None else self.now.clear_since
        self.now = replace(self.now, clear_since=begin)
        if at >= begin + duration_ms(self.rule.get("clear", {}).get("for", "0s")):
            self.said.append(replace(firing, cleared_at=max(at, firing.fired_at)))
            self.mark = self.now = replace(self.now, clear_since=None, firing=None)

    def grade(self, value: float) -> Any:
        steps = self.rule.get("severity", "major")
        if isinstance(steps, str):
            return steps
        held = [step["is"] for step in steps if compare(step, value, {})]
        if held:
            return max(held, key=GRADES.index)
        return min((step["is"] for step in steps), key=GRADES.index)


class JoinReference:
    """Folds records to incidents, as ``rules.engine.Engine`` does for these rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.sources: dict[str, SourceSeen] = {}
        self.series: dict[tuple[str, str], Series] = {}
        self.joints: dict[tuple[str, str], Joint] = {}
        self.now: int | None = None

    def fold(self, records: Iterable[Record]) -> list[Incident]:
        for record in records:
            if isinstance(record, SourceSeen):
                self.sources[record.source] = record
            elif isinstance(record, Batch):
                for sample in record.samples():
                    self.arrive(sample)
            elif isinstance(record, Tick) and (self.now is None or record.ts > self.now):
                self.now = record.ts
                for series in self.series.values():
                    series.judged |= set(series.due_by_tick(record.ts))
                for joint in self.joints.values():
                    joint.tick(record.ts)
        said = [event for joint in self.joints.values() for event in joint.said]
        for joint in self.joints.values():
            joint.said = []
        return said

    def arrive(self, sample: Sample) -> None:
        seen = self.sources[sample.source]
        key = (sample.source, sample.metric)
        series = self.series.setdefault(key, Series(seen.lateness))
        if not series.arrive(sample, now=self.now):
            return
        series.judged |= set(series.due_by_newest())
        for rule in self.rules:
            select = rule["select"]
            chosen = all(seen.labels.get(k) == v for k, v in select.get("where", {}).items())
            if select["metric"] == sample.metric and chosen:
                name = (rule["name"], sample.source)
                self.joints.setdefault(name, Joint(rule, sample.source, self))

    def heard(self, until: int) -> list[Sample]:
        return [s for one in self.series.values() for s in one.kept.values() if s.ts <= until]

    def life(self, rule: Rule, source: str) -> int:
        return duration_ms(rule["stale"]) if "stale" in rule else self.sources[source].stale

    def wait(self, source: str, rule: Rule) -> int:
        """The greatest lateness of what it may read."""
        family = [one for one in self.sources if one.partition("/")[0] == source.partition("/")[0]]
        if "'site'" in str(rule["when"]) and self.site(source):
            family = self.mates(source, {})
        return max(self.sources[one].lateness for one in family)

    def site(self, source: str) -> str:
        return self.sources[source].labels.get("site", "")

    def mates(self, source: str, where: Mapping[str, str]) -> list[str]:
        site = self.site(source)
        return [
            name
            for name, seen in self.sources.items()
            if site
            and seen.labels.get("site") == site
            and all(seen.labels.get(k) == v for k, v in where.items())
        ]
