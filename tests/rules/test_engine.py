"""The engine beyond the sentences: what incidents carry, counts, labels that change, reloads."""

from dataclasses import replace

import numpy as np
import pytest

from citypatrol.records import ModeSwitched, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.comparison import Comparison, Limit
from rules.engine import Engine
from rules.incidents import Incident, TicketSpec, incident_id
from rules.ruleset import Rule, RuleSet, When
from tests.rules.story import DAY, WAYS, one_rule, outcome, records, ruleset

ABOVE = "when: {above: 15}"


def fold(words: str, story: str) -> list[Incident]:
    return Engine(one_rule(words)).fold(records(story))


def test_what_an_incident_carries() -> None:
    words = (
        "when: {above: 15}, severity: critical, group: gateway, "
        "ticket: {category: road.flooding, title: Flood, ack: 5m}"
    )
    fired, cleared = fold(words, "seen a name=First gateway=g1 \n3 a x 16 ab12 \n4 a x 2 cd34")
    assert fired == Incident(
        id=incident_id("r", "a", "x", DAY + 3000),
        rule="r",
        source="a",
        metric="x",
        since=DAY + 3000,
        fired_at=DAY + 3000,
        value=16.0,
        severity="critical",
        group="g1",
        evidence="ab12",
        labels={"name": "First", "gateway": "g1"},
        ticket=TicketSpec("road.flooding", "Flood", ack=300_000),
    )
    assert cleared == replace(fired, cleared_at=DAY + 4000, after="cd34")


def test_group_only_passes_the_label_on() -> None:
    story = "seen a gateway=g1 \nseen b gateway=g1 \nseen c \n0 a x 16 \n0 b x 16 \n0 c x 16"
    found = fold("when: {above: 15}, group: gateway", story)
    assert [(one.source, one.group) for one in found] == [("a", "g1"), ("b", "g1"), ("c", None)]


@pytest.mark.parametrize("when", ["above: 15", "missing: 9s"])
def test_of_one_instant_the_first_source_by_name_comes_first(when: str) -> None:
    """It gives the group's ticket its place, whichever was heard first."""
    story = "0 c x 16 \n0 a x 16 \n0 b x 16 \n| 30"
    assert [one.source for one in fold(f"when: {{{when}}}", story)] == ["a", "b", "c"]


def test_a_gateway_joins_the_group_of_those_behind_it() -> None:
    spec = "ticket: {category: c, title: t"
    rules = ruleset(
        f"""rules:
          - {{name: r, select: {{metric: x}}, when: {{above: 15}}, group: gateway, {spec}}}}}
          - {{name: will, select: {{metric: online}}, when: {{below: 1}}, group: gateway,
              {spec}, joins: r}}}}"""
    )
    story = "seen a gateway=g1 \nseen b gateway=g1 \n0 a x 16 \n0 g1 online 0 \n0 b online 0"
    found = Engine(rules).fold(records(story))
    assert {(one.source, one.group) for one in found} == {("a", "g1"), ("g1", "g1"), ("b", "g1")}


AFTER = {
    "of the sample that clears": ("0 a x 16 \n1 a x 2 one \n6 a x 2 two", "two"),
    "the newest of the clear time": ("0 a x 16 \n1 a x 2 one \n2 a x 2 two \n6 a x 2", "two"),
    "where a timer ends it": ("0 a x 16 \n1 a x 2 one \n| 9", "one"),
    "not from before the clear time": ("0 a x 16 one \n1 a x 16 two \n2 a x 2 \n7 a x 2", None),
    "not from a clear time that broke": (
        "0 a x 16 \n1 a x 2 one \n2 a x 16 \n3 a x 2 \n8 a x 2",
        None,
    ),
}


@pytest.mark.parametrize(("story", "after"), AFTER.values(), ids=AFTER)
def test_the_picture_after(story: str, after: str | None) -> None:
    words = "when: {above: 15}, clear: {below: 10, for: 5s}"
    cleared = fold(words, f"seen a \n{story}")[-1]
    assert cleared.cleared_at is not None
    assert cleared.after == after


