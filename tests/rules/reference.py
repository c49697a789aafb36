"""The rules once more, plain and slow: what ``rules.engine`` is held to.

Written from the decisions in ``docs/rules.md`` alone. Every sample is kept; a condition at an
instant is worked out from all of them; an alarm walks from instant to instant. Rules are the
plain mappings of the YAML, already known to be valid.
"""

from collections.abc import Iterable, Sequence

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from citypatrol.units import duration_ms
from rules.incidents import Incident
from tests.rules.reference_alarm import Alarm
from tests.rules.reference_series import Series
from tests.rules.reference_words import Rule


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
