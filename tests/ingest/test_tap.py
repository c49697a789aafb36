import pytest

from ingest.message import Message
from ingest.tap import Came, Crowded, Listener, Tap, compiled


@pytest.mark.parametrize(
    ("topics", "topic", "matches"),
    [
        ("city/+/water/#", "city/a/water/x/y", True),
        ("city/+/water/#", "city/a/water", True),
        ("city/+/water/#", "city/a/b/water", False),
        ("city/+/water/#", "city/a/waters", False),
        ("#", "anything/at all", True),
        ("#", "$SYS/broker", False),
        ("+/broker", "$SYS/broker", False),
        ("$SYS/#", "$SYS/broker", True),
        ("+", "a", True),
        ("+", "a/b", False),
        ("+/+", "/", True),
        ("a.b", "axb", False),
        ("a/b", "a/b\n", False),
        ("+/#", "a/b\nc", True),
    ],
)
def test_filters_match_as_brokers_do(topics: str, topic: str, matches: bool) -> None:
    assert bool(compiled(topics).match(topic)) == matches


@pytest.mark.parametrize("topics", ["", "a#", "#/a", "a/b+", "a/##"])
def test_what_is_no_filter_is_said(topics: str) -> None:
    with pytest.raises(ValueError, match=r"is no topic filter: .* write one like city"):
        compiled(topics)


def _message(number: int, *, topic: str = "city/a", size: int = 1) -> Message:
    return Message(topic, b"x" * size, number)


def test_who_looks_on_gets_what_matches_in_its_order() -> None:
    tap = Tap()
    assert not tap.is_open
    one, other = tap.listen("city/#"), tap.listen("elsewhere")
    assert tap.is_open
    messages = [_message(1), _message(2, topic="elsewhere"), _message(3)]
    tap.show(messages, input="mqtt")
    assert one.take(most=1) == ([Came("mqtt", messages[0])], 0)
    assert one.take(most=9) == ([Came("mqtt", messages[2])], 0)
    assert other.take(most=9) == ([Came("mqtt", messages[1])], 0)
    tap.leave(one)
    tap.leave(other)
    assert not tap.is_open
    tap.show(messages, input="mqtt")
    assert one.take(most=9) == ([], 0)


def test_who_reads_slowly_misses_some_and_is_told_once() -> None:
    listener = Listener(compiled("#"), most=3)
    listener.hear([_message(n) for n in range(10)], input="mqtt")
    taken, dropped = listener.take(most=2)
    assert ([one.message.arrived for one in taken], dropped) == ([0, 1], 7)
    listener.hear([_message(n) for n in range(10, 13)], input="mqtt")
    taken, dropped = listener.take(most=9)
    assert ([one.message.arrived for one in taken], dropped) == ([2, 10, 11], 1)


def test_large_payloads_fill_it_too() -> None:
    listener = Listener(compiled("#"))
    listener.hear([_message(n, size=1_000_000) for n in range(20)], input="mqtt")
    taken, dropped = listener.take(most=99)
    assert (len(taken), dropped) == (8, 12)
    listener.hear([_message(1)], input="mqtt")
    assert len(listener.take(most=99)[0]) == 1, "there is room again"


def test_only_so_many_look_on() -> None:
    tap = Tap()
    listeners = [tap.listen("#") for _ in range(8)]
    assert tap.is_crowded
    with pytest.raises(Crowded, match="8 look on already; end one of them"):
        tap.listen("#")
    tap.leave(listeners[0])
    tap.listen("#")
