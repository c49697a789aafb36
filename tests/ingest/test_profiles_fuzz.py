"""Payloads that are nearly right, for every profile; `python -m bench.fuzz` sends 10,000 each."""

from collections import Counter

import pytest

from bench.fuzz_cases import CASES, NOW, Case, account, explore
from ingest.message import Message

GOOD = {
    "plain": ("city/gc/water/ws-good/level", b"7"),
    "json": ("city/gc/water/ws-good", b'{"ts":%d,"level":7}' % NOW),
    "gw/{gateway}/v1/gateway/telemetry": (
        "gw/g-1/v1/gateway/telemetry",
        b'{"ws-good":[{"ts":%d,"values":{"level":7}}]}' % NOW,
    ),
    "thingsboard": (
        "tb/ws-good/v1/devices/me/telemetry",
        b'{"ts":%d,"values":{"level":7}}' % NOW,
    ),
    "senml/{gateway}": ("senml/g-1", b'[{"n":"ws-good/level","v":7}]'),
    "senml": ("city/gc/ws-good/senml", b'[{"n":"level","v":7}]'),
    "zigbee2mqtt": ("zigbee2mqtt/ws-good", b'{"last_seen":%d,"level":7}' % NOW),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.match)
def test_every_message_leaves_its_trace_and_harms_no_neighbour(case: Case) -> None:
    parser = case.parser()
    topic, payload = GOOD.get(case.match) or GOOD[case.profile]
    neighbour = Message(topic, payload, NOW)
    ends: Counter[str] = Counter()

    def each(topic: str, payload: bytes) -> None:
        message = Message(topic, payload, NOW)
        ends[account(message, parser)] += 1
        *_, last = parser([message, neighbour]).batch.samples()
        assert (last.source, last.metric, last.value) == ("ws-good", "level", 7.0)

    explore(case, count=100, number=1, each=each)
    assert ends.total() > 80
    assert min(ends["sample"], ends["letter"], ends["counted"]) > 3, ends
