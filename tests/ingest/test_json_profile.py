import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.errors import Reject
from ingest.profiles.json import read_json
from ingest.profiles.reading import NotFinite

T = 1_747_094_531_480
LEAP = 1_483_228_800_000


@pytest.mark.parametrize(
    ("payload", "values", "ts", "ignored"),
    [
        pytest.param(b'{"value": 3}', [(None, 3.0)], None, 0, id="value"),
        pytest.param(b'{"pm25":3.5,"co":1}', [("pm25", 3.5), ("co", 1.0)], None, 0, id="keys"),
        pytest.param(b'{"value":1,"battery":87}', [(None, 1), ("battery", 87)], None, 0, id="both"),
        pytest.param(b'{"open":true,"on":false}', [("open", 1), ("on", 0)], None, 0, id="booleans"),
        pytest.param(
            b'{"pm25":3,"unit":"ug","list":[1],"more":{"a":1},"no":null}',
            [("pm25", 3.0)],
            None,
            4,
            id="keys that are no number are ignored and counted",
        ),
        pytest.param(b'{"ts":1747094531,"v":1}', [("v", 1)], T - 480, 0, id="seconds"),
        pytest.param(b'{"ts":1747094531.4804,"v":1}', [("v", 1)], T, 0, id="rounded fractions"),
        pytest.param(b'{"ts":1747094531480,"v":1}', [("v", 1)], T, 0, id="milliseconds"),
        pytest.param(b'{"ts":99999999999,"v":1}', [("v", 1)], 99999999999000, 0, id="below 1e11"),
        pytest.param(b'{"ts":100000000000,"v":1}', [("v", 1)], 100000000000, 0, id="from 1e11"),
        pytest.param(b'{"ts":"2025-05-13T00:02:11.480Z","v":1}', [("v", 1)], T, 0, id="RFC 3339"),
        pytest.param(b'{"ts":"2025-05-13t08:02:11.48+08:00","v":1}', [("v", 1)], T, 0, id="zone"),
        pytest.param(b'{"ts":"2025-05-13T00:02:11.4796Z","v":1}', [("v", 1)], T, 0, id="long"),
        pytest.param(
            b'{"ts":"2016-12-31T23:59:60Z","v":1}', [("v", 1)], 1_483_228_800_000, 0, id="leap"
        ),
        pytest.param(b'\xef\xbb\xbf{"v":1}', [("v", 1)], None, 0, id="byte order mark"),
        pytest.param('{"水位":1}'.encode(), [("水位", 1)], None, 0, id="Chinese key"),
        pytest.param(b'{"a:b":1}', [("a:b", 1)], None, 0, id="colon in a key"),
        pytest.param(b'{"n":1e29}', [("n", 1e29)], None, 0, id="huge but finite"),
        pytest.param(b'{"n":%d}' % 10**30, [("n", 1e30)], None, 0, id="huge integer"),
    ],
)
def test_reading(
    payload: bytes, values: list[tuple[str | None, float]], ts: int | None, ignored: int
) -> None:
    reading = read_json(payload)
    assert (list(reading.values), reading.ts, reading.ignored) == (values, ts, ignored)
    assert reading.aside is None


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        pytest.param(b"3", "not a JSON object", id="number"),
        pytest.param(b"[1]", "not a JSON object", id="list"),
        pytest.param(b"{}", "no key holds a number", id="nothing"),
        pytest.param(b'{"ts":1747094531480}', "no key holds a number", id="time only"),
        pytest.param(b'{"a":"1"}', "no key holds a number", id="text only"),
        pytest.param(b'{"a":1', "not JSON", id="cut off"),
        pytest.param(b'{"a":1}x', "not JSON", id="more after it"),
        pytest.param(b"\x00\x01\x02", "not JSON", id="binary"),
        pytest.param(b'{"a":"\xff"}', "not UTF-8 at byte 6", id="not UTF-8"),
        pytest.param(b'{"a":1,"a":2}', "`a` stands twice", id="twice"),
        pytest.param(b'{"a":1,"\\u0061":2}', "`a` stands twice", id="twice, escaped"),
        pytest.param(b'{"ts":"2025-05-13T00:02:11Z","a":1,"a":2}', "twice", id="twice, with time"),
        pytest.param(b'{"a":' * 900 + b"1" + b"}" * 900, "no key", id="deep"),
        pytest.param(b"[" * 50_000, "not JSON|nested too deeply", id="deeper"),
        pytest.param(b'{"a":1,"b":' + b"[" * 3_000, "not JSON|nested", id="deep and cut off"),
        pytest.param(b'{"ts":%s,"v":1}' % (b"[" * 900 + b"]" * 900), "`ts` is", id="deep time"),
        pytest.param(b'{"a":"' + b"x" * 500_000 + b'"}', "bytes; at most 65,536", id="500 kB"),
        pytest.param(b'{"ts":true,"v":1}', "`ts` is neither", id="time is a boolean"),
        pytest.param(b'{"ts":null,"v":1}', "`ts` is neither", id="time is null"),
        pytest.param(b'{"ts":"yesterday","v":1}', "`ts` is `yesterday`", id="time is a word"),
        pytest.param(b'{"ts":"2025-05-13T00:02:11","v":1}', "with its zone", id="no zone"),
        pytest.param(b'{"ts":"2025-13-13T00:02:11Z","v":1}', "`ts` is", id="month 13"),
        pytest.param(b'{"ts":"2025-05-13","v":1}', "`ts` is", id="date only"),
        pytest.param(b'{"ts":NaN,"v":1}', "`ts` is not finite", id="time is NaN"),
        pytest.param(b'{"ts":1e400,"v":1}', "`ts` is not finite", id="time is infinite"),
        pytest.param(b'{"\\n":1}', "no name for a metric", id="line break in a key"),
        pytest.param(b'{"\\ud800":1}', "no name for a metric", id="half a character"),
        pytest.param(b'{"":1}', "no name for a metric", id="empty key"),
        pytest.param(
            b"{%s}" % b",".join(b'"k%d":1' % n for n in range(1001)), "1,001 metrics", id="many"
        ),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_reason(payload: bytes, says: str) -> None:
    with pytest.raises(Reject, match=says) as error:
        read_json(payload)
    assert len(error.value.reason) < 300


@pytest.mark.parametrize("payload", [b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999}'])
def test_only_what_is_not_finite(payload: bytes) -> None:
    with pytest.raises(NotFinite, match="`a` is not finite"):
        read_json(payload)


def test_a_value_that_is_not_finite_does_not_take_its_neighbours_along() -> None:
    reading = read_json(b'{"ts":1747094531480,"a":NaN,"b":2}')
    assert list(reading.values) == [("b", 2.0)]
    assert reading.ts == T
    assert isinstance(reading.aside, NotFinite)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected(payload: bytes) -> None:
    try:
        reading = read_json(payload)
    except Reject:
        return
    assert all(math.isfinite(value) for _, value in reading.values)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


@given(st.dictionaries(st.text(max_size=6), SCALARS | st.lists(SCALARS), max_size=8))
def test_any_object_is_read_or_rejected(fields: dict[str, object]) -> None:
    import json

    try:
        reading = read_json(json.dumps(fields).encode())
    except Reject:
        return
    for name, value in reading.values:
        assert name is None or name.isprintable()
        assert len(struct.pack("d", value)) == 8
        assert math.isfinite(value)