EVIDENCE = {
    "of the sample that fires": ("0 a x 16 one \n10 a x 16 two", "two"),
    "the newest since it began": ("0 a x 16 one \n5 a x 16 two \n10 a x 16", "two"),
    "not from before": ("0 a x 16 one \n1 a x 2 two \n2 a x 16 \n12 a x 16", None),
    "not a later one": ("0 a x 16 one \n11 a x 16 two", "one"),
    "when a tick fires": ("0 a x 16 one \n1 a x 16 two \n| 10 \n11 a x 16 three", "two"),
    "of one too late for the tick": (
        "seen a lateness=2 \n| 6 \n5 a x 16 one \n| 7 \n4 a x 16 two \n15 a x 16",
        "one",
    ),
    "of another series": ("0 b x 2 one \n0 a x 16 \n10 a x 16", None),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("unless", ["", ", unless: {metric: fault, above: 0}"], ids=["", "unless"])
@pytest.mark.parametrize("name", EVIDENCE)
def test_evidence(name: str, unless: str, way: str) -> None:
    story, sha = EVIDENCE[name]
    rules = one_rule("when: {above: 15, for: 10s}" + unless)
    (fired,) = WAYS[way](rules, records(story + "\n| 60"))
    assert fired.evidence == sha


def test_evidence_while_samples_wait() -> None:
    story = "seen a lateness=30 \n5 a x 16 two \n0 a x 16 one \n10 a x 16 \n| 90"
    (fired,) = fold("when: {above: 15, for: 7s}", story)
    assert fired.evidence == "two"


COUNTS = {
    "late": ("5 a x 1 \n4 a x 16 \n3 a x 1", 2, 0),
    "late in one batch with others": ("5 a x 1 \n6 b x 1 \n4 a x 16 \n7 b x 2", 1, 0),
    "the same again": ("5 a x 1 \n5 a x 1", 0, 0),
    "a conflict": ("5 a x 1 \n5 a x 2", 0, 1),
    "both, with lateness": ("seen a lateness=9 \n20 a x 1 \n20 a x 2 \n10 a x 1 \n11 a x 1", 1, 1),
    "the same while it waits": ("seen a lateness=9 \n20 a x 1 \n18 a x 2 \n18 a x 2", 0, 0),
    "against a judged one": ("seen a lateness=9 \n| 1 \n1 a x 1 \n| 99 \n1 a x 2 \n0 a x 1", 1, 1),
    "of a metric that no rule reads": ("5 a other 1 \n4 a other 1 \n5 a other 3", 1, 1),
}


@pytest.mark.parametrize("way", ["records", "one batch"])
@pytest.mark.parametrize("name", COUNTS)
def test_late_and_conflicting_samples_are_counted(name: str, way: str) -> None:
    story, late, conflicts = COUNTS[name]
    engine = Engine(one_rule(ABOVE))
    stream = records(story)
    for part in [stream] if way == "one batch" else [[one] for one in stream]:
        engine.fold(part)
    assert (engine.late, engine.conflicts) == (late, conflicts)


def test_alarms_by_state() -> None:
    engine = Engine(
        ruleset(
            "rules:\n"
            "  - {name: hot, select: {metric: x, where: {kind: k}}, when: {above: 15, for: 60s}}\n"
            "  - {name: gone, select: {metric: '*'}, when: {missing: 10m}}\n"
        )
    )
    story = """
        seen a kind=k \n seen b kind=k stale=30 \n seen c kind=k
        seen d kind=other \n seen e kind=k
        0 a x 16 \n 0 b x 16 \n 0 c x 1 \n 0 d x 16
    """
    engine.fold(records(story + "| 10"))
    both = {("gone", "ok"): 4, ("gone", "pending"): 0, ("gone", "firing"): 0}
    assert engine.alarms() == {("hot", "ok"): 1, ("hot", "pending"): 2, ("hot", "firing"): 0} | both
    engine.fold(records("| 61"))
    assert engine.alarms() == {("hot", "ok"): 2, ("hot", "pending"): 0, ("hot", "firing"): 1} | both
    engine.fold(records("| 600"))
    assert engine.alarms()["gone", "firing"] == 4


def test_a_clock_that_is_set_back_waits() -> None:
    story = "0 a x 1 \n| 100 \n| 50 \n60 a x 16 \n| 99 \n| 120"
    assert outcome(fold("when: {above: 15, for: 45s}", story)) == [
        "a x since 60 fired 105 value 16"
    ]


def test_other_records_change_nothing() -> None:
    engine = Engine(one_rule(ABOVE))
    assert engine.fold([ModeSwitched(DAY, "flood"), Batch.of([])]) == []
    assert engine.judged is None
    engine.fold([Tick(DAY)])
    assert engine.judged == DAY


def test_a_source_that_nobody_announced_has_the_defaults() -> None:
    words = "when: {above: 15, for: 7199s}"
    assert outcome(fold(words, "0 a x 16 \n| 7300")) == ["a x since 0 fired 7199 value 16"]
    assert fold("when: {above: 15, for: 7200s}", "0 a x 16 \n| 7300") == []


def test_an_empty_rule_set_judges_nothing() -> None:
    engine = Engine(RuleSet())
    assert engine.fold(records("0 a x 16 \n| 99")) == []
    assert engine.alarms() == {}


def test_a_rule_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="rule 'r': a condition on every metric can only be"):
        Engine(RuleSet((Rule("r", "*", When(Comparison("above", low=Limit(1.0)))),)))


