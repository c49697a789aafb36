"""What holds for every stream: restarts, cuts and order of arrival change nothing."""

import os
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.incidents import Incident
from rules.ruleset import RuleSet
from tests.rules.story import DAY, line, ruleset

SOURCES = ("a", "b", "cam", "cam/n")
RULES = ruleset(
    """
rules:
  - {name: plain, select: {metric: x}, when: {above: 3}}
  - {name: held, select: {metric: x}, when: {above: 2, for: 3s}, clear: {below: 2, for: 2s}}
  - {name: count, select: {metric: x}, when: {outside: [1, 4], at_least: 2 samples}, stale: 4s}
  - {name: limit, select: {metric: x, where: {kind: k}}, when: {below: {label: low}, for: 1s}}
  - {name: dark, select: {metric: x}, when: {below: 2, for: 2s}, unless: {metric: f, above: 2}}
  - {name: quiet, select: {metric: x}, when: {missing: 3s}, clear: {for: 2s}}
  - {name: gated, select: {metric: x}, when: {missing: 2s}, unless: {metric: f, above: 2}}
  - {name: gone, select: {metric: "*"}, when: {missing: 4s}}
"""
)
quick = settings(
    deadline=None,
    max_examples=int(os.environ.get("CITYPATROL_EXAMPLES", "120")),
    suppress_health_check=[HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Scene:
    """Announcements, samples in order of their time with how long each waits, and ticks."""

    seen: tuple[SourceSeen, ...]
    samples: tuple[tuple[Sample, int], ...]
    ticks: tuple[int, ...]

    def stream(self, *, waits: bool) -> list[Record]:
        """By arrival; a tick comes behind the samples of its millisecond."""
        timed: list[tuple[int, int, Record]] = [(ts, 1, Tick(ts)) for ts in self.ticks]
        for sample, wait in self.samples:
            timed.append((sample.ts + (wait if waits else 0), 0, Batch.of([sample])))
        timed.sort(key=lambda one: one[:2])
        return [*self.seen, *(record for _, _, record in timed)]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    seen = []
    lateness = {}
    for source in SOURCES:
        lateness[source] = draw(st.sampled_from([0, 0, 1500, 3000]))
        labels = draw(st.sampled_from([{}, {"kind": "k", "low": "3"}, {"kind": "k"}]))
        stale = draw(st.sampled_from([2000, 5000, 7_200_000]))
        seen.append(SourceSeen(DAY, source, labels, lateness[source], stale))
    keys = st.tuples(st.sampled_from(SOURCES), st.sampled_from("xxf"), st.integers(0, 40))
    samples = []
    for source, metric, at in draw(st.lists(keys, unique=True, max_size=40)):
        value = float(draw(st.integers(0, 5)))
        proof = draw(st.sampled_from([None, None, f"{at:02x}"]))
        sample = Sample(source, metric, DAY + 500 * at, value, proof)
        samples.append((sample, 500 * draw(st.integers(0, lateness[source] // 500))))
    every = draw(st.sampled_from([500, 1000, 2500]))
    ticks = [*range(DAY - 1, DAY + 20_000, every), DAY + 60_000]
    return Scene(tuple(seen), tuple(samples), tuple(ticks))


def told(incidents: list[Incident]) -> list[tuple[str, str, str | None]]:
    """Every event, sorted: those of different incidents have no order among them."""
    return sorted((one.rule, line(one), one.evidence) for one in incidents)


def play(stream: list[Record], rules: RuleSet = RULES) -> list[tuple[str, str, str | None]]:
    return told(Engine(rules).fold(stream))


def cut(stream: list[Record], places: list[int]) -> list[list[Record]]:
    ends = sorted({min(place, len(stream)) for place in places} | {len(stream)})
    return [stream[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@quick
@given(scenes(), st.lists(st.integers(0, 80), max_size=6))
def test_restarts_at_any_point(scene: Scene, places: list[int]) -> None:
    stream = scene.stream(waits=True)
    engine = Engine(RULES)
    found: list[Incident] = []
    for part in cut(stream, places):
        found += engine.fold(part)
        engine = Engine.restore(RULES, engine.snapshot())
    assert told(found) == play(stream)


@quick
@given(scenes(), st.data())
def test_batches_cut_anywhere(scene: Scene, data: st.DataObject) -> None:
    """The samples between two ticks in batches of any size, in calls of any length."""
    stream = scene.stream(waits=True)
    rebatched: list[Record] = []
    waiting: list[Sample] = []
    for record in [*stream, Tick(DAY + 60_001)]:
        if isinstance(record, Batch):
            waiting += record.samples()
            if data.draw(st.booleans()):
                continue
        if waiting:
            rebatched.append(Batch.of(waiting))
            waiting = []
        if not isinstance(record, Batch):
            rebatched.append(record)
    engine = Engine(RULES)
    found: list[Incident] = []
    for part in cut(rebatched, data.draw(st.lists(st.integers(0, 80), max_size=4))):
        found += engine.fold(part)
    assert told(found) == play([*stream, Tick(DAY + 60_001)])


@quick
@given(scenes())
def test_any_order_in_which_nothing_waits_longer_than_its_lateness(scene: Scene) -> None:
    assert play(scene.stream(waits=True)) == play(scene.stream(waits=False))


@quick
@given(scenes(), st.sampled_from([300, 700, 1000, 1700]))
def test_other_ticks_bring_the_same_incidents(scene: Scene, every: int) -> None:
    """What was said is the same once time has come far enough, whenever the ticks came. Incidents
    carry event times only."""
    last = (DAY + 60_000,)
    other = Scene(scene.seen, scene.samples, (*range(DAY - 1, DAY + 20_000, every), *last))
    assert play(scene.stream(waits=False)) == play(other.stream(waits=False))


@quick
@given(scenes(), st.integers(0, len(RULES.rules) - 1))
def test_a_rule_alone_says_the_same(scene: Scene, at: int) -> None:
    rule = RULES.rules[at]
    stream = scene.stream(waits=True)
    alone = play(stream, RuleSet((rule,)))
    assert alone == [one for one in play(stream) if one[0] == rule.name]


@quick
@given(scenes())
def test_every_incident_fires_once_and_clears_at_most_once(scene: Scene) -> None:
    lives: dict[str, list[Incident]] = {}
    for one in Engine(RULES).fold(scene.stream(waits=True)):
        lives.setdefault(one.id, []).append(one)
    for fired, *cleared in lives.values():
        assert fired.cleared_at is None
        assert fired.since <= fired.fired_at
        assert len(cleared) <= 1
        assert all(one.cleared_at is not None for one in cleared)
        assert all((one.cleared_at or 0) >= one.fired_at for one in cleared)
