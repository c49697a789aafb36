"""What units and people do to tickets."""

from dataclasses import replace

import orjson
import pytest

from tickets.errors import CallbackInvalid, StepForbidden, UnknownTicket
from tickets.units import Units

NOW = 1_778_630_531_480
LATER = NOW + 60_000


def body(kind: object = "ticket.acknowledged", **data: object) -> bytes:
    return orjson.dumps({"type": kind, "timestamp": "...", "data": data, "extra": 1})


def test_a_unit_works_a_ticket_off(city, fire):
    city.apply(fire())
    number = city.one().id
    answers = [
        city.answer("housing", kind, number, id=f"msg_{kind}", note="on it")
        for kind in ("acknowledged", "in_progress", "resolved")
    ]
    assert answers == [
        {"ticket": number, "state": "acknowledged", "revision": 2},
        {"ticket": number, "state": "in_progress", "revision": 3},
        {"ticket": number, "state": "resolved", "revision": 4},
    ]
    ticket = city.one()
    assert (ticket.acknowledged_at, ticket.resolved_at) == (LATER, LATER)
    assert city.types(number) == ["opened", "acknowledged", "in_progress", "resolved"]
    last = city.sent("housing")[-1]
    assert (last["type"], last["data"]["note"]) == ("ticket.resolved", "on it")
    (_, second, *_) = city.tickets.get(number).history
    assert (second.actor, second.note, second.unit) == ("housing", "on it", "housing")


def test_the_same_id_again_gets_the_same_answer(city, fire):
    city.apply(fire())
    number = city.one().id
    first = city.answer("housing", "acknowledged", number)
    city.answer("housing", "in_progress", number, id="msg_2")
    assert city.answer("housing", "acknowledged", number) == first
    assert city.answer("housing", "resolved", number) == first
    assert city.types(number) == ["opened", "acknowledged", "in_progress"]


def test_ids_of_two_units_are_two(city, fire):
    city.apply(fire(), fire("s", rule="silent", category="device.silent"))
    light, silent = city.every()
    city.answer("housing", "acknowledged", light.id)
    city.answer("devices", "acknowledged", silent.id)
    assert {ticket.state for ticket in city.every()} == {"acknowledged"}


def test_a_forbidden_step_is_forbidden_for_ever_under_its_id(city, fire):
    city.apply(fire())
    number = city.one().id
    city.answer("housing", "resolved", number, id="msg_1")
    with pytest.raises(StepForbidden) as first:
        city.answer("housing", "acknowledged", number, id="msg_2")
    city.desk.act(number, "reopen", now=LATER)
    with pytest.raises(StepForbidden) as second:
        city.answer("housing", "acknowledged", number, id="msg_2")
    assert str(first.value) == str(second.value)
    assert city.answer("housing", "acknowledged", number, id="msg_3")["state"] == "acknowledged"


@pytest.mark.parametrize(("unit", "number"), [("housing", "ZZ-1"), ("devices", "ZZ-260513-0001")])
def test_a_unit_sees_its_own_tickets_only(city, fire, unit, number):
    city.apply(fire())
    for _ in range(2):
        with pytest.raises(UnknownTicket, match=f"there is no ticket {number}"):
            city.answer(unit, "acknowledged", number)
    assert city.one().state == "dispatched"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(b"", "no JSON", id="empty"),
        pytest.param(b"\xff", "no JSON", id="bytes"),
        pytest.param(b"[]", "must be", id="list"),
        pytest.param(b'{"type": "ticket.resolved"}', "must be", id="no data"),
        pytest.param(body(note="x"), "must be", id="no ticket"),
        pytest.param(body(ticket=7), "must be", id="number of another kind"),
        pytest.param(body("ticket.closed", ticket="ZZ"), "type must be one of", id="not theirs"),
        pytest.param(body(["x"], ticket="ZZ"), "type must be one of", id="type is a list"),
        pytest.param(body(ticket="ZZ", note=["x"]), "note must be text", id="note"),
        pytest.param(b" " * 64_001, "64001 bytes", id="too large"),
    ],
)
def test_callbacks_that_cannot_be_read(city, sent, reason):
    with pytest.raises(CallbackInvalid, match=reason):
        city.desk.callback("housing", webhook_id="msg_1", body=sent, now=NOW)


