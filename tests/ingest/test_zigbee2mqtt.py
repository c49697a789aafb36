"""Zigbee2MQTT's state objects, with the examples of its documentation."""

import pytest

from citypatrol.errors import Reject
from citypatrol.samples import Sample
from ingest.message import ClockBounds, Message
from ingest.parse import Parsed, Parser
from ingest.payloads import rules
from ingest.profiles.zigbee2mqtt import read_state
from ingest.routes import Routes

NOW = 1_747_094_531_480
SEEN = 1_551_454_365_941  # 2019-03-01T15:32:45.941Z


@pytest.mark.parametrize(
    ("payload", "values", "ignored"),
    [
        pytest.param(
            b'{"temperature": 27.34, "humidity": 44.72}',
            [("temperature", 27.34), ("humidity", 44.72)],
            0,
            id="WSDCGQ01LM",
        ),
        pytest.param(b'{"action": "single"}', [], 1, id="WXKG01LM"),
        pytest.param(b'{"occupancy": true}', [("occupancy", 1.0)], 0, id="RTCGQ01LM"),
        pytest.param(
            b'{"state": "ON", "brightness": 215, "color_temp": 325}',
            [("state", 1.0), ("brightness", 215.0), ("color_temp", 325.0)],
            0,
            id="LED1545G12",
        ),
        pytest.param(
            b'{"state":"OFF","color":{"x":0.123,"y":0.4},"update":{"state":"idle"},"l":[1],"n":null}',
            [("state", 0.0), ("color.x", 0.123), ("color.y", 0.4)],
            3,
            id="nested",
        ),
        pytest.param(b'{"state": "TOGGLE", "lock": "LOCK"}', [], 2, id="other words"),
    ],
)
def test_state(payload: bytes, values: list[tuple[str, float]], ignored: int) -> None:
    reading = read_state(payload)
    assert (list(reading.values), reading.ignored) == (values, ignored)
    assert (reading.ts, reading.aside) == (None, None)


@pytest.mark.parametrize(
    ("last_seen", "ts"),
    [
        pytest.param('"2019-03-01T15:32:45.941Z"', SEEN, id="ISO_8601"),
        pytest.param('"2019-03-01T16:32:45+01:00"', SEEN - 941, id="ISO_8601_local"),
        pytest.param('"2019-03-01T16:32:45.941+0100"', SEEN, id="ISO_8601_local of old releases"),
        pytest.param("1551454365941", SEEN, id="epoch"),
        pytest.param("null", None, id="never"),
    ],
)
def test_last_seen(last_seen: str, ts: int | None) -> None:
    reading = read_state(f'{{"last_seen":{last_seen},"t":1}}'.encode())
    assert (reading.ts, list(reading.values), reading.ignored) == (ts, [("t", 1.0)], 0)


def test_a_message_that_only_says_when_the_device_was_heard_is_counted() -> None:
    reading = read_state(b'{"last_seen":1551454365941}')
    assert (list(reading.values), reading.ignored) == ([], 1)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"ON", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "the state is empty"),
        (b'{"last_seen":"2 minutes ago","t":1}', "set advanced.last_seen to ISO_8601"),
        (b'{"last_seen":true,"t":1}', "`last_seen` is `True`"),
        (b'{"last_seen":1e999,"t":1}', "`last_seen` is `inf`"),
        (b'{"color":{"x":1,"x":2}}', "key `x` stands twice"),
        (b'{"":1}', "`` is no name"),
    ],
)
def test_what_cannot_be_read_is_rejected(payload: bytes, says: str) -> None:
    with pytest.raises(Reject, match=says):
        read_state(payload)


def test_depth_is_bounded() -> None:
    assert read_state(b'{"a":' * 900 + b"1" + b"}" * 900).ignored == 1


def test_a_value_that_is_not_finite_leaves_the_others() -> None:
    reading = read_state(b'{"t":NaN,"h":1}')
    assert list(reading.values) == [("h", 1.0)]
    assert reading.aside is not None


def _parse(*messages: Message) -> Parsed:
    routes = Routes(rules("zigbee2mqtt", "{district}/zigbee2mqtt/{source}", None))
    assert routes.filters == ["+/zigbee2mqtt/#"]
    return Parser(routes, clock=ClockBounds())(messages)


@pytest.mark.parametrize("name", ["0x00158d00018255df", "kitchen/floor_light", "my bulb", "a/b/c"])
def test_friendly_names_may_hold_slashes(name: str) -> None:
    topic = f"gc/zigbee2mqtt/{name}"
    parsed = _parse(
        Message(topic, b'{"state":"ON"}', NOW),
        Message(f"{topic}/availability", b'{"state":"offline"}', NOW, retain=True),
        Message(f"{topic}/availability", b"online", NOW + 1),
    )
    assert list(parsed.batch.samples()) == [
        Sample(name, "state", NOW, 1.0),
        Sample(name, "online", NOW, 0.0),
        Sample(name, "online", NOW + 1, 1.0),
    ]
    assert parsed.labels == {name: {"district": "gc"}}


def test_talk_of_the_bridge_and_commands_are_counted_and_nothing_else() -> None:
    topics = {
        "bridge/state": "bridge",
        "bridge/devices": "bridge",
        "bridge/request/permit_join": "bridge",
        "bulb/set": "command",
        "kitchen/bulb/set": "command",
        "bulb/set/state": "command",
        "bulb/get": "command",
        "bulb/action": "command",
    }
    parsed = _parse(*(Message(f"gc/zigbee2mqtt/{topic}", b"ON", NOW) for topic in topics))
    assert (len(parsed.batch), parsed.letters) == (0, [])
    assert parsed.counts == {"bridge": 3, "command": 5}


def test_a_retained_state_counts_by_its_last_seen_only() -> None:
    topic = "gc/zigbee2mqtt/t"
    parsed = _parse(
        Message(topic, b'{"t":1}', NOW, retain=True),
        Message(topic, b'{"t":2,"last_seen":%d}' % (NOW - 9), NOW, retain=True),
    )
    assert list(parsed.batch.samples()) == [Sample("t", "t", NOW - 9, 2.0)]
    assert parsed.counts == {"retained": 1}