def test_the_stopwatch_sums_by_rule() -> None:
    at = iter(range(1000))
    engine = Engine(one_rule("when: {above: 15, for: 1s}"), stopwatch=lambda: next(at))
    engine.fold(records("0 a x 1"))
    assert engine.seconds == {}, "a rule that need not look takes no time"
    engine.fold(records("1 a x 16 \n| 2"))
    assert engine.seconds == {"r": 2}  # one for the batch, one for the tick


def test_many_records_of_one_call_are_folded_in_pieces() -> None:
    """More than an engine takes at once; the cut changes nothing."""
    count = 120_000
    names = tuple(f"s{n}" for n in range(count))
    code = np.arange(count, dtype=np.int32)
    zero = np.zeros(count, np.int32)

    def batch(second: int, value: float) -> Batch:
        ts = np.full(count, DAY + 1000 * second)
        return Batch(names, code, ("x",), zero, ts, np.where(code == 7, value, 1.0))

    stream = [batch(0, 16.0), batch(1, 17.0), batch(2, 1.0), Tick(DAY + 9000)]
    found = Engine(one_rule("when: {above: 15, at_least: 2 samples}")).fold(stream)
    assert outcome(found) == ["s7 x since 0 fired 1 cleared 2 value 17"]


def test_names_that_no_row_uses_are_no_sources() -> None:
    engine = Engine(one_rule("select: {metric: '*'}, when: {missing: 1m}"))
    one = Batch.of([Sample("a", "x", DAY, 1.0)])
    engine.fold([replace(one, sources=("a", "ghost"), metrics=("x", "ghost")), Tick(DAY + 60_000)])
    assert engine.alarms()["r", "firing"] == 1
    assert len(Engine(engine.rules).fold([SourceSeen(DAY, "ghost", {}, 0, 1), Tick(DAY)])) == 0


def test_silence_of_every_metric_passes_over_the_citys_own_series() -> None:
    """Counts of a category that nobody files any more end, and no device has fallen ill."""
    own = "citypatrol/ticket/road.flooding/major/flood/d/open"
    told = Batch.of([Sample(own, "ticket.open", DAY, 1.0), Sample("a", "x", DAY, 1.0)])
    stream = [told, Tick(DAY + 60_000)]
    star = Engine(one_rule("select: {metric: '*'}, when: {missing: 1m}")).fold(stream)
    assert [one.source for one in star] == ["a"]
    asked = Engine(one_rule("select: {metric: ticket.open}, when: {missing: 1m}")).fold(stream)
    assert [one.source for one in asked] == [own], "who names the metric means it"


def test_a_source_may_have_as_many_slashes_as_it_likes() -> None:
    deep = "/".join("x" * 3000)
    engine = Engine(one_rule("select: {metric: '*'}, when: {missing: 1m}"))
    found = engine.fold([Batch.of([Sample(deep, "x", DAY, 1.0)]), Tick(DAY + 60_000)])
    assert [one.source for one in found] == [deep]
    again = Engine.restore(engine.rules, engine.snapshot())
    assert again.fold([Tick(DAY + 61_000)]) == []
    assert again.alarms()["r", "firing"] == 1


def test_pieces_of_one_table_share_their_names() -> None:
    """Also where a name is used in a later piece first."""
    names = ("a", "b", "c")

    def piece(code: int, second: int) -> Batch:
        one = np.zeros(1, np.int32)
        ts, value = np.array([DAY + 1000 * second]), np.array([16.0])
        return Batch(names, one + code, ("x",), one, ts, value)

    engine = Engine(one_rule(ABOVE))
    found = engine.fold([piece(0, 0)]) + engine.fold([piece(2, 1), piece(1, 2), piece(2, 3)])
    assert [one.source for one in found] == ["a", "c", "b"]
