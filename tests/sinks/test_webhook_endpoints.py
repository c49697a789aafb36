"""Endpoints that are gone, broken or back: none harms another."""

import asyncio

from citypatrol.metrics import DELIVERIES
from sinks.attempts import Answer


async def test_410_disables_until_the_unit_has_another_url(mailroom, clock, post, until):
    post.answer = lambda url: Answer(410)
    mailroom.file()
    async with mailroom.delivering(post) as stage:
        await until(lambda: "unit-0" in mailroom.outbox.disabled())
        await asyncio.to_thread(mailroom.file)
        clock.advance(10_000_000)
        stage.wake()
        await asyncio.sleep(0.2)
        assert len(post.asked) == 1
    disabled = mailroom.outbox.disabled()["unit-0"]
    assert (disabled.url, disabled.reason) == ("https://one.example/hooks", "HTTP 410")
    assert mailroom.outbox.pending() == {"unit-0": 2}

    async with mailroom.delivering(post):  # a restart changes nothing
        await asyncio.sleep(0.2)
    assert len(post.asked) == 1

    post.answer = lambda url: Answer(200)
    mailroom.use(["https://new.example/hooks", "https://two.example/hooks"])
    async with mailroom.delivering(post):
        await until(lambda: mailroom.outbox.pending() == {})
    assert mailroom.outbox.disabled() == {}
    assert [url for url, _, _ in post.asked[1:]] == ["https://new.example/hooks"] * 2


async def test_redelivery_asks_a_disabled_endpoint_again(mailroom, clock, post, until):
    post.answer = lambda url: Answer(410)
    mailroom.file()
    async with mailroom.delivering(post):
        await until(lambda: "unit-0" in mailroom.outbox.disabled())
        post.answer = lambda url: Answer(200)
        (delivery,) = mailroom.deliveries()
        await asyncio.to_thread(lambda: mailroom.outbox.redeliver(delivery.id, now=clock.now()))
        await until(lambda: mailroom.deliveries()[0].state == "accepted")
    assert mailroom.outbox.disabled() == {}


async def test_a_post_that_breaks_harms_no_other_endpoint(mailroom, post, until):
    def answer(url: str) -> Answer:
        if "one" in url:
            raise ZeroDivisionError
        return Answer(200)

    post.answer = answer
    before = DELIVERIES.labels("unit-0", "error")._value.get()
    mailroom.file(0)
    mailroom.file(1)
    async with mailroom.delivering(post):
        await until(lambda: mailroom.outbox.pending() == {"unit-0": 1})
        await until(lambda: DELIVERIES.labels("unit-0", "error")._value.get() > before)
        post.answer = lambda url: Answer(200)
        await until(lambda: mailroom.outbox.pending() == {})
