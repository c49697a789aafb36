"""What ``explain`` says of random rules and streams: truths as they were judged, and moments at
which the alarm does what was foretold when no sample comes any more."""

import json
import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citypatrol.records import Record, SourceSeen, Tick
from rules.engine import Engine
from rules.explain import Unexplained
from rules.explain_alarm import Explanation
from tests.rules.scenes import START, STEP, Scene, prompt_streams, rules
from tests.rules.test_equal_joins import MINUTE_AT_TEN_SECONDS, busy, joined, moved
from tests.rules.test_equal_reference import compiled

some = settings(
    max_examples=int(os.environ.get("CITYPATROL_EXAMPLES", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NOW = START + 20 * STEP + MINUTE_AT_TEN_SECONDS
"""In the middle of the scene."""


def up_to_now(stream: list[Record]) -> list[Record]:
    """Nobody's samples wait."""
    found: list[Record] = []
    for record in moved(stream):
        if isinstance(record, SourceSeen):
            found.append(replace(record, lateness=0))
        elif not isinstance(record, Tick):
            found += [record] if record.ts.max() <= NOW else []
    return [*found, Tick(NOW)]


def explanations(rule: dict[str, Any], stream: list[Record]) -> tuple[Engine, list[Explanation]]:
    engine = Engine(compiled(json.dumps({"rules": [rule]})))
    engine.fold(stream)
    found = []
    for source in ("a", "b", "cam", "cam/north"):
        try:
            found.append(engine.explain("r", source=source))
        except Unexplained:
            continue
    return engine, found


@some
@given(rule=joined(), scene=busy(), data=st.data())
def test_a_rule_without_timers_is_as_its_condition(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    for word in ("for", "at_least"):
        rule["when"].pop(word, None)
    for word in ("clear", "unless"):
        rule.pop(word, None)
    _, found = explanations(rule, up_to_now(data.draw(prompt_streams(scene))))
    for one in found:
        if one.during is False or one.when.truth is False:
            assert one.state == "ok", one
        elif one.when.truth is True:
            assert one.state == "firing", one
        assert (one.fires_at, one.clears_at) == (None, None), one


def is_timed(rule: dict[str, Any]) -> bool:
    """Nothing changes without a sample but by timers, and by the age of values: neither hours, nor
    the age of another source's, nor a part that is ``missing``."""
    if rule["when"].keys() <= {"missing"}:
        return not rule.keys() & {"clear", "unless"}
    words = json.dumps(rule)
    return not any(word in words for word in ("during", "missing", "unless", "fault"))


@some
@given(rule=(joined() | rules()).filter(is_timed), scene=busy(), data=st.data())
def test_it_comes_as_it_was_foretold(
    rule: dict[str, Any], scene: Scene, data: st.DataObject
) -> None:
    stream = up_to_now(data.draw(prompt_streams(scene)))
    engine, found = explanations(rule, stream)
    for one in found:
        at = one.fires_at if one.state != "firing" else one.clears_at
        if at is None:
            continue
        assert at > NOW
        again = Engine.restore(engine._state.rules, engine.snapshot())
        mine = (one.source, one.metric)
        before = [i for i in again.fold([Tick(at - 1)]) if (i.source, i.metric) == mine]
        then = [i for i in again.fold([Tick(at)]) if (i.source, i.metric) == mine]
        if one.sample_by is not None:
            assert one.sample_by <= at
            if one.state == "pending":
                assert (before, then) == ([], []), one
            continue
        assert before == [], one
        (event,) = then
        assert (event.cleared_at if one.state == "firing" else event.fired_at) == at, one
        if one.state == "firing":
            assert (event.id, event.since) == (one.incident, one.since)
