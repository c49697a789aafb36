"""The deliverer under an injected clock and an injected POST."""

import asyncio

import orjson
import pytest

from bench.servers.postgres import postgres
from citypatrol.metrics import DELIVERIES_PENDING, REGISTRY
from citypatrol.signing import verify
from sinks.attempts import Answer
from sinks.endpoint import IN_FLIGHT, dead_delivery

NOW = 1_778_630_531_480


async def test_signed_delivery(mailroom, post, until):
    mailroom.file()
    async with mailroom.delivering(post):
        await until(lambda: mailroom.deliveries()[0].state == "accepted")
    ((url, headers, body),) = post.asked
    (delivery,) = mailroom.deliveries()
    assert url == "https://one.example/hooks"
    assert headers["webhook-id"] == delivery.event
    assert headers["webhook-timestamp"] == str(NOW // 1000)
    assert headers["content-type"] == "application/json"
    verify(
        mailroom.units.get("unit-0").webhook.secret, headers=headers, body=body, now_s=NOW // 1000
    )
    assert body == delivery.body
    assert (delivery.tries, delivery.settled_at) == (1, NOW)
    (attempt,) = mailroom.outbox.attempts(delivery.id)
    assert (attempt.at, attempt.result, attempt.status) == (NOW, "accepted", 200)


async def test_what_comes_while_it_runs_goes_at_once(mailroom, post, until):
    async with mailroom.delivering(post):
        await asyncio.sleep(0.05)
        await asyncio.to_thread(mailroom.file, 1)
        await until(lambda: len(post.asked) == 1)
    assert post.asked[0][0] == "https://two.example/hooks"


async def test_schedule_same_id_and_body_new_timestamp_and_signature(mailroom, clock, post, until):
    post.answer = lambda url: Answer(500, "no")
    mailroom.file()
    async with mailroom.delivering(post) as stage:
        for made, wait in ((1, 5_000), (2, 300_000)):
            await until(lambda made=made: mailroom.deliveries()[0].tries == made)
            assert mailroom.deliveries()[0].due_at == clock.now() + wait
            clock.advance(wait - 1)
            stage.wake()
            await asyncio.sleep(0.1)
            assert len(post.asked) == made
            clock.advance(1)
            stage.wake()
        await until(lambda: mailroom.deliveries()[0].state == "dead")
    assert len(set(post.ids())) == 1
    assert len({body for _, _, body in post.asked}) == 1
    stamps = [int(headers["webhook-timestamp"]) for _, headers, _ in post.asked]
    assert stamps == [NOW // 1000, NOW // 1000 + 5, NOW // 1000 + 305]
    assert len({headers["webhook-signature"] for _, headers, _ in post.asked}) == 3


async def test_dead_letter_after_the_last_and_redelivery(mailroom, clock, post, until):
    post.answer = lambda url: Answer(503, "busy")
    mailroom.file()
    async with mailroom.delivering(post, schedule=(0,)):
        await until(lambda: mailroom.deliveries()[0].state == "dead")
        (letter,) = mailroom.dead.list("delivery")
        assert (letter.origin, letter.at) == ("unit-0", NOW)
        assert letter.reason == "HTTP 503: busy; this was attempt 1 of 1"
        kept = orjson.loads(letter.payload)
        assert kept["body"] == orjson.loads(mailroom.deliveries()[0].body)
        assert mailroom.outbox.pending() == {}
        post.answer = lambda url: Answer(200)
        number = dead_delivery(letter.payload)
        await asyncio.to_thread(lambda: mailroom.outbox.redeliver(number, now=clock.now()))
        await until(lambda: mailroom.deliveries()[0].state == "accepted")
    assert len(set(post.ids())) == 1
    results = [one.result for one in mailroom.outbox.attempts(number)]
    assert results == ["dead", "accepted"]


@pytest.mark.parametrize("payload", [b"{}", b"[]", b'{"delivery": "1"}', b"no json"])
def test_a_letter_that_is_no_delivery(payload):
    with pytest.raises(ValueError, match=r"names no delivery|unexpected|expected"):
        dead_delivery(payload)


async def test_an_attempt_cut_short_counts_as_not_made(mailroom, post, until):
    async def hang(url: str) -> Answer:
        await asyncio.sleep(3600)
        raise AssertionError

    post.answer = lambda url: hang(url)
    mailroom.file()
    async with mailroom.delivering(post):
        await until(lambda: len(post.asked) == 1)
    (delivery,) = mailroom.deliveries()
    assert (delivery.tries, delivery.state) == (0, "pending")
    assert mailroom.outbox.attempts(delivery.id) == []
    post.answer = lambda url: Answer(200)
    async with mailroom.delivering(post):
        await until(lambda: mailroom.deliveries()[0].state == "accepted")
    assert post.ids() == [delivery.event] * 2


async def test_what_is_in_flight_at_the_stop_may_end(mailroom, post, until):
    async def slow(url: str) -> Answer:
        await asyncio.sleep(0.3)
        return Answer(200)

    post.answer = lambda url: slow(url)
    mailroom.file()
    async with mailroom.delivering(post):
        await until(lambda: len(post.asked) == 1)
    assert mailroom.deliveries()[0].state == "accepted"


async def test_no_answer_within_the_timeout(mailroom, post, until):
    async def hang(url: str) -> Answer:
        await asyncio.sleep(3600)
        raise AssertionError

    post.answer = lambda url: hang(url)
    mailroom.file()
    async with mailroom.delivering(post, timeout_ms=100):
        await until(lambda: mailroom.deliveries()[0].tries == 1)
    (attempt,) = mailroom.outbox.attempts(mailroom.deliveries()[0].id)
    assert (attempt.status, attempt.result) == (None, "retry")
    assert attempt.reason == "no answer within 0.1 s"


async def test_retry_after_is_honoured(mailroom, clock, post, until):
    post.answer = lambda url: Answer(429, retry_after="60")
    mailroom.file()
    async with mailroom.delivering(post):
        await until(lambda: mailroom.deliveries()[0].tries == 1)
    assert mailroom.deliveries()[0].due_at == NOW + 60_000


async def test_one_ticket_is_told_in_order_and_many_at_once(mailroom, post, until):
    going, most = [], []
    gate = asyncio.Event()

    async def slow(url: str) -> Answer:
        going.append(url)
        most.append(len(going))
        await gate.wait()
        going.pop()
        return Answer(200)

    post.answer = lambda url: slow(url)
    mailroom.file(count=6)
    for ticket in ("ZZ-260513-0001", "ZZ-260513-0002"):
        mailroom.desk.act(ticket, "acknowledge", now=NOW)
    async with mailroom.delivering(post):
        await until(lambda: len(post.asked) == IN_FLIGHT)
        await asyncio.sleep(0.1)
        assert len(post.asked) == IN_FLIGHT
        gate.set()
        await until(lambda: mailroom.outbox.pending() == {})
    assert max(most) == IN_FLIGHT
    tickets = [orjson.loads(body)["data"]["ticket"] for _, _, body in post.asked]
    for number in ("ZZ-260513-0001", "ZZ-260513-0002"):
        assert [one["revision"] for one in tickets if one["id"] == number] == [1, 2]
    assert sorted(post.ids()) == sorted(one.event for one in mailroom.deliveries())


async def test_a_hanging_ticket_holds_no_other_back(mailroom, post, until):
    first = asyncio.Event()

    async def answer(url: str) -> Answer:
        if not first.is_set():
            first.set()
            await asyncio.sleep(3600)
        return Answer(200)

    post.answer = lambda url: answer(url)
    mailroom.file()
    for action in ("acknowledge", "start", "resolve", "reopen", "acknowledge", "resolve"):
        mailroom.desk.act("ZZ-260513-0001", action, now=NOW)
    mailroom.file(count=3)
    async with mailroom.delivering(post):
        await until(lambda: mailroom.outbox.pending() == {"unit-0": 7})


async def test_a_database_that_is_away_is_waited_for(mailroom_for, clock, post, until):
    with postgres() as server:
        room = mailroom_for(urls=["https://one.example"], clock=clock, url=server.url("a"))
        room.file()
        async with room.delivering(post) as stage:
            await until(lambda: len(post.asked) == 1)
            server.stop()  # before the attempt is recorded, or after
            stage.wake()
            await asyncio.sleep(0.3)
            server.start()
            room.file()
            await until(lambda: room.outbox.pending() == {})
        assert set(post.ids()) == {one.event for one in room.deliveries()}


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_metrics(mailroom, clock, post, until):
    accepted = value("citypatrol_deliveries_total", endpoint="unit-1", result="accepted")
    retried = value("citypatrol_deliveries_total", endpoint="unit-1", result="retry")
    errors = value("citypatrol_deliveries_total", endpoint="unit-1", result="error")
    seen, seconds = (
        value("citypatrol_latency_seconds_count"),
        value("citypatrol_latency_seconds_sum"),
    )
    post.answer = lambda url: Answer(500)
    mailroom.file(1)
    async with mailroom.delivering(post) as stage:
        await until(lambda: mailroom.deliveries()[0].tries == 1)
        assert value("citypatrol_deliveries_pending", endpoint="unit-1") == 1
        post.answer = lambda url: Answer(200)
        clock.advance(5_000)
        stage.wake()
        await until(lambda: value("citypatrol_deliveries_pending", endpoint="unit-1") == 0)
    assert (
        value("citypatrol_deliveries_total", endpoint="unit-1", result="accepted") == accepted + 1
    )
    assert value("citypatrol_deliveries_total", endpoint="unit-1", result="retry") == retried + 1
    assert value("citypatrol_deliveries_total", endpoint="unit-1", result="error") == errors
    assert value("citypatrol_latency_seconds_count") == seen + 1
    assert value("citypatrol_latency_seconds_sum") == seconds + 5


async def test_it_may_run_again(mailroom, post, until):
    for count in (1, 2):
        mailroom.file()
        async with mailroom.delivering(post):
            await until(lambda count=count: len(post.asked) == count)


async def test_what_waits_for_a_unit_that_is_gone_is_counted(mailroom, post, until):
    mailroom.file(1)
    mailroom.use(["https://one.example/hooks"])
    async with mailroom.delivering(post) as stage:
        await until(lambda: value("citypatrol_deliveries_pending", endpoint="unit-1") == 1)
        stage.wake(["unit-1", "unit-0"])
        assert stage.waiting_for() is None
        assert stage.name == "webhooks"
    assert post.asked == []
    DELIVERIES_PENDING.remove("unit-1")
