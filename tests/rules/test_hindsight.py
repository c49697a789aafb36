"""The past judged in order of time, in pieces of any size, gives what was judged live."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.announced import Announced
from rules.engine import Engine
from rules.hindsight import Hindsight, metrics_of
from rules.incidents import Incident, instant
from tests.rules.scenes import END, START, Scene, prompt_streams, rules, scenes
from tests.rules.story import DAY, line, one_rule, outcome, ruleset

NAMES = ("a", "b", "cam", "cam/north")
METRICS = ("x", "y", "fault", "online")


def nobody(names) -> Announced:
    return Announced([], {}, np.empty(0, np.int64))


def batch(samples: list[Sample]) -> Batch:
    """All pieces of a history share their names."""
    found = Batch.of(samples)
    return Batch(
        sources=NAMES,
        source=_codes(found.sources, found.source, NAMES),
        metrics=METRICS,
        metric=_codes(found.metrics, found.metric, METRICS),
        ts=found.ts,
        value=found.value,
    )


def _codes(names, codes, into):
    return np.array([into.index(names[code]) for code in codes.tolist()], np.int32)


def events(incidents: list[Incident]) -> list[tuple[str, str]]:
    return sorted((one.rule, line(one)) for one in incidents if instant(one) <= END - 10_000)


@given(st.data(), scenes(), st.lists(rules(), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_it_gives_what_was_judged_live(data: st.DataObject, scene: Scene, drawn: list) -> None:
    named = [{**rule, "name": f"r{at}"} for at, rule in enumerate(drawn)]
    judged = ruleset(f"rules: {named!r}".replace("None", "null").replace("True", "true"))
    live = Engine(judged).fold([*data.draw(prompt_streams(scene)), Tick(END + 10_000)])
    hindsight = Hindsight(judged, introduce=nobody, first=scene.sources)
    samples = sorted(scene.samples, key=lambda one: one.ts)
    cuts = sorted(data.draw(st.sets(st.sampled_from([s.ts for s in samples]))) if samples else [])
    found: list[Incident] = []
    for begin, end in zip([START - 1, *cuts], [*cuts, END], strict=True):
        part = [one for one in samples if begin <= one.ts < end]
        found += hindsight.judge(batch(part), before=end)
    found += hindsight.end(END)
    assert events(found) == events(live)


def test_labels_hold_from_when_they_were_said() -> None:
    seen = [SourceSeen(DAY + at, "a", {"limit": limit}, 0, 7_200_000) for at, limit in
            ((0, "1"), (30_000, "9"), (90_000, "1"))]  # fmt: skip
    hindsight = Hindsight(
        one_rule("when: {above: {label: limit}}"),
        introduce=nobody,
        first=seen[:1],
        later=seen[1:],
    )
    samples = [Sample("a", "x", DAY + at, 5.0) for at in (20_000, 30_000, 40_000)]
    said = hindsight.judge(batch(samples), before=DAY + 50_000)
    assert outcome([*said, *hindsight.end(DAY + 60_000)]) == [
        "a x since 20 fired 20 cleared 30 value 5"
    ]
    said = hindsight.judge(batch([Sample("a", "x", DAY + 95_000, 6.0)]), before=DAY + 96_000)
    assert outcome(said) == ["a x since 95 fired 95 value 6"]


def test_a_timer_that_ends_among_the_samples_is_told_with_them() -> None:
    """Time has come as far as the newest sample: not only when the next ones are judged."""
    hindsight = Hindsight(one_rule("when: {above: 1, for: 60s}"), introduce=nobody)
    samples = [Sample("a", "x", DAY, 5.0), Sample("b", "x", DAY + 60_000, 0.0)]
    said = hindsight.judge(batch(samples), before=DAY + 60_001)
    assert outcome(said) == ["a x since 0 fired 60 value 5"]
    assert hindsight.judge(batch([]), before=DAY + 3_600_000) == []
    assert hindsight.end(DAY + 3_600_000) == []


def test_sources_are_introduced_once_and_those_that_were_said_not_at_all() -> None:
    asked: list[list[str]] = []

    def introduce(names):
        asked.append(list(names))
        return Announced(names, {"kind": ["k"] * len(names)}, np.full(len(names), 7_200_000))

    hindsight = Hindsight(
        one_rule("select: {metric: x, where: {kind: k}}, when: {above: 1}"),
        introduce=introduce,
        first=[SourceSeen(DAY, "b", {}, 0, 7_200_000)],
    )
    two = [Sample("a", "x", DAY, 2.0), Sample("b", "x", DAY, 2.0)]
    said = hindsight.judge(batch(two), before=DAY + 1)
    said += hindsight.judge(batch([Sample("a", "x", DAY + 1, 0.0)]), before=DAY + 2)
    assert outcome(said) == ["a x since 0 fired 0 cleared 0.001 value 2"]
    assert asked == [["a", "cam", "cam/north"]]


def test_which_metrics_are_read() -> None:
    assert metrics_of(one_rule("when: {above: 1}")) == {"x"}
    assert metrics_of(one_rule("when: {above: 1}, unless: {metric: f, above: 0}")) == {"x", "f"}
    assert metrics_of(one_rule("select: {metric: '*'}, when: {missing: 1s}")) is None


NAMED = st.lists(
    st.sampled_from(["a", "b", "cam", "cam/north", "cam/x/y", "lamp-1"]), unique=True, max_size=6
)
CELL = st.sampled_from([None, "", "k", "é", '"', "12"])


@given(NAMED, NAMED, st.data())
@settings(max_examples=100, deadline=None)
def test_many_at_once_are_as_one_by_one(known: list[str], names: list[str], data) -> None:
    columns = {label: [data.draw(CELL) for _ in names] for label in ("kind", "limit", "z")}
    stale = np.array([data.draw(st.integers(1, 9)) for _ in names], np.int64)
    announced = Announced(names, columns, stale)
    rules = one_rule("select: {metric: x, where: {kind: k}}, when: {above: {label: limit}}")
    both = Engine(rules), Engine(rules)
    for engine in both:
        engine.fold([SourceSeen(0, name, {"kind": "q"}, 0, 5) for name in known])
    both[0].introduce(announced)
    both[1].fold([announced.one(row) for row in range(len(names))])
    samples = Batch.of([Sample(name, "x", DAY, 5.0) for name in [*names, *known]])
    said = [sorted(map(line, engine.fold([samples, Tick(DAY + 1000)]))) for engine in both]
    assert said[0] == said[1]
    sources = [engine._state.sources for engine in both]
    assert sorted(sources[0].names) == sorted(sources[1].names)
    for name in sources[0].names:
        here, there = ((one, one.number(name)) for one in sources)
        assert here[0].labels(here[1]) == there[0].labels(there[1])
        assert here[0].stale.data[here[1]] == there[0].stale.data[there[1]]
        assert here[0].lateness.data[here[1]] == there[0].lateness.data[there[1]] == 0
        assert (
            here[0].names[here[0].parent.data[here[1]]]
            == there[0].names[there[0].parent.data[there[1]]]
        )
