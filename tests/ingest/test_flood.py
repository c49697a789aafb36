import pytest

from ingest.flood import Allowance, Sieve
from ingest.message import Message
from ingest.profiles.plain import read_plain
from ingest.routes import Routes, TopicRule
from ingest.topics import Pattern

NOW = 1_747_094_531_000
RULES = [
    TopicRule(Pattern.parse("city/{source}/{metric}"), read_plain),
    TopicRule(Pattern.parse("gateway/{gateway}"), read_plain),
]


def _sieve(*, burst: int = 20) -> Sieve:
    return Sieve(Routes(RULES), Allowance(per_second=10, burst=burst))


def _sent(topic: str, count: int, *, first: int = 0) -> list[Message]:
    return [Message(topic, b"%d" % number, NOW) for number in range(first, first + count)]


def test_nobody_is_limited_within_the_burst() -> None:
    sieve = _sieve()
    for second in range(10):
        messages = _sent("city/a/level", 12)
        assert sieve(messages, now=NOW + 1_000 * second) == (messages, [], [])


def test_a_source_above_the_burst_is_thinned_to_its_newest_and_the_others_are_not() -> None:
    sieve = _sieve()
    sieve(_sent("city/a/level", 100), now=NOW)
    other = _sent("city/b/level", 5)
    kept, surplus, news = sieve(_sent("city/a/level", 50) + other, now=NOW + 1_000)
    assert news == [("a", True, 0)]
    assert kept == [*other, _sent("city/a/level", 1, first=49)[0]]
    assert len(surplus) == 49
    kept, surplus, _ = sieve(_sent("city/a/level", 3, first=50), now=NOW + 1_500)
    assert (kept, len(surplus)) == ([], 2)
    assert sieve.holds
    kept, surplus, _ = sieve([], now=NOW + 2_000)
    assert [message.payload for message in kept] == [b"52"]
    assert not sieve.holds


def test_all_topics_of_a_source_count_and_each_keeps_its_newest() -> None:
    sieve = _sieve()
    for number in range(50):
        sieve(_sent(f"city/a/m{number}", 2), now=NOW)
    messages = _sent("city/a/m1", 2) + _sent("city/a/new", 2)
    kept, surplus, _ = sieve(messages, now=NOW + 1_000)
    assert [message.topic for message in kept] == ["city/a/m1", "city/a/new"]
    assert len(surplus) == 2


def test_who_has_paid_is_free_again_and_what_it_cost_is_told() -> None:
    sieve = _sieve()
    sieve(_sent("city/a/level", 100), now=NOW)
    sieve(_sent("city/a/level", 11), now=NOW + 1_000)
    news = [one for second in range(2, 20) for one in sieve([], now=NOW + 1_000 * second).news]
    assert news == [("a", True, 10), ("a", False, 0)]
    messages = _sent("city/a/level", 9)
    assert sieve(messages, now=NOW + 30_000) == (messages, [], [])


@pytest.mark.parametrize("topic", ["gateway/g-1", "elsewhere", "city//level"])
def test_what_names_no_source_is_never_limited(topic: str) -> None:
    sieve = _sieve()
    for second in range(5):
        messages = _sent(topic, 500)
        assert sieve(messages, now=NOW + 1_000 * second) == (messages, [], [])


def test_every_message_comes_out_once() -> None:
    sieve = _sieve()
    sent = _sent("city/a/level", 3_000)
    out = 0
    for number in range(30):
        kept, surplus, _ = sieve(sent[100 * number : 100 * number + 100], now=NOW + 300 * number)
        out += len(kept) + len(surplus)
    for second in range(20, 400):
        out += len(sieve([], now=NOW + 1_000 * second).kept)
    assert out == 3_000
    assert not sieve.holds
