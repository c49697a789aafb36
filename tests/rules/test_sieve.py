"""Many rules over one metric stand behind one sieve: no rule misses what it alone would see."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from tests.rules.reference import Reference
from tests.rules.story import DAY, outcome, ruleset
from tests.rules.test_equal_reference import events, often

LIMITS = st.sampled_from([-1, 0, 1, 2, 3])
VALUES = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 5e-324, 1.0, 2.0, 2.5, 3.0, 4.0])
LABELS: dict[str, dict[str, str]] = {"a": {"lim": "1"}, "b": {"lim": "2.5", "zone": "n"}, "c": {}}


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    word = draw(st.sampled_from(["above", "below", "between", "outside", "equals", "label"]))
    limit = draw(LIMITS)
    if word in ("between", "outside"):
        return {word: [limit, limit + draw(st.integers(0, 2))]}
    if word == "label":
        default = draw(st.sampled_from([{}, {"default": 2}]))
        return {draw(st.sampled_from(["above", "below"])): {"label": "lim", **default}}
    return {word: limit}


@st.composite
def rules(draw: st.DrawFn, *, name: str) -> dict[str, Any]:
    times = draw(st.sampled_from([{}, {}, {"for": "2s"}, {"at_least": "2 samples"}]))
    window = draw(st.sampled_from([{}, {}, {}, {"max": "3s"}, {"rate": "3s"}]))
    where = draw(st.sampled_from([{}, {}, {"where": {"zone": "n"}}]))
    found = {
        "name": name,
        "select": {"metric": "x", **where},
        "when": {**window, **draw(comparisons()), **times},
    }
    if draw(st.booleans()):
        found["clear"] = {"for": draw(st.sampled_from(["0s", "2s"]))}
    return found


@st.composite
def streams(draw: st.DrawFn) -> list[Record]:
    stream: list[Record] = [
        SourceSeen(DAY, name, labels, 0, 7_200_000) for name, labels in LABELS.items()
    ]
    at = DAY
    for _ in range(draw(st.integers(1, 12))):
        rows = draw(st.lists(st.tuples(st.sampled_from("abc"), VALUES), min_size=1, max_size=4))
        stream.append(Batch.of([Sample(s, "x", at + n, v) for n, (s, v) in enumerate(rows)]))
        at += 1000
        stream.append(Tick(at))
    return stream


@often
@given(several=st.tuples(*(rules(name=f"r{n}") for n in range(6))), stream=streams())
def test_many_rules_behind_one_sieve(
    several: tuple[dict[str, Any], ...], stream: list[Record]
) -> None:
    engine = Engine(ruleset(json.dumps({"rules": several})))
    assert events(engine.fold(stream)) == events(Reference(several).fold(stream))


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("when: {above: {label: lim, default: 5}}", id="threshold by label"),
        pytest.param("when: {max: 1m, above: 5}", id="window"),
        pytest.param(
            "when: {above: 5}, severity: [{above: 5, is: minor}, {above: 20, is: major}]",
            id="steps",
        ),
        pytest.param("when: {above: 5}, unless: {metric: y, above: 0}", id="unless"),
        pytest.param("when: {any: [{above: {label: lim, default: 5}}]}", id="joined"),
    ],
)
def test_a_rule_that_selects_its_first_source_late(words: str) -> None:
    """Hundreds of others were there before; they are none of its business then, nor harm it."""
    names = [f"s{number:03}" for number in range(200)]
    select = "select: {metric: x, where: {zone: z}}"
    late = f"  - {{name: late, {select}, {words}}}\n"
    others = "  - {name: all, select: {metric: x}, when: {above: 50}}\n"
    engine = Engine(ruleset("rules:\n" + late + others))
    engine.fold([SourceSeen(DAY, name, {}, 0, 7_200_000) for name in names])
    engine.fold([Batch.of([Sample(name, "x", DAY, 1.0) for name in names]), Tick(DAY + 1000)])
    engine.fold([SourceSeen(DAY, "s003", {"zone": "z"}, 0, 7_200_000)])
    told = [Sample("s003", "x", DAY + 2000, 10.0), Sample("s150", "x", DAY + 2000, 60.0)]
    found = engine.fold([Batch.of(told), Tick(DAY + 3000)])
    assert {(one.rule, one.source) for one in found} == {("late", "s003"), ("all", "s150")}
    assert all("fired 2 " in line for line in outcome(found))
