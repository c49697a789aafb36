"""Joined rules: the fast engine is held to the plain one, whatever comes and in whatever order."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.incidents import Incident
from tests.rules.reference_joins import JoinReference
from tests.rules.scenes import (
    START,
    STEP,
    Scene,
    cuts,
    durations,
    gaps,
    limits,
    merged,
    prompt_streams,
    rough_streams,
    scenes,
    tardy_streams,
    thresholds,
    told,
    values,
)
from tests.rules.test_equal_reference import compiled

Rules = Sequence[dict[str, Any]]
SITES = {"a": "s", "b": "s", "cam": "t", "cam/north": "t"}
MINUTE_AT_TEN_SECONDS = 30_000
"""Moves the scene so that the minute, where ``during`` may change, lies in its middle."""

often = settings(
    max_examples=int(os.environ.get("CITYPATROL_EXAMPLES", "40")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def parts(draw: st.DrawFn, *, depth: int) -> dict[str, Any]:
    word = draw(st.sampled_from(["leaf", "leaf", "all", "any", "not"] if depth else ["leaf"]))
    if word == "not":
        return {"not": draw(parts(depth=depth - 1))}
    if word in ("all", "any"):
        return {word: draw(st.lists(parts(depth=depth - 1), min_size=1, max_size=3))}
    if draw(st.integers(0, 5)) == 0:
        part: dict[str, Any] = {"missing": draw(gaps)}
    else:
        easy = limits.map(lambda n: {"above": n - 1}) | limits.map(lambda n: {"below": n + 1})
        part = draw(easy | easy | thresholds())
    if draw(st.booleans()):
        part["metric"] = draw(st.sampled_from(["x", "y", "fault"]))
    if draw(st.integers(0, 3)) == 0:
        part["site"] = draw(st.sampled_from(["any", "all"]))
        if draw(st.booleans()):
            part["where"] = {"kind": draw(st.sampled_from(["plain", "camera"]))}
    return part


def turned(when: dict[str, Any]) -> dict[str, Any]:
    """A threshold for ``clear`` that has nothing in common with this one."""
    if isinstance(when.get("above"), int):
        return {"below": when["above"]}
    return {"above": when["below"]} if isinstance(when.get("below"), int) else {}


@st.composite
def joined(draw: st.DrawFn) -> dict[str, Any]:
    """Half of them are one comparison, beside hours or steps."""
    alone = draw(st.booleans())
    word = draw(st.sampled_from(["all", "any", "any"]))
    when: dict[str, Any] = (
        draw(thresholds())
        if alone
        else {word: draw(st.lists(parts(depth=2), min_size=1, max_size=3))}
    )
    rule: dict[str, Any] = {"name": "r", "select": {"metric": draw(st.sampled_from("xxy"))}}
    if draw(st.booleans()):
        when["for"] = draw(durations)
    if draw(st.integers(0, 3)) == 0:
        when["at_least"] = draw(st.sampled_from(["2 samples", "3 samples"]))
    rule["when"] = when
    if draw(st.integers(0, 4)) == 0:
        rule["stale"] = draw(gaps)
    if draw(st.booleans()):
        clear = turned(when) if alone else draw(thresholds())
        rule["clear"] = draw(st.sampled_from([{}, clear])) | {"for": draw(durations)}
    if draw(st.integers(0, 4)) == 0:
        rule["unless"] = {
            "metric": "fault",
            draw(st.sampled_from(["above", "below"])): draw(limits),
        }
    if draw(st.integers(0, 4)) == 0 or (alone and draw(st.booleans())):
        spans = draw(st.sampled_from([["22:14-22:15"], ["22:00-22:14"], ["23:00-22:14"]]))
        rule["during"] = {"time": spans}
    if draw(st.integers(0, 2)) == 0 or (alone and "during" not in rule):
        rule["severity"] = [{"above": 1, "is": "minor"}, {"above": 3, "is": "critical"}]
    return rule


SERIES = [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x"), ("cam/north", "x"), ("cam", "fault")]


@st.composite
def busy(draw: st.DrawFn, *, stale: Sequence[int] = (2000, 5000, 7_200_000)) -> Scene:
    """Many samples of few series."""
    scene = draw(scenes(stale=stale))
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(SERIES), st.integers(0, 40), values),
            min_size=12,
            max_size=30,
            unique_by=lambda one: (one[0], one[1]),
        )
    )
    samples = [
        Sample(*key, START + n * STEP, value, f"{n:02}" * 32 if value > 2 else None)
        for key, n, value in drawn
    ]
    return Scene(scene.sources, tuple(samples))


def moved(records: Sequence[Record]) -> list[Record]:
    """The same a little later, on sites."""
    found: list[Record] = []
    for record in records:
        if isinstance(record, Batch):
            samples = record.samples()
            found.append(Batch.of([s._replace(ts=s.ts + MINUTE_AT_TEN_SECONDS) for s in samples]))
        elif isinstance(record, SourceSeen):
            found.append(replace(record, labels={**record.labels, "site": SITES[record.source]}))
        elif isinstance(record, Tick):
            found.append(Tick(record.ts + MINUTE_AT_TEN_SECONDS))
    return found


def events(incidents: Sequence[Incident]) -> list[tuple[Any, ...]]:
    """In order of their saying, for each alarm."""
    found = [
        (i.source, i.since, i.fired_at, i.cleared_at, i.value, i.severity, i.evidence, i.id)
        for i in incidents
    ]
    return sorted(found, key=lambda event: event[0])


def by_engine(
    rules: Rules, records: Sequence[Record], *, restarts: Sequence[int] = ()
) -> list[tuple[Any, ...]]:
    in_force = compiled(json.dumps({"rules": list(rules)}))
    engine, said = Engine(in_force), []
    for at, record in enumerate(records):
        if at in restarts:
            engine = Engine.restore(in_force, engine.snapshot())
        said += engine.fold([record])
    return events(said)


def same(rule: dict[str, Any], stream: Sequence[Record], restarts: Sequence[int] = ()) -> None:
    expected = events(JoinReference([rule]).fold(stream))
    found = by_engine([rule], stream, restarts=restarts)
    assert found == expected, f"\nrule: {rule}\nstream: {told(stream)}"


@often
@given(rule=joined(), scene=busy(), data=st.data())
def test_rough_streams_give_the_same(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    """Late, doubled and conflicting samples; restarts and other batches change nothing."""
    stream = moved(data.draw(rough_streams(scene)))
    same(rule, stream)
    same(rule, stream, data.draw(cuts(len(stream))))
    same(rule, merged(stream))


@often
@given(rule=joined(), scene=busy(), data=st.data())
def test_any_order_within_lateness_gives_the_same(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    one, other = (moved(data.draw(prompt_streams(scene))) for _ in range(2))
    same(rule, one)
    assert by_engine([rule], one) == by_engine([rule], merged(other)), told(other)


@often
@given(rule=joined(), scene=busy(stale=[7_200_000]), data=st.data())
def test_samples_that_ticks_have_overtaken(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    """RULES 3 and 4 leave open from when they count: whatever it is, a replay says the same."""
    stream = moved(data.draw(tardy_streams(scene)))
    said = by_engine([rule], stream)
    assert said == by_engine([rule], stream, restarts=data.draw(cuts(len(stream)))), told(stream)
    assert said == by_engine([rule], merged(stream)), told(stream)
