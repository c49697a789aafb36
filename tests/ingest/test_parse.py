import pytest

from citypatrol.samples import Sample
from ingest.message import ClockBounds, Message
from ingest.parse import Parsed, Parser
from ingest.profiles.json import read_json
from ingest.profiles.plain import read_plain
from ingest.routes import Routes, TopicRule
from ingest.topics import Pattern

NOW = 1_747_094_531_480
LEVEL = "city/gc/water/ws-1/level"
FLAT = "city/gc/air/a-1"


def _parser() -> Parser:
    plain = TopicRule(Pattern.parse("city/{district}/{kind}/{source}/{metric}"), read_plain)
    flat = TopicRule(Pattern.parse("city/{district}/{kind}/{source}"), read_json)
    return Parser(Routes([plain, flat]), clock=ClockBounds(future=300_000, past=86_400_000))


def _parse(*messages: Message) -> Parsed:
    return _parser()(messages)


def _rows(parsed: Parsed) -> list[Sample]:
    return list(parsed.batch.samples())


def test_one_batch_of_many_messages() -> None:
    parsed = _parse(
        Message(LEVEL, b"3.5", NOW),
        Message(FLAT, b'{"ts":%d,"pm25":80,"co":0.4}' % (NOW - 5), NOW),
    )
    assert _rows(parsed) == [
        Sample("ws-1", "level", NOW, 3.5),
        Sample("a-1", "pm25", NOW - 5, 80.0),
        Sample("a-1", "co", NOW - 5, 0.4),
    ]
    assert {source: dict(labels) for source, labels in parsed.labels.items()} == {
        "ws-1": {"district": "gc", "kind": "water"},
        "a-1": {"district": "gc", "kind": "air"},
    }
    assert parsed.stamps == [NOW - 5]
    assert not parsed.letters
    assert not parsed.counts


def test_a_poisoned_message_leaves_its_neighbours_alone() -> None:
    parsed = _parse(
        Message(LEVEL, b"1", NOW),
        Message(LEVEL, b"wet", NOW),
        Message(FLAT, b"\xff", NOW),
        Message("city/gc/water//level", b"1", NOW),
        Message(LEVEL, b"nan", NOW),
        Message(LEVEL, b"2", NOW + 1),
    )
    assert [row.value for row in _rows(parsed)] == [1.0, 2.0]
    assert [letter.message.payload for letter in parsed.letters] == [b"wet", b"\xff", b"1", b"nan"]
    assert parsed.counts == {"unreadable": 3, "not_finite": 1}


def test_arrival_times_take_the_next_free_millisecond_of_their_series() -> None:
    other = "city/gc/water/ws-2/level"
    parsed = _parse(
        Message(LEVEL, b"1", NOW),
        Message(LEVEL, b"2", NOW),
        Message(other, b"3", NOW),
        Message(LEVEL, b"4", NOW + 1),
        Message(LEVEL, b"5", NOW + 9),
    )
    assert [row.ts - NOW for row in _rows(parsed)] == [0, 1, 0, 2, 9]


def test_an_arrival_time_makes_way_for_a_time_from_a_payload() -> None:
    parsed = _parse(
        Message(FLAT, b'{"v":1}', NOW),
        Message(FLAT, b'{"v":2,"ts":%d}' % (NOW + 1), NOW),
        Message(FLAT, b'{"v":3}', NOW),
    )
    assert [row.ts - NOW for row in _rows(parsed)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("offset", "kept"),
    [
        pytest.param(300_000, True, id="future bound"),
        pytest.param(300_001, False, id="beyond future"),
        pytest.param(-86_400_000, True, id="past bound"),
        pytest.param(-86_400_001, False, id="beyond past"),
        pytest.param(10**17, False, id="microseconds"),
    ],
)
def test_clock_bounds(offset: int, kept: bool) -> None:
    parsed = _parse(Message(FLAT, b'{"v":1,"ts":%d}' % (NOW + offset), NOW))
    assert len(parsed.batch) == kept
    assert parsed.counts == ({} if kept else {"clock": 1})
    assert [letter.reason[:5] for letter in parsed.letters] == ([] if kept else ["time "])