@pytest.mark.parametrize("webhook_id", ["", "x" * 256])
def test_webhook_ids_that_cannot_be_kept(city, webhook_id):
    with pytest.raises(CallbackInvalid, match="1 to 255"):
        city.desk.callback("housing", webhook_id=webhook_id, body=body(ticket="x"), now=NOW)


def test_a_note_of_any_length_and_letters(city, fire):
    city.apply(fire())
    city.answer("housing", "acknowledged", city.one().id, note="a\0b" + "水" * 5000)
    (_, change) = city.tickets.get(city.one().id).history
    assert change.note.startswith("a\ufffdb水")
    assert len(change.note) == 2000
    assert all(len(one.body) < 20_000 for one in city.outbox.list())


def test_an_empty_note_is_none(city, fire):
    city.apply(fire())
    city.answer("housing", "acknowledged", city.one().id, note="")
    assert "note" not in city.sent()[-1]["data"]


def test_rejected_goes_to_the_next_unit(city, fire):
    city.apply(fire(category="road.flooding"))
    number = city.one().id
    city.answer("housing", "acknowledged", number, id="msg_0")
    answer = city.answer("housing", "rejected", number, note="not our underpass")
    assert answer == {"ticket": number, "state": "dispatched", "revision": 4}
    ticket = city.one()
    assert (ticket.unit, ticket.state, ticket.acknowledged_at) == ("water", "dispatched", None)
    assert city.types(number) == ["opened", "acknowledged", "rejected", "dispatched"]
    assert [event["type"] for event in city.sent("housing")] == [
        "ticket.opened",
        "ticket.acknowledged",
        "ticket.rejected",
    ]
    assert city.sent("housing")[-1]["data"]["ticket"]["unit"]["id"] == "housing"
    (told,) = city.sent("water")
    assert (told["type"], told["data"]["ticket"]["revision"]) == ("ticket.dispatched", 4)
    assert told["data"]["callback"]["url"].endswith("/water")
    with pytest.raises(UnknownTicket):
        city.answer("housing", "resolved", number, id="msg_2")


def test_rejected_by_all_stays_rejected_and_visible(city, fire):
    city.apply(fire(category="road.flooding"))
    number = city.one().id
    city.answer("housing", "rejected", number)
    assert city.answer("water", "rejected", number)["state"] == "rejected"
    assert city.tickets.counts()["rejected"] == 1
    assert city.desk.dispatch_waiting(now=LATER) == 0
    assert city.desk.act(number, "acknowledge", now=LATER).state == "acknowledged"


def test_waiting_tickets_go_to_a_unit_that_came_later(city, fire):
    city.apply(fire(category="city.litter"), fire("b", category="nobody.cares"))
    litter = city.units.get("housing").model_copy(
        update={"id": "litter", "handles": ["city.litter"]}
    )
    desk = city.with_units(Units([*city.units, litter]))
    assert desk.dispatch_waiting(now=LATER) == 1
    assert desk.dispatch_waiting(now=LATER) == 0
    first, second = city.every()
    assert (first.state, first.unit, second.state) == ("dispatched", "litter", "open")
    assert city.types(first.id) == ["opened", "dispatched"]
    assert len(city.sent("litter")) == 1


def test_the_desk_closes_and_reopens(city, fire):
    city.apply(fire())
    number = city.one().id
    closed = city.desk.act(number, "close", note="seen from the window", now=LATER)
    assert (closed.state, closed.closed_at, closed.revision) == ("closed", LATER, 2)
    assert city.tickets.get(number).history[-1].actor == "desk"
    reopened = city.desk.act(number, "reopen", now=LATER + 1)
    assert (reopened.state, reopened.closed_at, reopened.reopened) == ("reopened", None, 1)
    assert city.types(number) == ["opened", "closed", "reopened"]
    assert [event["type"] for event in city.sent("housing")][1:] == [
        "ticket.closed",
        "ticket.reopened",
    ]


