"""SenML, with the examples of RFC 8428, section 5.1."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.errors import Reject
from ingest.profiles.reading import NotFinite, Part, Profile, Reading
from ingest.profiles.senml import read_device, read_pack

OW = "urn:dev:ow:10e2073a01080063"
BT = 1_320_067_464_000

SINGLE = b'[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]'
NOW_PAIR = b"""[
  {"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},
  {"n":"current","u":"A","v":1.2}]"""
SECONDS = b"""[
  {"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,
   "bu":"A","bver":5, "n":"voltage","u":"V","v":120.1},
  {"n":"current","t":-5,"v":1.2}, {"n":"current","t":-4,"v":1.3},
  {"n":"current","t":-3,"v":1.4}, {"n":"current","t":-2,"v":1.5},
  {"n":"current","t":-1,"v":1.6}, {"n":"current","v":1.7}]"""
MOBILE = b"""[
  {"bn":"urn:dev:ow:10e2073a01080063","bt":1.320067464e+09,"bu":"%RH","v":20},
  {"u":"lon","v":24.30621}, {"u":"lat","v":60.07965},
  {"t":60,"v":20.3}, {"u":"lon","t":60,"v":24.30622}, {"u":"lat","t":60,"v":60.07965},
  {"t":120,"v":20.7}, {"u":"lon","t":120,"v":24.30623}, {"u":"lat","t":120,"v":60.07966},
  {"u":"%EL","t":150,"v":98},
  {"t":180,"v":21.2}, {"u":"lon","t":180,"v":24.30628}, {"u":"lat","t":180,"v":60.07967}]"""
TYPES = b"""[
  {"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},
  {"n":"label","vs":"Machine Room"}, {"n":"open","vb":false},
  {"n":"nfv-reader","vd":"aGkgCg"}]"""
COLLECTION = b"""[
  {"bn":"2001:db8::2/","bt":1.320078429e+09, "n":"temperature","u":"Cel","v":25.2},
  {"n":"humidity","u":"%RH","v":30},
  {"bn":"2001:db8::1/","n":"temperature","u":"Cel","v":12.3},
  {"n":"humidity","u":"%RH","v":67}]"""
ACTUATOR = b"""[
  {"bn":"urn:dev:ow:10e2073a01080063:"},
  {"n":"temp","u":"Cel","v":23.1}, {"n":"heat","u":"/","v":1}, {"n":"fan","u":"/","v":0}]"""
LIGHTS = b"""[
  {"bt":1.320078429e+09,"bu":"/","n":"2001:db8::3","v":0.5}, {"n":"2001:db8::4","v":0.5},
  {"n":"2001:db8::3","t":0.1,"v":0}, {"n":"2001:db8::4","t":0.1,"v":0}]"""


@pytest.mark.parametrize(
    ("payload", "parts", "ignored"),
    [
        pytest.param(SINGLE, [Part([("Cel", 23.1)], None, OW)], 0, id="5.1.1"),
        pytest.param(
            NOW_PAIR, [Part([("voltage", 120.1), ("current", 1.2)], None, OW)], 0, id="5.1.2, now"
        ),
        pytest.param(
            SECONDS,
            [
                Part(
                    [("voltage", 120.1), ("current", 1.7)], 1_276_020_076_001, OW.replace("63", "6")
                ),
                *(
                    Part([("current", 1.2 + n / 10)], 1_276_020_071_001 + n * 1000, OW[:-2] + "6")
                    for n in range(5)
                ),
            ],
            0,
            id="5.1.2, seconds",
        ),
        pytest.param(
            MOBILE,
            [
                Part([("%RH", 20), ("lon", 24.30621), ("lat", 60.07965)], BT, OW),
                Part([("%RH", 20.3), ("lon", 24.30622), ("lat", 60.07965)], BT + 60_000, OW),
                Part([("%RH", 20.7), ("lon", 24.30623), ("lat", 60.07966)], BT + 120_000, OW),
                Part([("%EL", 98)], BT + 150_000, OW),
                Part([("%RH", 21.2), ("lon", 24.30628), ("lat", 60.07967)], BT + 180_000, OW),
            ],
            0,
            id="5.1.3",
        ),
        pytest.param(TYPES, [Part([("temp", 23.1), ("open", 0.0)], None, OW)], 2, id="5.1.5"),
        pytest.param(
            COLLECTION,
            [
                Part([("temperature", 25.2), ("humidity", 30)], 1_320_078_429_000, "2001:db8::2"),
                Part([("temperature", 12.3), ("humidity", 67)], 1_320_078_429_000, "2001:db8::1"),
            ],
            0,
            id="5.1.6",
        ),
        pytest.param(
            ACTUATOR, [Part([("temp", 23.1), ("heat", 1), ("fan", 0)], None, OW)], 0, id="5.1.7"
        ),
        pytest.param(
            LIGHTS,
            [
                Part([("/", 0.5)], 1_320_078_429_000, "2001:db8::3"),
                Part([("/", 0.5)], 1_320_078_429_000, "2001:db8::4"),
                Part([("/", 0.0)], 1_320_078_429_100, "2001:db8::3"),
                Part([("/", 0.0)], 1_320_078_429_100, "2001:db8::4"),
            ],
            0,
            id="5.1.7, lights",
        ),
    ],
)
def test_examples_of_the_specification(payload: bytes, parts: list[Part], ignored: int) -> None:
    reading = read_pack(payload)
    assert [part._replace(values=_rounded(part)) for part in reading.parts] == parts
    assert (reading.ignored, reading.aside) == (ignored, None)


def _rounded(part: Part) -> list[tuple[str | None, float]]:
    return [(metric, round(value, 6)) for metric, value in part.values]


def test_a_topic_that_names_the_device_leaves_the_names_to_the_metrics() -> None:
    assert list(read_device(NOW_PAIR).parts) == [Part([("voltage", 120.1), ("current", 1.2)])]
    assert list(read_device(SINGLE).parts) == [Part([("Cel", 23.1)])]
    with pytest.raises(Reject, match="two devices, `2001:db8::2` and `2001:db8::1`, but"):
        read_device(COLLECTION)


@pytest.mark.parametrize(
    ("record", "device", "metric"),
    [
        pytest.param({"bn": "urn:dev:ow:1:", "n": "t"}, "urn:dev:ow:1", "t", id="RFC 8428"),
        pytest.param(
            {"bn": "urn:dev:mac:0024bef_", "n": "t"}, "urn:dev:mac:0024bef", "t", id="9039"
        ),
        pytest.param({"n": "urn:dev:os:32473-12:a:b"}, "urn:dev:os:32473-12", "a:b", id="resolved"),
        pytest.param({"bn": "room/", "n": "lamp/on"}, "room/lamp", "on", id="path"),
        pytest.param({"bn": "ws-1:", "n": "level"}, "ws-1", "level", id="separator"),
        pytest.param({"bn": "ws-1", "n": "level"}, "ws-1", "level", id="no separator"),
        pytest.param({"bn": OW, "n": "temp"}, OW, "temp", id="URN without separator"),
        pytest.param({"bn": OW, "n": ":temp"}, OW, "temp", id="separator in front"),
        pytest.param({"bn": OW, "u": "Cel"}, OW, "Cel", id="URN alone"),
        pytest.param({"bn": "ws-1", "u": "Cel"}, "ws-1", "Cel", id="unit"),
        pytest.param({"n": "ws-1", "u": "Cel"}, "ws-1", "Cel", id="one word"),
        pytest.param({"n": "ws-1"}, "ws-1", None, id="neither name nor unit"),
    ],
)
def test_a_name_becomes_source_and_metric(
    record: dict[str, Any], device: str, metric: str | None
) -> None:
    [part] = read_pack(json.dumps([{**record, "v": 1}]).encode()).parts
    assert (part.source, list(part.values)) == (device, [(metric, 1.0)])


@pytest.mark.parametrize(
    ("record", "metric"),
    [
        ({"n": "level"}, "level"),
        ({"bn": "ws-1:", "n": "level"}, "level"),
        ({"bn": OW, "n": "level", "u": "Cel"}, "level"),
        ({"u": "Cel"}, "Cel"),
        ({}, None),
    ],
    ids=["name", "both", "URN without separator", "unit", "none"],
)
def test_the_metric_of_a_device_that_the_topic_names(
    record: dict[str, Any], metric: str | None
) -> None:
    [part] = read_device(json.dumps([{**record, "v": 1}]).encode()).parts
    assert (part.source, list(part.values)) == (None, [(metric, 1.0)])


@pytest.mark.parametrize(
    ("time", "ts", "after"),
    [
        pytest.param({}, None, 0, id="now"),
        pytest.param({"t": -5}, None, -5_000, id="past"),
        pytest.param({"bt": 10, "t": 0.02}, None, 10_020, id="future"),
        pytest.param({"bt": 2**28 - 1, "t": 0.5}, None, 268_435_455_500, id="last relative"),
        pytest.param({"bt": 2**28 - 1, "t": 1}, 268_435_456_000, 0, id="first absolute"),
    ],
)
def test_times_below_2_to_28_are_relative(
    time: dict[str, float], ts: int | None, after: int
) -> None:
    [part] = read_pack(json.dumps([{"n": "a/b", "v": 1, **time}]).encode()).parts
    assert (part.ts, part.after) == (ts, after)


@pytest.mark.parametrize(
    ("pack", "values"),
    [
        pytest.param([{"bv": 20, "v": 1}, {"v": 2}, {"bv": 0, "v": 3}], [21, 22, 3], id="bv"),
        pytest.param([{"bv": 20, "u": "x"}], [20], id="base value alone"),
        pytest.param([{"vb": True}, {"vb": False}], [1, 0], id="vb"),
    ],
)
def test_base_values_are_added(pack: list[dict[str, Any]], values: list[float]) -> None:
    pack = [{"n": f"d/m{n}", **record} for n, record in enumerate(pack)]
    [part] = read_pack(json.dumps(pack).encode()).parts
    assert [value for _, value in part.values] == values


def test_a_sum_is_a_metric_of_its_own() -> None:
    [part] = read_pack(b'[{"bn":"d/","bs":100,"n":"w","u":"W","v":5,"s":7},{"n":"x","s":1}]').parts
    assert list(part.values) == [("w", 5.0), ("w.sum", 107.0), ("x.sum", 101.0)]


def test_base_fields_hold_until_they_come_again() -> None:
    """Section 4: a base field applies to its record and those after it."""
    pack = b'[{"bn":"a/","bu":"V","n":"x","v":1},{"bn":"b/","n":"x","v":2},{"n":"y","v":3}]'
    assert [(part.source, list(part.values)) for part in read_pack(pack).parts] == [
        ("a", [("x", 1.0)]),
        ("b", [("x", 2.0), ("y", 3.0)]),
    ]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b'{"n":"a","v":1}', "a SenML pack is a JSON array"),
        (b"[]", "holds no measurement"),
        (b"[3]", "a SenML record is an object, not `3`"),
        (b'[{"bver":11,"n":"a/b","v":1}]', "version 11; up to 10"),
        (b'[{"n":"a/b","v":1},{"bver":5,"n":"a/c","v":1}]', "`bver` differs"),
        (b'[{"n":"a/b","v":1},{"n":"a/c","v":1,"must_":1}]', "`must_` must be understood"),
        (b'[{"bt":"now","n":"a/b","v":1}]', "`bt` is `now`, no number"),
        (b'[{"bn":3,"n":"a/b","v":1}]', "`bn` is `3`, no text"),
        (b'[{"n":"a/b","v":"1"}]', "`v` is `1`, no number"),
        (b'[{"n":"a/b","v":true}]', "`v` is `True`, no number"),
        (b'[{"n":"a/b","vb":1}]', "`vb` is `1`, no boolean"),
        (b'[{"n":"a/b","v":1,"vb":true}]', "one value, not `v` and `vb`"),
        (b'[{"n":"a/b","t":1}]', "neither a value nor a sum"),
        (b'[{"n":"a b/c","v":1}]', "name `a b/c`: only A-Z"),
        (b'[{"n":"_a/c","v":1}]', "name `_a/c`"),
        (b'[{"n":"a/b","v":1,"v":2}]', "key `v` stands twice"),
        (b'[{"v":1}]', "names no device"),
        (b'[{"bn":"a/"}]', "holds no measurement"),
        (b'[{"n":"a/b","t":1e300,"v":1}]', "is out of every bound"),
        (b'[{"n":"a/b","t":1e999,"v":1}]', "`t` is not finite"),
    ],
    ids=lambda value: value.decode()[:40] if isinstance(value, bytes) else "",
)
def test_what_cannot_be_read_is_rejected(payload: bytes, says: str) -> None:
    with pytest.raises(Reject) as error:
        read_pack(payload)
    assert says in error.value.reason
    assert len(error.value.reason) < 300


def test_a_faulty_record_harms_no_other() -> None:
    reading = read_pack(b'[{"bn":"a/","n":"x","v":NaN},{"n":"y","v":1},{"n":"z","v":"1"}]')
    assert list(reading.parts) == [Part([("y", 1.0)], None, "a")]
    assert isinstance(reading.aside, NotFinite)


NUMBERS = st.integers(-1_000, 1_000)
RECORDS = st.fixed_dictionaries(
    {"v": NUMBERS, "u": st.sampled_from(("Cel", "V"))},
    optional={
        "bn": st.sampled_from((f"{OW}:", f"{OW}_a/", "gw/a/", "gw/")),
        "bt": st.sampled_from((0, -30, 1_320_067_464)),
        "bv": NUMBERS,
        "n": st.sampled_from(("x", "y")),
        "t": st.integers(-10, 10),
    },
)


def _resolved(pack: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Section 4.6, by the letter; relative times stay relative."""
    base: dict[str, Any] = {"bn": "", "bt": 0, "bv": 0}
    records = []
    for record in pack:
        base |= {label: record[label] for label in base if label in record}
        name, time = base["bn"] + record.get("n", ""), base["bt"] + record.get("t", 0)
        records.append({"n": name, "t": time, "u": record["u"], "v": base["bv"] + record["v"]})
    return records


@given(st.lists(RECORDS, min_size=1, max_size=6))
@pytest.mark.parametrize("read", [read_pack, read_device])
def test_a_resolved_pack_is_the_pack(read: Profile, pack: list[dict[str, Any]]) -> None:
    pack = [{"bn": f"{OW}:", "n": "x", "u": "V", "v": 0}, *pack]
    assert _outcome(read, pack) == _outcome(read, _resolved(pack))


def _outcome(read: Profile, pack: list[dict[str, Any]]) -> Reading | str:
    try:
        return read(json.dumps(pack).encode())
    except Reject as reject:
        return reject.reason
