"""Tickets that nobody is sent for: shadows of rules on trial, and those that wait for a look."""

from dataclasses import replace

import pytest

from tickets.errors import StepForbidden, UnknownTicket
from tickets.tallies import tallies

NOW = 1_778_630_531_480
LATER = NOW + 120_000


def test_a_shadow_is_kept_and_nobody_hears_of_it(city, fire):
    shadow = fire(shadow=True)
    city.apply(shadow, fire("cam-2", shadow=True))
    assert city.every() == []
    first, second = city.tickets.list(shadow=True).tickets[::-1]
    assert (first.state, first.unit, first.shadow, first.revision) == ("open", "housing", True, 0)
    assert city.sent() == []
    assert city.tickets.counts()["open"] == 0
    assert tallies(city.store, since=NOW - 1, until=NOW) == []
    assert city.tickets.open_by_rule()["traffic-light-dark"].shadows == 2
    assert city.desk.dispatch_waiting(now=NOW) == 0
    with pytest.raises(UnknownTicket):
        city.answer("housing", "acknowledged", first.id)
    with pytest.raises(StepForbidden, match="nobody was sent"):
        city.desk.act(first.id, "acknowledge", now=NOW)
    city.apply(replace(shadow, cleared_at=NOW))
    assert city.tickets.get(first.id).ticket.state == "cancelled"
    city.desk.act(second.id, "close", now=LATER)
    assert city.sent() == []


def test_a_shadow_never_meets_a_real_ticket(city, fire):
    city.apply(fire(), fire(since=NOW, fired_at=NOW, shadow=True), fire(since=NOW + 1))
    assert [one.witnesses for one in city.every()] == [2]
    assert [one.witnesses for one in city.tickets.list(shadow=True).tickets] == [1]


def test_it_waits_until_somebody_has_looked(city, fire):
    city.apply(fire(confirm=True))
    city.apply(fire(confirm=True, since=NOW, fired_at=NOW))
    ticket = city.one()
    assert (ticket.state, ticket.unconfirmed, ticket.revision) == ("open", True, 0)
    assert (ticket.unit, ticket.witnesses, city.sent()) == ("housing", 2, [])
    assert city.desk.dispatch_waiting(now=NOW) == 0
    with pytest.raises(StepForbidden, match="waits for a look"):
        city.desk.act(ticket.id, "acknowledge", now=NOW)
    city.desk.confirm(ticket.id, note="dark indeed", who="Li", now=LATER)
    ticket = city.one()
    assert (ticket.state, ticket.unconfirmed, ticket.revision) == ("dispatched", False, 1)
    assert (ticket.acknowledge_by, ticket.resolve_by) == (LATER + 300_000, LATER + 14_400_000)
    assert (ticket.verdict, ticket.verdict_by, ticket.verdict_at) == (True, "Li", LATER)
    (event,) = city.sent("housing")
    assert (event["type"], event["data"]["note"]) == ("ticket.opened", "dark indeed")
    assert event["data"]["ticket"]["witness_count"] == 2
    with pytest.raises(StepForbidden, match="does not wait for a look"):
        city.desk.confirm(ticket.id, now=LATER)
    city.answer("housing", "acknowledged", ticket.id)


@pytest.mark.parametrize("how", ["reject", "verdict"])
def test_a_false_alarm_is_told_to_nobody(city, fire, how):
    city.apply(fire(confirm=True))
    ticket = city.one()
    if how == "reject":
        city.desk.act(ticket.id, "reject", note="a shadow", who="Li", now=LATER)
    else:
        city.desk.verdict(ticket.id, real=False, note="a shadow", who="Li", now=LATER)
    ticket = city.one()
    assert (ticket.state, ticket.verdict, ticket.verdict_by) == ("cancelled", False, "Li")
    assert (city.types(ticket.id), city.sent()) == (["cancelled"], [])
    assert [one for one in tallies(city.store, since=NOW, until=LATER) if one.closed] == []
    city.apply(fire(confirm=True, since=LATER))
    assert len(city.every()) == 1, "the cool-down holds after a false alarm"


def test_a_true_verdict_is_a_confirmation(city, fire):
    city.apply(fire(confirm=True))
    city.desk.verdict(city.one().id, real=True, now=LATER)
    assert (city.one().state, city.types(city.one().id)) == ("dispatched", ["opened"])


def test_what_clears_before_anybody_looked_is_cancelled(city, fire):
    city.apply(fire(confirm=True))
    city.apply(fire(confirm=True, cleared_at=NOW))
    assert (city.one().state, city.one().revision, city.sent()) == ("cancelled", 0, [])


def test_a_witness_of_a_rule_that_asks_nobody_confirms(city, fire):
    city.apply(fire(confirm=True))
    city.apply(fire(since=NOW, fired_at=NOW), now=LATER)
    ticket = city.one()
    assert (ticket.state, ticket.unconfirmed, ticket.witnesses) == ("dispatched", False, 2)
    assert ticket.acknowledge_by == LATER + 300_000
    assert [event["type"] for event in city.sent("housing")] == ["ticket.opened"]


def test_confirmed_without_a_unit_it_is_open_and_told_once_it_has_one(city, fire):
    city.apply(fire(confirm=True, category="nobody.cares"))
    city.desk.confirm(city.one().id, now=LATER)
    assert (city.one().state, city.types(city.one().id)) == ("open", ["opened"])


def test_verdicts_change_and_are_read_with_their_incidents(city, fire):
    one, other, shadow = fire(), fire("cam-2"), fire("cam-3", shadow=True)
    city.apply(one, other, shadow, fire(since=NOW))
    first, second = city.every()
    (on_trial,) = city.tickets.list(shadow=True).tickets
    city.desk.verdict(first.id, real=True, who="Li", now=LATER)
    city.desk.act(first.id, "close", now=LATER)
    city.desk.verdict(first.id, real=False, note="the sun", who="Wu", now=LATER + 1)
    city.desk.verdict(on_trial.id, real=True, now=LATER)
    ticket = city.tickets.get(first.id).ticket
    assert (ticket.state, ticket.verdict, ticket.verdict_note) == (
        "closed",
        False,
        "the sun",
    )
    assert (ticket.verdict_by, ticket.verdict_at) == ("Wu", LATER + 1)
    judged = city.tickets.judged(since=0, until=LATER)
    assert {(found.ticket.id, found.ticket.verdict, *found.incidents) for found in judged} == {
        (first.id, False, one.id, fire(since=NOW).id),
        (on_trial.id, True, shadow.id),
    }
    assert city.tickets.judged(since=0, until=NOW - 60_000) == []
    assert second.id not in {found.ticket.id for found in judged}
