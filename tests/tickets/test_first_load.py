"""A rule that begins with too many cases is held back; a promoted one takes its shadows with it."""

from dataclasses import replace

import pytest

from rules.comparison import Comparison, Limit
from rules.incidents import TicketSpec
from rules.ruleset import Rule, RuleSet, When
from tickets.errors import UnknownRule
from tickets.first_load import YOUNG_MS

NOW = 1_778_630_531_480
FIRED = NOW - 10_000
OLD, NEW = "old", "traffic-light-dark"


def rules(*names: str, above: float = 1, shadow: bool = False) -> RuleSet:
    when = When(Comparison("above", low=Limit(above)))
    spec = TicketSpec("road.traffic_light", "{source}", ack=1000, cooldown=600_000, shadow=shadow)
    return RuleSet(tuple(Rule(name, "x", when, ticket=spec) for name in names))


def places(fire, *numbers: int, **more):
    return [fire(f"cam-{number}", since=FIRED, fired_at=FIRED, **more) for number in numbers]


@pytest.fixture
def watched(city):
    """At work with an old rule; then a new one comes into force."""
    city.desk = city.with_units(city.units, first_load=2)
    city.desk.put_in_force(rules(OLD), now=NOW - YOUNG_MS)
    city.desk.put_in_force(rules(OLD, NEW), now=NOW)
    return city


def sources(city) -> list[str]:
    return [one.source for one in city.every()]


def test_the_surplus_waits_until_a_person_lets_it_go(watched, fire):
    many = places(fire, 1, 2, 3, 4, 5)
    watched.apply(*many)
    watched.apply(*many)
    assert sources(watched) == ["cam-1", "cam-2"]
    (held,) = watched.tickets.held_rules()
    assert (held.rule, held.since, held.held_at, held.waiting) == (NEW, NOW, NOW, 3)
    watched.apply(replace(many[3], cleared_at=NOW))
    watched.desk.put_in_force(rules(OLD, NEW), now=NOW)  # a restart
    watched.desk.open_held(event_time=NOW + YOUNG_MS, now=NOW + YOUNG_MS)
    watched.apply(*places(fire, 6), now=NOW + 2 * YOUNG_MS)
    assert sources(watched) == ["cam-1", "cam-2"]
    watched.desk.release(NEW, who="Li", now=NOW + 2 * YOUNG_MS)
    assert sorted(sources(watched)) == ["cam-1", "cam-2", "cam-3", "cam-5", "cam-6"]
    assert watched.every()[-1].first_at == FIRED
    assert watched.tickets.held_rules() == []
    watched.apply(*places(fire, 7, 8, 9))
    assert len(watched.every()) == 8
    with pytest.raises(UnknownRule, match="is not held back"):
        watched.desk.release(NEW, now=NOW)


@pytest.mark.parametrize(
    ("rule", "now"),
    [(OLD, NOW), (NEW, NOW + YOUNG_MS)],
    ids=["of the first start", "no longer young"],
)
def test_others_are_not_held(watched, fire, rule, now):
    watched.apply(*places(fire, 1, 2, 3, rule=rule), now=now)
    assert len(watched.every()) == 3


def test_a_further_witness_begins_no_case(watched, fire):
    watched.apply(*places(fire, 1, 2), fire("cam-1", since=NOW), fire("cam-2", since=NOW))
    assert [one.witnesses for one in watched.every()] == [2, 2]
    assert watched.tickets.held_rules() == []


def test_a_changed_rule_begins_anew_and_what_waited_waits_no_more(watched, fire):
    watched.apply(*places(fire, 1, 2, 3))
    changed = RuleSet((*rules(OLD).rules, *rules(NEW, above=2).rules))
    watched.desk.put_in_force(changed, now=NOW)
    assert watched.tickets.held_rules() == []
    watched.apply(*places(fire, 4))
    assert sources(watched) == ["cam-1", "cam-2", "cam-4"]
    watched.apply(*places(fire, 5, 6))
    assert [one.rule for one in watched.tickets.held_rules()] == [NEW]


def test_shadows_are_never_held(watched, fire):
    watched.apply(*places(fire, 1, 2, 3, shadow=True))
    assert len(watched.tickets.list(shadow=True).tickets) == 3


def test_promotion_ends_shadows_and_files_what_still_fires(watched, fire):
    still, over = places(fire, 1, 2, shadow=True)
    watched.apply(still, over)
    watched.apply(replace(over, cleared_at=NOW))
    watched.desk.put_in_force(rules(OLD, NEW, shadow=True), now=NOW)
    assert watched.every() == [], "its rule is on trial still"
    watched.desk.put_in_force(rules(OLD, NEW), now=NOW)
    (ticket,) = watched.every()
    assert (ticket.source, ticket.state, ticket.witnesses) == ("cam-1", "dispatched", 1)
    assert (ticket.first_at, ticket.opened_at, ticket.acknowledge_by) == (FIRED, NOW, NOW + 1000)
    shadows = {one.source: one for one in watched.tickets.list(shadow=True).tickets}
    assert [shadows[f"cam-{n}"].state for n in (1, 2)] == ["closed", "cancelled"]
    assert [event["type"] for event in watched.sent()] == ["ticket.opened"]
    watched.apply(still, replace(still, cleared_at=NOW))  # as the rules say it, a shadow still
    assert watched.every()[0].firing == 0
    watched.desk.put_in_force(rules(OLD, NEW), now=NOW)
    assert len(watched.every()) == 1


def test_the_shadow_of_a_rule_that_is_gone_ends(watched, fire):
    watched.apply(*places(fire, 1, shadow=True, rule="gone"))
    watched.desk.put_in_force(rules(OLD, NEW), now=NOW)
    (shadow,) = watched.tickets.list(shadow=True).tickets
    assert (shadow.state, watched.every(), watched.sent()) == ("closed", [], [])


def test_what_waits_in_a_shadows_cooldown_waits_for_a_real_ticket(watched, fire):
    (first,) = places(fire, 1, shadow=True)
    watched.apply(first, replace(first, cleared_at=NOW))
    watched.apply(fire("cam-1", since=NOW, shadow=True))
    watched.desk.put_in_force(rules(OLD, NEW), now=NOW + 60_000)
    (ticket,) = watched.every()
    assert (ticket.source, ticket.shadow, ticket.witnesses) == ("cam-1", False, 1)
