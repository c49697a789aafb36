"""What belongs to each payload profile: topics beside its own, and what a retained message is."""

import pytest

from citypatrol.samples import Sample
from ingest.message import ClockBounds, Message
from ingest.parse import Parsed, Parser
from ingest.payloads import Payload, rules
from ingest.routes import Routes

NOW = 1_747_094_531_480
THEN = NOW - 5_000


def _routes(payload: Payload, match: str) -> Routes:
    return Routes(rules(payload, match, None))


def _parse(payload: Payload, match: str, *messages: Message) -> Parsed:
    return Parser(_routes(payload, match), clock=ClockBounds())(messages)


@pytest.mark.parametrize(
    ("payload", "match", "filters"),
    [
        ("plain", "c/{source}/{metric}", ["c/+/+"]),
        ("json", "c/{source}", ["c/+", "c/+/status"]),
        ("senml", "c/{source}/senml", ["c/+/senml", "c/+/senml/status"]),
        ("senml", "c/{gateway}", ["c/+"]),
        ("thingsboard", "tb/{source}", ["tb/+", "tb/+/status"]),
        (
            "thingsboard",
            "g/{gateway}/telemetry",
            ["g/+/telemetry", "g/+/connect", "g/+/disconnect"],
        ),
        ("thingsboard", "g/{gateway}", ["g/+"]),
        ("zigbee2mqtt", "a/{b}/z/{source}", ["a/+/z/#"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_subscribed_to(payload: Payload, match: str, filters: list[str]) -> None:
    assert _routes(payload, match).filters == filters


@pytest.mark.parametrize(
    ("payload", "match", "topic", "unstamped", "stamped"),
    [
        ("json", "c/{source}", "c/a", b'{"t":1}', b'{"t":1,"ts":%d}' % THEN),
        ("thingsboard", "c/{source}", "c/a", b'{"t":1}', b'{"values":{"t":1},"ts":%d}' % THEN),
        (
            "thingsboard",
            "g/telemetry",
            "g/telemetry",
            b'{"a":[{"t":1}]}',
            b'{"a":[{"values":{"t":1},"ts":%d}]}' % THEN,
        ),
        (
            "senml",
            "senml",
            "senml",
            b'[{"n":"a/t","t":-5,"v":1}]',
            b'[{"n":"a/t","t":%d,"v":1}]' % (THEN / 1000 // 1 + 1),
        ),
        ("zigbee2mqtt", "z/{source}", "z/a", b'{"t":1}', b'{"t":1,"last_seen":%d}' % THEN),
    ],
    ids=["json", "thingsboard", "thingsboard gateway", "senml", "zigbee2mqtt"],
)
class TestRetained:
    """DESIGN 4: a retained message without a time makes no sample, else an old value would look
    fresh at every reconnect."""

    def test_without_a_time(
        self, payload: Payload, match: str, topic: str, unstamped: bytes, stamped: bytes
    ) -> None:
        parsed = _parse(payload, match, Message(topic, unstamped, NOW, retain=True))
        assert (len(parsed.batch), parsed.counts) == (0, {"retained": 1})
        live = _parse(payload, match, Message(topic, unstamped, NOW, dup=True))
        assert [row[:2] for row in live.batch.samples()] == [("a", "t")]
        assert live.counts == {"redelivered_unstamped": 1}

    def test_with_a_time(
        self, payload: Payload, match: str, topic: str, unstamped: bytes, stamped: bytes
    ) -> None:
        first = Message(topic, stamped, NOW, retain=True)
        parsed = _parse(payload, match, first, first._replace(arrived=NOW + 9, dup=True))
        one, again = parsed.batch.samples()
        assert one == again, "the same row, however often it comes"
        assert NOW - 5_000 <= one.ts <= NOW
        assert parsed.counts == {}
        assert parsed.stamps == [], "it says nothing of what the broker held"


@pytest.mark.parametrize(
    ("payload", "match", "topic", "says"),
    [
        ("json", "c/{source}", "c/a/status", b"offline"),
        ("senml", "c/{source}", "c/a/status", b"offline"),
        ("thingsboard", "c/{source}", "c/a/status", b'{"state":"offline"}'),
        ("thingsboard", "g/telemetry", "g/disconnect", b'{"device":"a"}'),
        ("thingsboard", "v1/gateway/disconnect", "v1/gateway/disconnect", b'{"device":"a"}'),
        ("zigbee2mqtt", "z/{source}", "z/a/availability", b"offline"),
        ("zigbee2mqtt", "z/{source}", "z/a/availability", b'{"state":"offline"}'),
    ],
)
@pytest.mark.parametrize("retain", [True, False], ids=["retained", "live"])
def test_offline_is_said_at_once(
    payload: Payload, match: str, topic: str, says: bytes, retain: bool
) -> None:
    parsed = _parse(payload, match, Message(topic, says, NOW, retain=retain))
    assert list(parsed.batch.samples()) == [Sample("a", "online", NOW, 0.0)]
    assert parsed.counts == {}


@pytest.mark.parametrize(
    ("payload", "match", "topic", "says"),
    [
        ("thingsboard", "g/telemetry", "g/telemetry", b'{"%s":[{"t":1}]}'),
        ("thingsboard", "g/telemetry", "g/connect", b'{"device":"%s"}'),
        ("thingsboard", "v1/gateway/connect", "v1/gateway/connect", b'{"device":"%s"}'),
        ("senml", "senml", "senml", b'[{"n":"%s/t","v":1}]'),
    ],
)
def test_a_devices_name_is_bounded(payload: Payload, match: str, topic: str, says: bytes) -> None:
    good = _parse(payload, match, Message(topic, says % (b"x" * 200), NOW))
    assert good.batch.sources == ("x" * 200,)
    bad = _parse(payload, match, Message(topic, says % (b"x" * 201), NOW))
    assert len(bad.batch) == 0
    assert [letter.reason for letter in bad.letters] == [
        f"the source's name in the payload has 201 characters; at most 200: `{'x' * 40}...`"
    ]


def test_a_zigbee_name_that_is_too_long_is_the_topics_fault() -> None:
    parsed = _parse("zigbee2mqtt", "z/{source}", Message("z/" + "x/" * 101, b'{"t":1}', NOW))
    assert "the topic's `source` has 202 characters; at most 200" in parsed.letters[0].reason
