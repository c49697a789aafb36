"""The fast engine is held to the plain one: the same records, the same incidents.

``CITYPATROL_EXAMPLES=20000 pytest tests/rules/test_equal_reference.py`` looks longer.
"""

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.incidents import Incident
from rules.ruleset import RuleSet
from tests.rules.reference import Reference
from tests.rules.scenes import (
    LABELS,
    START,
    Scene,
    cuts,
    merged,
    prompt_streams,
    retold,
    rough_streams,
    rules,
    scenes,
    tardy_streams,
    told,
)
from tests.rules.story import ruleset

Rules = Sequence[dict[str, Any]]

often = settings(
    max_examples=int(os.environ.get("CITYPATROL_EXAMPLES", "100")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Event(NamedTuple):
    """What must be the same; times in milliseconds from the start of the stream."""

    id: str
    rule: str
    source: str
    metric: str
    since: int
    fired: int
    cleared: int | None
    value: float
    group: str | None
    evidence: str | None


@lru_cache(maxsize=4096)
def compiled(text: str) -> RuleSet:
    return ruleset(text)  # JSON is YAML 1.2


def events(incidents: Sequence[Incident]) -> list[Event]:
    found = [
        Event(
            one.id,
            one.rule,
            one.source,
            one.metric,
            one.since - START,
            one.fired_at - START,
            one.cleared_at - START if one.cleared_at is not None else None,
            one.value,
            one.group,
            one.evidence,
        )
        for one in incidents
    ]
    return sorted(found, key=str)


def by_reference(rules: Rules, records: Sequence[Record]) -> list[Event]:
    return events(Reference(rules).fold(records))


def by_engine(
    rules: Rules,
    records: Sequence[Record],
    *,
    calls: Sequence[int] = (),
    restarts: Sequence[int] = (),
) -> list[Event]:
    """``calls``: where one call of ``fold`` ends; at ``restarts`` the engine is a new one."""
    in_force = compiled(json.dumps({"rules": rules}))
    engine = Engine(in_force)
    incidents: list[Incident] = []
    for start, end in pairwise(sorted({0, *calls, *restarts, len(records)})):
        if start in restarts:
            engine = Engine.restore(in_force, engine.snapshot())
        incidents += engine.fold(records[start:end])
    return events(incidents)


def same(found: list[Event], expected: list[Event], *, of: Rules, stream: Sequence[Record]) -> None:
    """Says in few lines what differs."""
    if found != expected:
        more = [event for event in found if event not in expected]
        less = [event for event in expected if event not in found]
        message = f"\nrules: {of}\nstream: {told(stream)}\ntoo much: {more}\nmissing: {less}"
        raise AssertionError(message)


@often
@given(rule=rules(), scene=scenes(), data=st.data())
def test_rough_streams_give_the_same(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    """Late, doubled and conflicting samples; restarts and other batches change nothing."""
    stream = data.draw(rough_streams(scene))
    expected = by_reference([rule], stream)
    calls, restarts = data.draw(cuts(len(stream))), data.draw(cuts(len(stream)))
    same(by_engine([rule], stream), expected, of=[rule], stream=stream)
    again = by_engine([rule], stream, calls=calls, restarts=restarts)
    same(again, expected, of=[rule], stream=stream)
    same(by_engine([rule], merged(stream)), expected, of=[rule], stream=stream)


@often
@given(rule=rules(), scene=scenes(), data=st.data())
def test_any_order_within_lateness_gives_the_same(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    """Decision 4's promise, whenever the ticks come."""
    one, other = data.draw(prompt_streams(scene)), data.draw(prompt_streams(scene))
    expected = by_reference([rule], one)
    same(by_reference([rule], other), expected, of=[rule], stream=other)
    same(by_engine([rule], one), expected, of=[rule], stream=one)
    same(by_engine([rule], merged(other)), expected, of=[rule], stream=other)


@often
@given(several=st.tuples(*(rules(name=f"r{n}") for n in range(3))), data=st.data())
def test_rules_do_not_touch_each_other(
    several: tuple[dict[str, Any], ...], data: st.DataObject
) -> None:
    stream = data.draw(scenes().flatmap(rough_streams))
    together = by_engine(several, stream, restarts=data.draw(cuts(len(stream))))
    alone = sorted((e for rule in several for e in by_engine([rule], stream)), key=str)
    same(together, alone, of=several, stream=stream)


@often
@given(rule=rules(steady=True), scene=scenes(stale=[7_200_000]), data=st.data())
def test_samples_that_ticks_have_overtaken(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    """A sample in time by its series and behind a tick is judged by its own time; what fired or
    cleared before it came stays. (Whether a death or a silence between the two broke a timer is
    not decided: values live long here, and silences clear at once.)"""
    stream = data.draw(tardy_streams(scene))
    same(by_engine([rule], stream), by_reference([rule], stream), of=[rule], stream=stream)


@often
@given(rule=rules(), scene=scenes(), data=st.data())
def test_alarms_lead_one_life_after_the_other(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    """Whatever comes: fired, then cleared, never twice at once; and no batch or restart counts."""
    stream = data.draw(tardy_streams(scene))
    in_force = compiled(json.dumps({"rules": [rule]}))
    engine = Engine(in_force)
    open_now: dict[tuple[str, str], Incident] = {}
    for record in stream:
        for event in engine.fold([record]):
            key = (event.source, event.metric)
            if event.cleared_at is None:
                assert key not in open_now, told(stream)
                assert event.since <= event.fired_at, told(stream)
                open_now[key] = event
            else:
                assert open_now.pop(key).id == event.id, told(stream)
                assert event.cleared_at >= event.fired_at, told(stream)
    expected = by_engine([rule], stream)
    restarts = data.draw(cuts(len(stream)))
    same(by_engine([rule], stream, restarts=restarts), expected, of=[rule], stream=stream)
    same(by_engine([rule], merged(stream)), expected, of=[rule], stream=stream)


def test_a_stream_can_be_told_and_told_again() -> None:
    stream = [
        SourceSeen(START, "cam/north", LABELS["cam/north"], 1000, 2000),
        Tick(START - 1),
        Batch.of([Sample("cam/north", "x", START + 500, 2.0)]),
        Tick(START + 2500),
    ]
    text = told(stream)
    assert text == "cam/north(L1000 S2000) T-1 cam/north.x@500=2 T2500"
    assert told(retold(text)) == text
    assert retold(text)[0] == stream[0]


SILENT_UNLESS = {
    "name": "r",
    "select": {"metric": "x"},
    "when": {"missing": "1s"},
    "unless": {"metric": "fault", "above": 1},
}

FOUND = [
    # A tick closed an instant before the lateness of its samples was over.
    pytest.param(
        {"name": "r", "select": {"metric": "y"}, "when": {"above": 1, "at_least": "2 samples"}},
        "a(L1000 S2000) T1999 a.y@2500=2 T2999 a.y@2000=2 T3999 T19999",
        [(2000, 2500, None)],
        id="a sample waits for older ones until its own time plus lateness",
    ),
    # A silence kept quiet by a veto began at the veto's end.
    pytest.param(
        SILENT_UNLESS,
        "cam(L0 S2000) cam/north(L0 S2000) T-1 cam.fault@0=2 cam/north.x@0=0 T999 T1999 T2999",
        [(1000, 1000, None)],
        id="a silence is told from where it began",
    ),
    # The reference: a veto that came late let a silence clear and begin again.
    pytest.param(
        SILENT_UNLESS,
        "cam(L0 S2000) cam/north(L0 S2000) T-1 cam/north.x@0=0 T1999 cam.fault@0=0 T2999",
        [(1000, 1000, None)],
        id="a veto that comes late says nothing of what is judged",
    ),
    # A sample that a tick had overtaken cleared an incident before it fired.
    pytest.param(
        {"name": "r", "select": {"metric": "x"}, "when": {"missing": "1s"}},
        "a(L0 S2000) T2999 a.x@3500=0 T4999 a.x@4000=0 T4999",
        [(4500, 4500, None), (4500, 4500, 4500)],
        id="nothing clears before it fired",
    ),
]


@pytest.mark.parametrize(("rule", "stream", "lives"), FOUND)
def test_what_was_found(
    rule: dict[str, Any], stream: str, lives: list[tuple[int, int, int | None]]
) -> None:
    records = retold(stream)
    for found in (by_reference([rule], records), by_engine([rule], records)):
        assert sorted([(e.since, e.fired, e.cleared) for e in found], key=str) == sorted(
            lives, key=str
        )
