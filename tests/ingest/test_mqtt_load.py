"""A small window, a publisher that floods, a shared subscription: with a real Mosquitto."""

import asyncio
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bench.flood import Flood
from bench.servers.ingest import Device, Ingest, running, samples_of
from bench.servers.mosquitto import STOCK, Mosquitto, mosquitto
from citypatrol.metrics import REGISTRY
from citypatrol.samples import Batch

TOPIC = "city/gc/water/{}/level"


async def test_a_window_of_20_is_a_commit_of_many(tmp_path: Path) -> None:
    """A commit a message would bring a stock broker's subscriber to a crawl. (Mosquitto 2.0.11
    sends up to 20 more for each PUBACK, where it has so many.)"""
    topics = [{"match": "city/{district}/{kind}/{source}/{metric}", "payload": "json"}]
    with mosquitto(conf=STOCK) as broker:
        async with running(Ingest(tmp_path, broker.url, {"topics": topics})) as ingest:
            await ingest.ready()
            flood = Flood(broker.port, devices=100, first=0)
            account = await asyncio.to_thread(flood.run, rate=50_000, seconds=0.016)
            assert 100 <= account.acknowledged <= 1_000, "more than its queue holds"
            await ingest.samples(at_least=account.acknowledged)
            batches = [one for one in await ingest.records() if isinstance(one, Batch)]
    assert sum(len(one) for one in batches) == account.acknowledged
    assert account.acknowledged / len(batches) >= 8


def _surplus(labels: dict[str, str]) -> float:
    return REGISTRY.get_sample_value("citypatrol_input_surplus_total", labels) or 0.0


async def test_a_source_that_floods_is_thinned_alone(
    tmp_path: Path, broker: Mosquitto, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = {"per_source": "20/s", "burst": 100}
    async with running(Ingest(tmp_path, broker.url, {"limit": limit})) as ingest:
        await ingest.ready()
        await ingest.until(lambda: not ingest.gate.is_behind)
        sent, others = 0, 0
        labels = {"input": ingest.input.name, "source": "loud"}
        deadline = time.monotonic() + 20.0
        while _surplus(labels) < 200 and time.monotonic() < deadline:
            for _ in range(20):
                device.publish(TOPIC.format("loud"), str(sent))
                sent += 1
            others += 1
            now_ms = time.time_ns() // 1_000_000
            device.publish("city/gc/water/quiet", b'{"ts":%d,"n":%d}' % (now_ms, others))
            device.settle()
            await asyncio.sleep(0)
        await ingest.until(lambda: ingest.progress.in_hand == 0)
        samples = samples_of(await ingest.records())
    quiet = [one.value for one in samples if one.source == "quiet"]
    loud = [one.value for one in samples if one.source == "loud"]
    assert quiet == [float(number) for number in range(1, others + 1)]
    assert loud[-1] == sent - 1
    assert 200 <= _surplus(labels) <= sent - len(loud)
    assert "a source sends far more than `limit` allows" in capsys.readouterr().out


async def test_two_inputs_of_one_group_share_the_messages(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one, two = (Ingest(folder, broker.url, {"share": "city"}) for folder in folders)
    async with running(one), running(two):
        await one.ready()
        await two.ready()
        for number in range(200):
            device.publish(TOPIC.format("ws-1"), str(number))
        device.settle()
        found: list[float] = []
        for _ in range(600):
            parts = [[row.value for row in await each.samples()] for each in (one, two)]
            found = sorted(parts[0] + parts[1])
            if len(found) >= 200:
                break
            await asyncio.sleep(0.05)
    assert found == [float(number) for number in range(200)]
    assert min(map(len, parts)) > 0


async def test_what_an_earlier_client_of_this_session_asked_for_at_qos_2(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    before = paho.Client(CallbackAPIVersion.VERSION2, client_id="heir", clean_session=False)
    before.connect("127.0.0.1", broker.port)
    before.loop_start()
    subscribed: list[int] = []
    before.on_subscribe = lambda *_: subscribed.append(1)
    before.subscribe("city/#", qos=2)
    deadline = time.monotonic() + 10
    while not subscribed and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    before.disconnect()
    before.loop_stop()
    for number in range(5):
        device.publish(TOPIC.format("ws-1"), str(number), qos=2)
    device.settle()
    async with running(Ingest(tmp_path, broker.url, {"client_id": "heir"})) as ingest:
        samples = await ingest.samples(at_least=5)
        assert [row.value for row in samples] == [0.0, 1.0, 2.0, 3.0, 4.0]
