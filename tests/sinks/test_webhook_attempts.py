"""What follows from one attempt."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from sinks.attempts import Answer, Outcome, outcome

NOW = 1_778_630_531_000
SCHEDULE = (0, 5_000, 300_000)
HOUR = 3_600_000


def judged(answer: Answer, *, tries: int = 0, spread: float = 0.0) -> Outcome:
    return outcome(answer, tries=tries, schedule=SCHEDULE, now=NOW, spread=spread)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_only_2xx_is_success(status):
    assert judged(Answer(status)) == Outcome("accepted", "")


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 400, 401, 404, 413, 429, 500, 503])
def test_everything_else_is_tried_again(status):
    said = judged(Answer(status, "sorry"))
    assert (said.result, said.due_at) == ("retry", NOW + 5_000)
    assert said.reason == ("sorry" if status is None else f"HTTP {status}: sorry")


def test_a_status_alone_is_reason_enough():
    assert judged(Answer(500)).reason == "HTTP 500"


def test_the_schedule_is_the_wait_after_the_attempt_before():
    waits = [judged(Answer(500), tries=tries).due_at for tries in (0, 1)]
    assert waits == [NOW + 5_000, NOW + 300_000]


def test_the_last_attempt_is_dead():
    assert judged(Answer(500), tries=2) == Outcome("dead", "HTTP 500; this was attempt 3 of 3")
    assert judged(Answer(500), tries=7).result == "dead"
    assert judged(Answer(204), tries=7).result == "accepted"


def test_410_is_gone_even_at_the_last():
    assert judged(Answer(410), tries=2) == Outcome("gone", "HTTP 410", due_at=NOW)


def test_jitter_lengthens_by_at_most_a_tenth():
    assert judged(Answer(500), tries=1, spread=1.0).due_at == NOW + 330_000
    assert judged(Answer(500), tries=1, spread=0.5).due_at == NOW + 315_000


def date(offset_s: int) -> str:
    return format_datetime(datetime.fromtimestamp(NOW // 1000 + offset_s, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        pytest.param("120", 120_000, id="seconds"),
        pytest.param(" 7 ", 7_000, id="seconds with blanks"),
        pytest.param("1", 5_000, id="sooner than the schedule"),
        pytest.param(date(90), 90_000, id="date"),
        pytest.param(date(90).replace("GMT", "-0000"), 90_000, id="date without a zone"),
        pytest.param(date(-90), 5_000, id="date that is over"),
        pytest.param("999999999", 24 * HOUR, id="for ever is a day"),
        pytest.param("99999999999999999999", 5_000, id="absurd"),
        pytest.param("-5", 5_000, id="negative"),
        pytest.param("soon", 5_000, id="a word"),
        pytest.param("", 5_000, id="empty"),
        pytest.param("१२", 5_000, id="other digits"),
        pytest.param("Wed, 99 May 2026 00:00:00 GMT", 5_000, id="no such day"),
    ],
)
def test_retry_after(header, wait):
    assert judged(Answer(503, retry_after=header)).due_at == NOW + wait
