"""One alarm of a rule that reads one series once more, from instant to instant, plain and slow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from citypatrol.samples import Sample
from citypatrol.units import duration_ms
from rules.incidents import Incident, incident_id
from tests.rules.reference_windows import says, window_of
from tests.rules.reference_words import Rule, compare, has_threshold


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
