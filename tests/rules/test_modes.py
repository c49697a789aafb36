"""``mode``: what a switch does to alarms; live, after a restart, and in hindsight."""

import pytest

from citypatrol.records import ModeSwitched, Record, RulesInForce
from rules.engine import Engine
from rules.hindsight import metrics_of
from rules.incidents import Incident
from rules.ruleset import RuleSet
from tests.rules.story import WAYS, line, ms, one_rule, records

RULE = one_rule(
    "when: {above: 15}, clear: {below: 5}, mode: {flood: {when: {above: 10}, severity: critical},"
    " event: off, calm: {severity: minor},"
    " night: {when: {all: [{above: 15}, {metric: y, above: 1}]}}}"
)


def switch(at: str, mode: str) -> ModeSwitched:
    return ModeSwitched(ms(at), mode)


def lives(said: list[Incident]) -> list[str]:
    last = {one.id: one for one in said}
    return [f"{line(one)} {one.severity}" for one in last.values()]


BEFORE = records("0 a x 20\n| 1")
AFTER = records("5 a x 12\n| 6\n8 a x 20\n| 9")

CASES = [
    pytest.param(
        [*BEFORE, switch("3", "event"), *AFTER],
        ["a x since 0 fired 0 cleared 3 value 20 major"],
        id="where it is off what fires clears at the switch",
    ),
    pytest.param(
        [*BEFORE, switch("3", "flood"), *AFTER],
        [
            "a x since 0 fired 0 cleared 3 value 20 major",
            "a x since 5 fired 5 value 12 critical",
        ],
        id="another condition begins anew at the next sample",
    ),
    pytest.param(
        [*BEFORE, switch("3", "calm"), *AFTER],
        ["a x since 0 fired 0 value 20 major"],
        id="the same condition goes on",
    ),
    pytest.param(
        [*BEFORE, switch("3", "market"), *AFTER],
        ["a x since 0 fired 0 value 20 major"],
        id="a mode that no rule names changes nothing",
    ),
    pytest.param(
        [*BEFORE, switch("3", "event"), switch("4", "normal"), *AFTER],
        [
            "a x since 0 fired 0 cleared 3 value 20 major",
            "a x since 8 fired 8 value 20 major",
        ],
        id="back again it waits for a sample",
    ),
    pytest.param(
        [*BEFORE, switch("3", "flood"), switch("3", "flood"), *AFTER],
        [
            "a x since 0 fired 0 cleared 3 value 20 major",
            "a x since 5 fired 5 value 12 critical",
        ],
        id="the same switch twice is one",
    ),
    pytest.param(
        [switch("0", "night"), *records("5 a x 20\n5 a y 2\n| 6")],
        ["a x since 5 fired 5 value 20 major"],
        id="a rule may join in one mode and not in another",
    ),
]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("stream", "expected"), CASES)
def test_a_switch(way, stream: list[Record], expected: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert lives(way(RULE, stream)) == expected


def test_the_mode_outlives_a_restart_and_the_rules_that_name_it() -> None:
    engine = Engine(RULE)
    assert engine.mode == "normal"
    engine.fold([switch("3", "flood")])
    again = Engine.restore(RULE, engine.snapshot())
    assert (again.mode, again.rules) == ("flood", RULE)
    without = Engine.restore(one_rule("when: {above: 15}"), again.snapshot())
    assert without.mode == "flood"
    assert lives(without.fold(BEFORE)) == ["a x since 0 fired 0 value 20 major"]


def test_a_rule_that_went_while_another_mode_came_clears_once() -> None:
    """What a reload left open clears when the new rules are announced, not at a switch."""
    engine = Engine(RULE)
    engine.fold(BEFORE)
    later = Engine.restore(RuleSet(), engine.snapshot())
    assert later.fold([switch("3", "flood")]) == []
    (cleared,) = later.fold([RulesInForce(ms("4"), RuleSet().hash)])
    assert cleared.cleared_at == ms("4")


def test_rules_in_any_mode_are_read_in_hindsight() -> None:
    assert metrics_of(RULE) == {"x", "y"}
    assert RULE.modes == {"normal", "flood", "event", "calm", "night"}
    assert RULE.in_mode("event").rules == ()
