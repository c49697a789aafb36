"""Fuzzed topics and payloads: no crash; each is a sample, a letter or counted; good ones arrive."""

import asyncio
import random
import time
from pathlib import Path

import numpy as np
import pytest

from bench.servers.ingest import PATIENCE_S, TOPICS, Device, Ingest, running
from bench.servers.mosquitto import Mosquitto
from citypatrol import metrics
from citypatrol.samples import Sample, decode_batch, encode_batch
from ingest.message import ClockBounds, Message
from ingest.parse import Parser
from ingest.profiles.json import read_json
from ingest.profiles.plain import read_plain
from ingest.routes import Routes, TopicRule
from ingest.topics import Pattern

NOW = 1_747_094_531_480
LEVELS = (
    "city", "gc", "water", "ws-1", "status", "", " ", "$SYS", "水位", "a" * 300, "\u0001", "\u202e",
    "a\nb", "\ud7ff", "\ufffe", "🚦", "ws 1", "{source}", "..", "%00", "level",
)  # fmt: skip
VALUES = (
    b"1", b"-0", b"1e308", b"1e309", b"NaN", b"-Infinity", b"null", b"true", b'"1"', b'""', b"[]",
    b"[1,2]", b"{}", b'{"a":1}', b"1" * 400, b"0x1", b"01", b"+1", b"1.", b".5", b"9" * 30,
    b'"\\u0000"', b'"\\ud800"', b"1747094531480", b"1747094531.480", b"99999999999999999999", b"-1",
    b'"2025-05-13T00:02:11Z"', b'"2025-05-13"', b'"2025-02-30T00:00:00Z"',
)  # fmt: skip
KEYS = (
    b'"ts"',
    b'"value"',
    b'"pm25"',
    b'"pm25"',
    b'""',
    b'"\\n"',
    b'"a b"',
    '"水"'.encode(),
    b"x",
    b"1",
)
WORDS = (b"", b"ON", b"off", b"offline", b"online", b" 12 ", b"\xff\xfe", b"\x00" * 20, b"12,5")


def _topic(rng: random.Random) -> str:
    if rng.random() < 0.6:
        return f"city/gc/water/ws-{rng.randrange(5)}" + rng.choice(("", "/level", "/status"))
    return "/".join(rng.choice(LEVELS) for _ in range(rng.randrange(1, 7)))


def _object(rng: random.Random) -> bytes:
    pairs = [rng.choice(KEYS) + b":" + rng.choice(VALUES) for _ in range(rng.randrange(6))]
    return b"{" + rng.choice((b",", b", ", b",,")).join(pairs) + b"}"


def _payload(rng: random.Random) -> bytes:
    kind = rng.randrange(10)
    if kind < 3:
        return _object(rng)
    if kind == 3:
        return rng.choice(WORDS + VALUES)
    if kind == 4:
        return rng.randbytes(rng.randrange(200))
    if kind in (5, 8):  # one byte of something good is broken
        good = bytearray(b'{"ts":1747094531480,"pm25":80.5,"co":0.4}')
        good[rng.randrange(len(good))] = rng.randrange(256)
        return bytes(good)
    if kind == 9:
        return b'{"ts":%d,"pm25":%s,"x":%s}' % (NOW, rng.choice(VALUES[:3]), rng.choice(VALUES))
    if kind == 6:
        return rng.choice((b"[", b'{"a":', b'{"a":1,"b":')) * rng.choice((2, 500, 3_000, 60_000))
    return rng.choice((b"9", b" ", b"\xf0", b'{"a":"' + b"x" * 100)) * rng.choice((70, 500_000))


def _account(message: Message, *, parser: Parser) -> str:
    """How the message ended, checked."""
    parsed = parser([message])
    assert np.isfinite(parsed.batch.value).all()
    assert decode_batch(encode_batch(parsed.batch)).sources == parsed.batch.sources
    for name in (*parsed.batch.sources, *parsed.batch.metrics):
        assert 0 < len(name) <= 200
        assert name.isprintable()
    for ts in parsed.batch.ts.tolist():
        assert NOW - 604_800_000 <= ts <= NOW + 300_000 + 1_000
    for letter in parsed.letters:
        assert 0 < len(letter.reason) < 400
        assert letter.reason.isprintable()
        letter.reason.encode()
    if len(parsed.batch):
        return "sample"
    if parsed.letters:
        return "letter"
    assert parsed.counts, f"{message} left no trace"
    return "counted"


@pytest.mark.parametrize("seed", [1, 2])
def test_two_thousand_messages_leave_their_trace(seed: int) -> None:
    rng = random.Random(seed)
    plain = TopicRule(Pattern.parse("city/{district}/{kind}/{source}/{metric}"), read_plain)
    flat = TopicRule(Pattern.parse("city/{district}/{kind}/{source}"), read_json)
    loose = TopicRule(Pattern.parse("{district}/{source}/{metric}"), read_json)
    parser = Parser(Routes([plain, flat, loose]), clock=ClockBounds())
    ends = [
        _account(
            Message(_topic(rng), _payload(rng), NOW, rng.random() < 0.1, rng.random() < 0.1),
            parser=parser,
        )
        for _ in range(2_000)
    ]
    for end in ("sample", "letter", "counted"):
        assert ends.count(end) > 50, f"the fuzz reaches too few of: {end}"


def _dropped() -> float:
    families = metrics.DROPPED.collect()
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["stage"] == "mqtt"
    )


REFUSED = set("\u0001\n\u202e\ufffe")  # Mosquitto closes a connection that publishes to these


async def test_through_the_broker(tmp_path: Path, broker: Mosquitto, device: Device) -> None:
    rng = random.Random(7)
    now = time.time_ns() // 1_000_000
    loose = {"match": "{district}/{source}/{metric}", "payload": "json"}
    before = _dropped()
    async with running(Ingest(tmp_path, broker.url, {"topics": [*TOPICS, loose]})) as ingest:
        await ingest.ready()
        fuzzed = 0
        for number in range(400):
            topic, payload = _topic(rng), _payload(rng)
            if topic and not REFUSED & set(topic):
                device.publish(topic, payload)
                fuzzed += 1
            good = b'{"ts":%d,"number":%d}' % (now + number, number)
            device.publish("city/gc/water/ws-good", good)
        assert fuzzed > 200
        await asyncio.to_thread(device.settle)
        rows: list[Sample] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(rows) < 400:
                rows = [row for row in await ingest.samples() if row.source == "ws-good"]
                await asyncio.sleep(0.1)
        await ingest.until(lambda: ingest.progress.in_hand == 0)
        assert [row.value for row in rows] == list(range(400))
        assert ingest.dead.counts()["message"] > 50
        assert _dropped() - before >= ingest.dead.counts()["message"]
        assert ingest.input.waiting_for() is None
