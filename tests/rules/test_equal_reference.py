"""The fast engine is held to the plain one: the same records, the same incidents.

``CITYPATROL_EXAMPLES=20000 pytest tests/rules/test_equal_reference.py`` looks longer.
"""

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citypatrol.records import Record
from rules.engine import Engine
from rules.incidents import Incident
from rules.ruleset import RuleSet
from tests.rules.reference import Reference
from tests.rules.scenes import (
    START,
    Scene,
    cuts,
    merged,
    prompt_streams,
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
