"""What the fuzzers send: for each payload profile topics and payloads that are nearly right.

Four kinds of payload each: the form of the profile with odd values in it, the same with a few bytes
changed, any JSON, any bytes. ``account`` says how a message ended and holds it to the promise that
it left a sample, a letter or a count.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from citypatrol.samples import decode_batch, encode_batch
from ingest.message import ClockBounds, Message
from ingest.parse import Parser
from ingest.payloads import Payload, rules
from ingest.routes import Routes

NOW: Final = 1_747_094_531_480
Pack = st.SearchStrategy[Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One profile: its pattern, its topics, and payloads of its form."""

    profile: Payload
    match: str
    topics: st.SearchStrategy[str]
    form: Pack

    def parser(self) -> Parser:
        metric = "level" if self.profile in ("plain", "senml") else None
        return Parser(Routes(rules(self.profile, self.match, metric)), clock=ClockBounds())

    @property
    def payloads(self) -> st.SearchStrategy[bytes]:
        whole = self.form.map(_bytes)
        return _mostly(whole, st.one_of(_broken(whole), ANY_JSON.map(_bytes), RAW))


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@st.composite
def _broken(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """A byte changed, a piece cut out, or a key put in twice."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        how = draw(st.sampled_from(("change", "cut", "insert")))
        if how == "change" and data:
            data[at] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 4))]
        else:
            data[at:at] = draw(st.sampled_from(PIECES))
    return bytes(data)


PIECES: Final = (
    b'"v":1,', b'"ts":1,', b'"t":1,', b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\x00",
    b"\xff", b"NaN", b"-Infinity", b"1e999", b"\\ud800", b"\xef\xbb\xbf", b"[" * 40, b'{"a":' * 40,
)  # fmt: skip


@st.composite
def _mostly(draw: st.DrawFn, sound: Pack, odd: Pack) -> Any:
    """Three in four are sound: a payload of odd parts only would be refused as a whole."""
    return draw(odd if draw(st.integers(0, 3)) == 3 else sound)


_SOUND_NAMES = st.sampled_from(("ws-1", "ws-2", "level", "temperature", "水位"))
_ODD_NAMES = st.sampled_from(
    (
        "", " ", "a" * 250, "a b", "a\nb", "\u202e", "\x00", "\ud800", "é", "v", "ts", "values",
        "n", "value", "last_seen", "state", "online", "..", "a/b", "urn:dev:ow:1",
    )
)  # fmt: skip
NAMES = _mostly(_SOUND_NAMES, _ODD_NAMES)
_SOUND_NUMBERS = st.floats(-1e6, 1e6)
_ODD_NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from((NOW, NOW / 1000, -1, 0, 2**28, 2**53, 10**400, -(10**19), 1e308)),
)
NUMBERS = _mostly(_SOUND_NUMBERS, _ODD_NUMBERS)
SCALARS = _mostly(
    NUMBERS,
    st.booleans() | st.none() | NAMES | st.sampled_from(("1.5", "-2", "0x1", "ON", "OFF")),
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
RAW = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        (b"", b" ", b"{}", b"[]", b"[" * 60_000, b'{"a":' * 9_000, b" " * 70_000, b"9" * 400)
    ),
    st.sampled_from((b"ON", b"off", b"online", b'{"state":"offline"}', b'{"device":"A"}')),
)
FLAT = st.dictionaries(NAMES, SCALARS, min_size=1, max_size=5)
_SOUND_TIMES = st.sampled_from((NOW, NOW - 5_000, "2025-05-13T00:02:11Z"))
_ODD_TIMES = st.one_of(_ODD_NUMBERS, st.sampled_from(("yesterday", None, True, "1e400")))
TIMES = _mostly(_SOUND_TIMES, _ODD_TIMES)
LEVELS = _mostly(
    _SOUND_NAMES,
    _ODD_NAMES.map(lambda name: name.replace("\ud800", "?"))
    | st.sampled_from(("status", "$SYS", "set", "bridge", "get", "action", "availability")),
)
_ANYWHERE = st.lists(LEVELS, min_size=1, max_size=6).map("/".join)


def _topics(*forms: str) -> st.SearchStrategy[str]:
    """``+`` stands for any level; one topic in four is another one altogether."""
    filled = [
        st.tuples(*[LEVELS] * form.count("+")).map(
            lambda levels, form=form: form.replace("+", "{}").format(*levels)  # type: ignore[misc]
        )
        for form in forms
    ]
    return _mostly(st.one_of(filled), _ANYWHERE)


_STAMPED = st.fixed_dictionaries({"values": FLAT}, optional={"ts": TIMES})
_TELEMETRY = st.one_of(FLAT, _STAMPED, st.lists(FLAT | _STAMPED, min_size=1, max_size=4))
_RECORD = st.fixed_dictionaries(
    {},
    optional={
        "bn": NAMES | st.sampled_from(("urn:dev:ow:10e2073a01080063:", "gw/a/", "gw/a")),
        "bt": st.sampled_from((0, -5, NOW / 1000, 2**28)) | NUMBERS,
        "bver": st.sampled_from((10, 5, 11)),
        "bv": NUMBERS,
        "bs": NUMBERS,
        "bu": NAMES,
        "n": NAMES | st.sampled_from(("temp", "a/b")),
        "u": NAMES | st.just("Cel"),
        "v": SCALARS,
        "vb": SCALARS,
        "vs": NAMES,
        "vd": NAMES,
        "s": NUMBERS,
        "t": st.sampled_from((0, -5, 10)) | NUMBERS,
        "x_": st.just(1),
    },
)
_SOUND_RECORD = st.fixed_dictionaries(
    {"v": st.floats(-1e6, 1e6)},
    optional={
        "bn": st.sampled_from(("urn:dev:ow:10e2073a01080063:", "gw/a/", "gw/a")),
        "n": st.sampled_from(("temp", "a/b")),
        "u": st.sampled_from(("Cel", "%RH")),
        "t": st.sampled_from((0, -5, 10, NOW / 1000)),
    },
)
_PACK = st.lists(_mostly(_SOUND_RECORD, _RECORD), min_size=1, max_size=4)
_DEVICE = st.fixed_dictionaries({"device": NAMES})
_BRIDGED = st.dictionaries(NAMES, _TELEMETRY, min_size=1, max_size=3)
_STATE = st.dictionaries(NAMES, SCALARS | FLAT, min_size=1, max_size=5)

_LAST_SEEN = st.fixed_dictionaries({}, optional={"last_seen": TIMES})
_TIME = st.fixed_dictionaries({}, optional={"ts": TIMES})

CASES: Final = (
    Case(
        "plain",
        "city/{district}/{kind}/{source}/{metric}",
        _topics("city/gc/water/+/level", "city/gc/+/ws-1/+"),
        SCALARS,
    ),
    Case(
        "json",
        "city/{district}/{kind}/{source}",
        _topics("city/gc/water/+", "city/gc/water/+/status"),
        st.builds(dict.__or__, FLAT, _TIME),
    ),
    Case(
        "thingsboard",
        "gw/{gateway}/v1/gateway/telemetry",
        _topics("gw/+/v1/gateway/telemetry", "gw/g-1/v1/gateway/connect"),
        _mostly(_BRIDGED, _DEVICE),
    ),
    Case(
        "thingsboard",
        "tb/{source}/v1/devices/me/telemetry",
        _topics("tb/+/v1/devices/me/telemetry"),
        _TELEMETRY,
    ),
    Case("senml", "senml/{gateway}", _topics("senml/+"), _PACK),
    Case("senml", "city/{district}/{source}/senml", _topics("city/gc/+/senml"), _PACK),
    Case(
        "zigbee2mqtt",
        "zigbee2mqtt/{source}",
        _topics("zigbee2mqtt/+", "zigbee2mqtt/+/+", "zigbee2mqtt/+/availability"),
        st.builds(dict.__or__, _STATE, _LAST_SEEN),
    ),
)
"""Every profile; where it has two forms, each."""


def account(message: Message, parser: Parser) -> str:
    """``sample``, ``letter`` or ``counted``. Raises AssertionError where the message left no trace,
    or one that no later stage could carry."""
    parsed = parser([message])
    assert np.isfinite(parsed.batch.value).all()
    assert decode_batch(encode_batch(parsed.batch)).sources == parsed.batch.sources
    for name in (*parsed.batch.sources, *parsed.batch.metrics):
        assert 0 < len(name) <= 200, name
        assert name.isprintable(), name
    bounds = ClockBounds()
    for ts in parsed.batch.ts.tolist():
        # Readings that share a millisecond of their arrival take the ones after it.
        assert message.arrived - bounds.past <= ts <= message.arrived + bounds.future + 10_000
    for letter in parsed.letters:
        assert 0 < len(letter.reason) < 500, letter.reason
        assert letter.reason.isprintable(), letter.reason
        letter.reason.encode()
    if len(parsed.batch):
        return "sample"
    if parsed.letters:
        return "letter"
    assert parsed.counts, f"{message} left no trace"
    return "counted"


def explore(case: Case, *, count: int, number: int, each: Callable[[str, bytes], None]) -> None:
    """``each`` is given about ``count`` topics with payloads; ``number`` is the seed."""

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case.topics, case.payloads)
    def run(topic: str, payload: bytes) -> None:
        each(topic, payload)

    run()
