"""What is read quickly is read as the profile reads it: the same parser, with and without."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.arrivals import Arrivals
from ingest.message import ClockBounds, Message
from ingest.parse import Parsed, Parser
from ingest.profiles.json import read_json
from ingest.quick import Quick
from ingest.routes import Routes, TopicRule
from ingest.rows import Rows
from ingest.topics import Pattern

NOW = 1_747_094_531_480
TOPICS = ("city/gc/water/ws-1/level", "city/gc/water/ws-1", "city/gc/water/ws-1/status")
RULES = (
    TopicRule(Pattern.parse("city/{district}/{kind}/{source}/{metric}"), read_json),
    TopicRule(Pattern.parse("city/{district}/{kind}/{source}"), read_json),
)


def _quick(message: Message) -> tuple[bool, Rows, list[int]]:
    rows, stamps = Rows(), []
    quick = Quick(Routes(RULES), clock=ClockBounds(), arrivals=Arrivals())
    return quick.into(rows, stamps)(message), rows, stamps


class _Slowly(Parser):
    """A parser that asks the profile about everything."""

    def __call__(self, messages: object) -> Parsed:
        self._quick = _Never()  # type: ignore[assignment]
        return super().__call__(messages)  # type: ignore[arg-type]


class _Never:
    def into(self, *_: object) -> object:
        return lambda _: False


def _facts(parsed: Parsed) -> object:
    return (
        [tuple(row) for row in parsed.batch.samples()],
        {source: dict(labels) for source, labels in parsed.labels.items()},
        [letter.reason for letter in parsed.letters],
        dict(parsed.counts),
        parsed.stamps,
    )


@pytest.mark.parametrize(
    ("payload", "quickly"),
    [
        (b'{"ts":%d,"value":3.5}' % NOW, True),
        (b'{"value":3,"ts":%d}' % (NOW - 5), True),
        (b'{"ts":%d,"value":3,"battery":80}' % NOW, True),
        (b'{"ts":%d,"value":1e400}' % NOW, False),
        (b'{"ts":%d,"value":true}' % NOW, False),
        (b'{"ts":%d,"value":1,"value":2}' % NOW, False),
        (b'{"ts":%d}' % NOW, False),
        (b'{"ts":%d,"value":1}' % (NOW // 1000), False),
        (b'{"ts":%d,"value":1}' % (NOW + 300_001), False),
        (b'{"value":1}', False),
        (b'{"ts":%d,"value":1' % NOW, False),
        (b'{"ts":%d,"value":1,"":2}' % NOW, False),
    ],
    ids=["usual", "integer", "two", "infinite", "boolean", "twice", "empty", "seconds", "beyond",
         "unstamped", "torn", "no-name"],
)  # fmt: skip
def test_what_is_usual(payload: bytes, quickly: bool) -> None:
    done, rows, stamps = _quick(Message(TOPICS[0], payload, NOW))
    assert done is quickly
    assert (len(rows.batch()) > 0) is quickly
    assert (len(stamps) == 1) is quickly


def test_a_retained_one_is_left_to_the_profile() -> None:
    message = Message(TOPICS[0], b'{"ts":%d,"value":3.5}' % NOW, NOW, retain=True)
    assert not _quick(message)[0]


KEYS = st.sampled_from(["ts", "value", "pm25", "co", "\n", ""])
NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**60), 2**60))
STAMPS = st.sampled_from([NOW, NOW - 1, NOW // 1000, NOW + 300_000, NOW + 300_001, 0, "x", 1.5])
VALUES = st.one_of(NUMBERS, st.booleans(), st.none(), st.text(max_size=3), STAMPS)
PAYLOADS = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=4).map(orjson.dumps),
    st.tuples(STAMPS, NUMBERS).map(lambda pair: orjson.dumps({"ts": pair[0], "v": pair[1]})),
    st.binary(max_size=20),
)
MESSAGES = st.builds(
    Message, st.sampled_from(TOPICS), PAYLOADS, st.just(NOW), st.booleans(), st.booleans()
)


@settings(max_examples=80, deadline=None)
@given(st.lists(MESSAGES, max_size=4))
def test_it_says_the_same_as_the_profile(messages: list[Message]) -> None:
    quick, slow = (kind(Routes(RULES), clock=ClockBounds())(messages) for kind in (Parser, _Slowly))
    assert _facts(quick) == _facts(slow)