def test_reopened_knows_what_cleared_meanwhile(city, fire):
    first, second = fire(), fire(since=NOW)
    city.apply(first, second)
    number = city.one().id
    city.desk.act(number, "close", now=LATER)
    city.apply(replace(first, cleared_at=LATER + 5))
    assert city.one().revision == 2
    assert (city.desk.act(number, "reopen", now=LATER + 9).firing, city.one().cleared_at) == (
        1,
        None,
    )
    city.apply(replace(second, cleared_at=LATER + 20))
    assert city.one().cleared_at == LATER + 20
    city.desk.act(number, "close", now=LATER + 30)
    assert city.desk.act(number, "reopen", now=LATER + 31).cleared_at == LATER + 20


def test_no_reopening_beside_a_successor(city, fire):
    city.apply(fire(cooldown=0))
    number = city.one().id
    city.desk.act(number, "close", now=NOW)
    city.apply(fire(cooldown=0, since=NOW, fired_at=NOW))
    with pytest.raises(StepForbidden, match="ZZ-260513-0002 is open for the same thing"):
        city.desk.act(number, "reopen", now=LATER)
    assert [ticket.state for ticket in city.every()] == ["closed", "dispatched"]


@pytest.mark.parametrize("action", ["dispatch", "cancel", "explode"])
def test_what_the_desk_does_not_do(city, fire, action):
    city.apply(fire())
    with pytest.raises(StepForbidden, match="nothing the desk does; there are acknowledge, start"):
        city.desk.act(city.one().id, action, now=LATER)


def test_the_desk_cannot_step_where_the_state_forbids(city, fire):
    city.apply(fire())
    with pytest.raises(StepForbidden, match="dispatched cannot be reopened"):
        city.desk.act(city.one().id, "reopen", now=LATER)
    with pytest.raises(UnknownTicket):
        city.desk.act("ZZ-1", "close", now=LATER)
    assert city.types(city.one().id) == ["opened"]


def test_verdict_true_is_kept(city, fire):
    city.apply(fire())
    judged = city.desk.verdict(city.one().id, real=True, note="dark indeed", now=LATER)
    assert (judged.verdict, judged.verdict_note, judged.state) == (
        True,
        "dark indeed",
        "dispatched",
    )
    assert city.types(judged.id) == ["opened", "updated"]


def test_verdict_false_cancels_an_open_ticket(city, fire):
    city.apply(fire())
    judged = city.desk.verdict(city.one().id, real=False, note="glare", now=LATER)
    assert (judged.verdict, judged.state, judged.closed_at) == (False, "cancelled", LATER)
    assert city.types(judged.id) == ["opened", "cancelled"]
    assert city.sent("housing")[-1]["data"]["note"] == "glare"


def test_verdict_on_a_closed_ticket_leaves_it_closed(city, fire):
    city.apply(fire())
    city.desk.act(city.one().id, "close", now=LATER)
    judged = city.desk.verdict(city.one().id, real=False, now=LATER + 1)
    assert (judged.verdict, judged.state) == (False, "closed")
    assert city.one() == judged


def test_events_of_a_unit_that_is_gone_keep_its_id_as_name(city, fire):
    city.apply(fire())
    desk = city.with_units(Units([]))
    desk.act(city.one().id, "acknowledge", now=LATER)
    assert city.sent()[-1]["data"]["ticket"]["unit"] == {"id": "housing", "name": "housing"}


def test_the_outbox_is_told_after_the_commit(city, fire):
    heard = []
    quiet = city.outbox.listen(lambda endpoints: heard.append((set(endpoints), len(city.sent()))))
    city.apply(fire(), fire("s", category="device.silent"), fire("t", category="nobody.cares"))
    city.apply(fire())
    assert heard == [({"housing", "devices"}, 2)]
    quiet()
    city.apply(fire("u"))
    assert len(heard) == 1