def test_what_lies_beyond_the_calendar_is_set_aside_too() -> None:
    parsed = _parse(Message(FLAT, b'{"v":1,"ts":1e300}', NOW))
    assert "ms since 1970 is more than 5m ahead" in parsed.letters[0].reason


@pytest.mark.parametrize(
    ("payload", "value"), [(b"offline", 0.0), (b"online", 1.0), (b" OFFLINE\n", 0.0)]
)
@pytest.mark.parametrize("topic", [f"{FLAT}/status", "city/gc/water/ws-1/status"])
@pytest.mark.parametrize("retain", [True, False], ids=["retained", "live"])
def test_a_last_will_sets_online(topic: str, payload: bytes, value: float, retain: bool) -> None:
    parsed = _parse(Message(topic, payload, NOW, retain=retain))
    assert _rows(parsed) == [Sample(topic.split("/")[3], "online", NOW, value)]
    assert parsed.stamps == []


def test_a_status_that_is_a_number_is_a_reading() -> None:
    parsed = _parse(Message("city/gc/water/ws-1/status", b"3", NOW))
    assert _rows(parsed) == [Sample("ws-1", "status", NOW, 3.0)]


def test_the_last_will_of_a_pattern_without_metric_is_nothing_else() -> None:
    rule = TopicRule(Pattern.parse("city/{source}"), read_json)
    parser = Parser(Routes([rule]), clock=ClockBounds())
    parsed = parser([Message("city/a/status", b"on fire", NOW)])
    assert parsed.letters[0].reason == "`on fire` is neither `online` nor `offline`"


def test_retained_messages() -> None:
    parsed = _parse(
        Message(LEVEL, b"3", NOW, retain=True),
        Message(FLAT, b'{"ts":%d,"v":1}' % (NOW - 7), NOW, retain=True),
    )
    assert _rows(parsed) == [Sample("a-1", "v", NOW - 7, 1.0)]
    assert parsed.counts == {"retained": 1}
    assert parsed.stamps == [], "a retained message says nothing of the broker's queue"


def test_a_retained_message_is_set_aside_once_however_often_it_comes() -> None:
    parser = _parser()
    bad = Message(LEVEL, b"wet", NOW, retain=True)
    old = Message(FLAT, b'{"ts":1,"v":1}', NOW, retain=True)
    first, second = parser([bad, old]), parser([bad, old])
    assert [letter.message for letter in first.letters] == [bad]
    assert not second.letters
    assert second.counts == {"unreadable": 1, "clock": 1}


def test_value_needs_a_metric_and_the_rest_of_the_object_is_kept() -> None:
    parsed = _parse(Message(FLAT, b'{"value":1,"co":2}', NOW))
    assert _rows(parsed) == [Sample("a-1", "co", NOW, 2.0)]
    assert parsed.letters[0].reason.startswith("`value` needs {metric}")


def test_counted_only() -> None:
    parsed = _parse(
        Message("elsewhere", b"1", NOW),
        Message(LEVEL, b"", NOW),
        Message(FLAT, b'{"v":1,"unit":"mm"}', NOW, dup=True, mid=3),
    )
    assert parsed.counts == {
        "no_pattern": 1,
        "empty": 1,
        "ignored_key": 1,
        "redelivered_unstamped": 1,
    }
    assert not parsed.letters


def test_an_oversized_payload_is_set_aside_whatever_the_profile() -> None:
    parsed = _parse(Message(LEVEL, b" " * 500_000, NOW), Message(FLAT, b" " * 500_000, NOW))
    assert [letter.reason for letter in parsed.letters] == [
        "500,000 bytes; at most 65,536 are read"
    ] * 2


def test_labels_of_two_topics_of_one_source_add_up() -> None:
    parsed = _parse(Message(FLAT, b'{"v":1}', NOW), Message("city/jb/air/a-1/co", b"1", NOW))
    assert parsed.labels == {"a-1": {"district": "jb", "kind": "air"}}


def test_redelivery_of_a_stamped_payload_gives_the_same_row() -> None:
    message = Message(FLAT, b'{"ts":%d,"v":1}' % NOW, NOW, mid=1)
    again = replace_arrival(message, NOW + 5_000)
    one, two = _rows(_parse(message, again))
    assert one == two


def replace_arrival(message: Message, arrived: int) -> Message:
    return message._replace(arrived=arrived, dup=True)
