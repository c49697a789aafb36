"""ThingsBoard's telemetry, with the examples of its documentation."""

import pytest

from citypatrol.errors import Reject
from ingest.profiles.reading import NotFinite, Part, Profile
from ingest.profiles.thingsboard import read_connect, read_device, read_disconnect, read_gateway

T = 1_451_649_600_512


@pytest.mark.parametrize(
    ("payload", "values", "ts", "ignored"),
    [
        pytest.param(
            b'{"temperature": 22.5, "humidity": 61}',
            [("temperature", 22.5), ("humidity", 61.0)],
            None,
            0,
            id="simple key-value",
        ),
        pytest.param(
            b'{"ts": 1451649600512, "values": {"temperature": 22.5, "humidity": 61}}',
            [("temperature", 22.5), ("humidity", 61.0)],
            T,
            0,
            id="with client-side timestamp",
        ),
        pytest.param(
            b'{"s":"value1","b":true,"d":42.0,"l":73,"o":{"n":{"k":"v"}},"a":[1,2,3]}',
            [("b", 1.0), ("d", 42.0), ("l", 73.0)],
            None,
            3,
            id="supported value types",
        ),
        pytest.param(
            b'{"a":"21","b":"-2.5","c":"1e3","d":"0x1","e":"2.","f":" 1","g":"1,5"}',
            [("a", 21.0), ("b", -2.5)],
            None,
            5,
            id="numbers in text",
        ),
        pytest.param(b'{"values": {"t": 1}}', [("t", 1.0)], None, 0, id="values without a time"),
        pytest.param(b'{"ts":"1451649600512","values":{"t":1}}', [("t", 1)], T, 0, id="ts is text"),
        pytest.param(b'{"ts":5,"values":3}', [("ts", 5), ("values", 3)], None, 0, id="plain keys"),
        pytest.param(b'[{"t": 1}]', [("t", 1.0)], None, 0, id="array of one"),
        pytest.param(b'{"fw_state": "UPDATED"}', None, None, 1, id="nothing but text"),
    ],
)
def test_one_time(
    payload: bytes, values: list[tuple[str | None, float]] | None, ts: int | None, ignored: int
) -> None:
    reading = read_device(payload)
    assert (list(reading.values), reading.ts, reading.ignored) == (values or [], ts, ignored)
    assert (reading.aside, list(reading.parts)) == (None, [])


def test_an_array_of_objects() -> None:
    """Array of objects with client-side timestamp; and one without beside them."""
    reading = read_device(
        b'[{"ts": 1451649600000, "values": {"temperature": 22.5, "humidity": 61}},'
        b' {"ts": 1451649601000, "values": {"temperature": 22.7, "humidity": 60}},'
        b' {"temperature": 23}]'
    )
    assert list(reading.parts) == [
        Part([("temperature", 22.5), ("humidity", 61.0)], 1_451_649_600_000),
        Part([("temperature", 22.7), ("humidity", 60.0)], 1_451_649_601_000),
        Part([("temperature", 23.0)]),
    ]


def test_a_gateway() -> None:
    reading = read_gateway(
        b'{"Device A": [{"ts": 1483228800000, "values": {"temperature": 42, "humidity": 80}},'
        b' {"ts": 1483228801000, "values": {"temperature": 43, "humidity": 82}}],'
        b' "Device B": [{"ts": 1483228800000, "values": {"temperature": 42, "humidity": 80}}]}'
    )
    assert list(reading.parts) == [
        Part([("temperature", 42.0), ("humidity", 80.0)], 1_483_228_800_000, "Device A"),
        Part([("temperature", 43.0), ("humidity", 82.0)], 1_483_228_801_000, "Device A"),
        Part([("temperature", 42.0), ("humidity", 80.0)], 1_483_228_800_000, "Device B"),
    ]
    assert reading.aside is None


@pytest.mark.parametrize(("read", "value"), [(read_connect, 1.0), (read_disconnect, 0.0)])
def test_devices_come_and_go(read: Profile, value: float) -> None:
    reading = read(b'{"device": "Device A", "type": "Sensor A"}')
    assert list(reading.parts) == [Part((("online", value),), source="Device A")]


@pytest.mark.parametrize(
    ("read", "payload", "says"),
    [
        (read_device, b"3", "telemetry is no object: `3`"),
        (read_device, b"[]", "no telemetry in it: `[]`"),
        (read_device, b"{}", "no telemetry in it: `{}`"),
        (read_device, b'{"t":1,"t":2}', "key `t` stands twice"),
        (read_device, b'{"ts":1,"values":{"t":1,"t":2}}', "key `t` stands twice"),
        (read_device, b'{"ts":"now","values":{"t":1}}', "`ts` is `now`; ThingsBoard counts"),
        (read_device, b'{"ts":true,"values":{"t":1}}', "`ts` is `True`"),
        (read_device, b'{"ts":1e300,"values":{"t":1}}', "`ts` is `1e+300`"),
        (read_device, b'{"":1}', "`` is no name for a metric"),
        (read_device, b"[" * 9, "not JSON"),
        (read_gateway, b"[1]", "not an object of device names"),
        (read_gateway, b'{"A": 1}', "telemetry of device `A` is no object: `1`"),
        (read_gateway, b'{"A": []}', "no telemetry in it"),
        (read_connect, b'{"name": "A"}', 'no `{"device": NAME}`'),
        (read_disconnect, b"A", "not JSON"),
    ],
    ids=lambda value: value.decode()[:40] if isinstance(value, bytes) else "",
)
def test_what_cannot_be_read_is_rejected(read: Profile, payload: bytes, says: str) -> None:
    with pytest.raises(Reject) as error:
        read(payload)
    assert says in error.value.reason
    assert len(error.value.reason) < 300


def test_a_faulty_object_harms_no_other() -> None:
    reading = read_gateway(b'{"A": [3, {"t": NaN, "h": 1}], "B": [{"t": 2}]}')
    assert list(reading.parts) == [
        Part([("h", 1.0)], None, "A"),
        Part([("t", 2.0)], None, "B"),
    ]
    assert reading.aside is not None
    assert reading.aside.reason == "telemetry of device `A` is no object: `3`"


def test_what_is_not_finite_is_counted_as_such() -> None:
    assert isinstance(read_device(b'{"t": 1e999, "h": 1}').aside, NotFinite)
