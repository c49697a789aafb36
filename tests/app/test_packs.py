"""The rule packs: each passes its own tests, and a fresh city has a unit for each ticket."""

import pytest

from app.commands.init import packs
from app.testing.suite import run_suite
from bench.docs import ROOT
from rules.load import load_rules
from tickets.units import load_units

PACKS = ROOT / "rules" / "packs"


def test_these_are_shipped() -> None:
    assert packs() == [
        "air", "cameras", "floods", "litter", "manholes", "noise", "silent-gateways",
        "street-lights", "traffic-lights",
    ]  # fmt: skip


@pytest.mark.parametrize("pack", packs())
def test_a_pack_passes_its_tests_and_each_rule_has_one(pack: str) -> None:
    suite = run_suite(PACKS / "tests" / f"{pack}.yaml")
    assert suite.problems == []
    failed = [str(one.problem) for verdict in suite.verdicts for one in verdict.failures]
    assert failed == []
    assert suite.rules == suite.touched


def test_no_rule_fires_or_clears_at_once_and_each_ticket_has_its_times() -> None:
    rules, _ = load_rules(sorted(PACKS.glob("*.yaml")))
    assert rules is not None
    for rule in rules.rules:
        waits = rule.when.missing or rule.when.hold_for or rule.when.at_least > 1
        assert waits, rule.name
        assert rule.clear.hold_for or rule.clear.comparison, rule.name
        assert rule.ticket is not None, rule.name
        assert rule.ticket.ack, rule.name
        assert rule.ticket.resolve, rule.name


def test_a_fresh_city_has_a_unit_for_every_category() -> None:
    rules, _ = load_rules(sorted(PACKS.glob("*.yaml")))
    units, _ = load_units(ROOT / "app" / "starter" / "units.yaml")
    assert rules is not None
    assert units is not None
    assert units.unhandled({rule.ticket.category for rule in rules.rules if rule.ticket}) == []
