"""Queues of deliveries in the database."""

import pytest

from tickets.errors import UnknownDelivery
from tickets.outbox import Attempt

NOW = 1_778_630_531_480


def attempt(result: str, at: int = NOW) -> Attempt:
    return Attempt(at, 12, result, 500 if result == "retry" else 200, "because")


def test_a_queue_as_it_is(city, fire):
    city.apply(fire(), fire("b"), fire("c", category="device.silent"))
    queue = city.outbox.look("housing", now=NOW, limit=10)
    assert [one.ticket for one in queue.due] == ["ZZ-260513-0001", "ZZ-260513-0002"]
    assert (queue.next_due, queue.pending, queue.disabled) == (NOW, 2, None)
    assert city.outbox.look("housing", now=NOW, limit=1).due == queue.due[:1]
    assert city.outbox.look("housing", now=NOW - 1, limit=10).due == []
    assert city.outbox.pending() == {"housing": 2, "devices": 1}
    empty = city.outbox.look("water", now=NOW, limit=10)
    assert (empty.due, empty.next_due, empty.pending) == ([], None, 0)


def test_what_is_in_flight_and_its_ticket_are_not_due(city, fire):
    city.apply(fire())
    city.desk.act(city.one().id, "acknowledge", now=NOW)
    city.apply(fire("b"))
    first, acknowledged, other = city.outbox.look("housing", now=NOW, limit=10).due
    queue = city.outbox.look("housing", now=NOW, limit=10, in_flight=[first])
    assert (queue.due, queue.pending) == ([other], 3)
    queue = city.outbox.look("housing", now=NOW, limit=10, in_flight=[first, other])
    assert (queue.due, queue.next_due) == ([], None)
    assert acknowledged.ticket == first.ticket


def test_a_retry_is_due_later(city, fire):
    city.apply(fire())
    (delivery,) = city.outbox.list()
    city.outbox.record(delivery, attempt("retry"), due_at=NOW + 5000)
    again = city.outbox.get(delivery.id)
    assert (again.state, again.tries, again.due_at, again.settled_at) == (
        "pending",
        1,
        NOW + 5000,
        None,
    )
    assert city.outbox.look("housing", now=NOW + 4999, limit=9).next_due == NOW + 5000
    assert city.outbox.look("housing", now=NOW + 5000, limit=9).due == [again]


@pytest.mark.parametrize("result", ["accepted", "dead"])
def test_an_end(city, fire, result):
    city.apply(fire())
    (delivery,) = city.outbox.list()
    city.outbox.record(delivery, attempt(result), due_at=None)
    ended = city.outbox.get(delivery.id)
    assert (ended.state, ended.tries, ended.settled_at) == (result, 1, NOW + 12)
    assert city.outbox.attempts(delivery.id) == [attempt(result)]
    assert city.outbox.pending() == {}


def test_gone_stays_pending(city, fire):
    city.apply(fire())
    (delivery,) = city.outbox.list()
    city.outbox.disable("housing", url="https://x", at=NOW, reason="HTTP 410\0" + "x" * 999)
    city.outbox.disable("housing", url="https://y", at=NOW + 1, reason="HTTP 410")
    city.outbox.record(delivery, attempt("gone"), due_at=NOW)
    queue = city.outbox.look("housing", now=NOW, limit=9)
    assert queue.pending == 1
    assert (queue.disabled.url, queue.disabled.at) == ("https://y", NOW + 1)
    assert city.outbox.disabled() == {"housing": queue.disabled}
    city.outbox.enable("housing")
    assert city.outbox.look("housing", now=NOW, limit=9).disabled is None


def test_redeliver_has_the_whole_schedule_before_it(city, fire):
    city.apply(fire())
    (delivery,) = city.outbox.list()
    city.outbox.record(delivery, attempt("dead"), due_at=None)
    heard = []
    city.outbox.listen(heard.append)
    again = city.outbox.redeliver(delivery.id, now=NOW + 9)
    assert (again.state, again.tries, again.due_at, again.settled_at) == (
        "pending",
        0,
        NOW + 9,
        None,
    )
    assert (again.event, again.body) == (delivery.event, delivery.body)
    assert heard == [["housing"]]


def test_deliveries_that_are_not_there(city):
    for ask in (city.outbox.get, lambda number: city.outbox.redeliver(number, now=NOW)):
        with pytest.raises(UnknownDelivery, match="there is no delivery 7"):
            ask(7)
    assert city.outbox.attempts(7) == []


def test_lists(city, fire):
    city.apply(fire(), fire("b"), fire("c", category="device.silent"))
    third, second, first = city.outbox.list()
    assert city.outbox.list(limit=2) == [third, second]
    assert city.outbox.list(before=second.id) == [first]
    assert city.outbox.list(endpoint="devices") == [third]
    assert city.outbox.list(ticket=second.ticket) == [second]
    city.outbox.record(first, attempt("accepted"), due_at=None)
    assert [one.id for one in city.outbox.list(state="accepted")] == [first.id]
    assert city.outbox.list(state="pending", endpoint="housing") == [second]


def test_a_reason_of_any_length_and_letters(city, fire):
    city.apply(fire())
    (delivery,) = city.outbox.list()
    odd = Attempt(NOW, 1, "retry", None, "\0" + "x" * 9999)
    city.outbox.record(delivery, odd, due_at=NOW)
    (kept,) = city.outbox.attempts(delivery.id)
    assert kept.reason == "\ufffd" + "x" * 499
    assert kept.status is None
