"""The MQTT input against a real Mosquitto."""

import asyncio
import time
from pathlib import Path

import pytest

from bench.servers.ingest import Device, Ingest, running, samples_of
from bench.servers.mosquitto import STOCK, Mosquitto, mosquitto
from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Sample

NOW = time.time_ns() // 1_000_000
HOUR = 3_600_000
TOPIC = "city/gc/water/ws-1"


def _stamped(number: int, *, ts: int = NOW) -> bytes:
    return b'{"ts":%d,"n":%d}' % (ts + number, number)


async def test_a_message_is_in_the_journal_behind_its_source(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        device.publish(TOPIC, _stamped(7))
        device.publish(f"{TOPIC}/level", "3.5")
        samples = await ingest.samples(at_least=2)
        assert samples[0] == Sample("ws-1", "n", NOW + 7, 7.0)
        assert samples[1][:2] == ("ws-1", "level")
        records = [record for record in await ingest.records() if not isinstance(record, Tick)]
        seen = records[0]
        assert isinstance(seen, SourceSeen)
        assert (seen.source, seen.labels) == ("ws-1", {"district": "gc", "kind": "water"})
        assert not any(isinstance(record, SourceSeen) for record in records[1:])


async def test_what_was_journaled_is_acknowledged_and_known_after_a_restart(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        for number in range(500):
            device.publish(f"city/gc/water/ws-{number % 10}", _stamped(number))
        await ingest.samples(at_least=500)
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        device.publish(TOPIC, _stamped(500))
        samples = await ingest.samples(at_least=501)
        assert [sample.value for sample in samples] == list(range(501)), "nothing is sent again"
        records = await ingest.records()
        assert sum(isinstance(record, SourceSeen) for record in records) == 10


async def test_a_stock_broker_is_never_kept_waiting_by_a_timer(tmp_path: Path) -> None:
    """Its in-flight window is 20: with a commit a second that would be 20 messages a second."""
    with mosquitto(folder=tmp_path / "broker", conf=STOCK) as broker:
        device = Device(broker.port)
        async with running(Ingest(tmp_path, broker.url)) as ingest:
            await ingest.ready()
            began = time.monotonic()
            for number in range(1_000):
                device.publish(TOPIC, _stamped(number))
            await ingest.samples(at_least=1_000)
            assert time.monotonic() - began < 20
        device.close()


async def test_a_broker_that_restarts_is_found_again(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        device.publish(TOPIC, _stamped(0))
        await ingest.samples(at_least=1)
        await asyncio.to_thread(broker.stop)
        await ingest.until(lambda: ingest.input.waiting_for() is not None)
        assert ingest.gate.is_behind
        await ingest.waits_for(f"nobody listens at {broker.url} (connection refused)")
        device.publish(TOPIC, _stamped(1))  # sent once the broker is back
        await asyncio.to_thread(broker.start)
        await ingest.ready()
        device.publish(TOPIC, _stamped(2))
        assert {row.value for row in await ingest.samples(at_least=3)} == {0.0, 1.0, 2.0}


async def test_a_broker_that_forgot_everything_is_subscribed_to_again(
    tmp_path: Path, broker: Mosquitto, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        assert "has forgotten our session" not in capsys.readouterr().out
        await asyncio.to_thread(broker.kill)
        assert not (broker.folder / "mosquitto.db").exists(), "it had not saved yet"
        await ingest.until(lambda: ingest.input.waiting_for() is not None)
        await asyncio.to_thread(broker.start)
        await ingest.ready()
        device.publish(TOPIC, _stamped(5))
        assert (await ingest.samples(at_least=1))[0].value == 5.0
        assert "has forgotten our session" in capsys.readouterr().out


async def test_the_session_holds_what_came_while_we_were_away(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
    for number in range(300):
        device.publish(TOPIC, _stamped(number))
    device.settle()
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        samples = await ingest.samples(at_least=300)
        assert [sample.value for sample in samples] == list(range(300))


async def test_a_topic_that_left_the_configuration_is_unsubscribed(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    wide = {"topics": [{"match": "{district}/{source}", "payload": "json"}]}
    narrow = {"topics": [{"match": "city/{source}", "payload": "json"}]}
    async with running(Ingest(tmp_path, broker.url, wide)) as ingest:
        await ingest.ready()
    async with running(Ingest(tmp_path, broker.url, narrow)) as ingest:
        await ingest.ready()
        device.publish("town/a", _stamped(1))
        device.publish("city/a", _stamped(2))
        samples = await ingest.samples(at_least=1)
        assert [sample.value for sample in samples] == [2.0]
        assert ingest.progress.received == 1, "the broker sends nothing of the former pattern"


async def test_redelivery_after_a_lost_acknowledgement_gives_the_same_samples(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        for number in range(200):
            device.publish(TOPIC, _stamped(number))
        await ingest.until(lambda: ingest.progress.received > 50)
        await asyncio.to_thread(broker.stop)  # with some of them journaled and not acknowledged
        await asyncio.to_thread(broker.start)
        await ingest.ready()
        await ingest.until(lambda: ingest.progress.in_hand == 0)
        samples = await ingest.samples(at_least=200)
        assert {sample.value for sample in samples} == set(range(200))
        assert len({sample[:4] for sample in samples}) == 200, "the same again, at most"


async def test_retained_messages(tmp_path: Path, broker: Mosquitto, device: Device) -> None:
    device.publish(f"{TOPIC}/level", "3", retain=True)
    device.publish(TOPIC, _stamped(4), retain=True)
    device.publish(f"{TOPIC}/status", "offline", retain=True)
    device.settle()
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        samples = await ingest.samples(at_least=2)
        assert {(row.metric, row.value) for row in samples} == {("n", 4.0), ("online", 0.0)}
        device.publish(f"{TOPIC}/level", "5", retain=True)  # live now: a reading
        samples = await ingest.samples(at_least=3)
        assert samples[2].metric == "level"


async def test_time_stands_still_until_the_backlog_is_in(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        await ingest.until(lambda: not ingest.gate.is_behind)
        before = len(await ingest.records())
    assert ingest.gate.is_behind, "an input that does not run has not caught up"
    for number in range(3_000):
        device.publish(f"city/gc/water/ws-{number % 50}", _stamped(number, ts=NOW - HOUR))
    device.settle()
    live = asyncio.Event()

    async def go_on() -> None:
        """The city does not fall silent because we come back."""
        for number in range(3_000, 100_000):
            device.publish(TOPIC, b'{"ts":%d,"n":%d}' % (time.time() * 1000, number))
            await asyncio.sleep(0.005)
            if live.is_set():
                return

    publishing = asyncio.create_task(go_on())
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.until(lambda: not ingest.gate.is_behind)
        await asyncio.sleep(2.2)
        live.set()
        await publishing
        records = (await ingest.records())[before:]
    first = next(number for number, record in enumerate(records) if isinstance(record, Tick))
    held = {row.value for row in samples_of(records[:first])}
    assert held >= set(range(3_000)), "a tick overtook what the broker held"
    assert sum(isinstance(record, Tick) for record in records) >= 2, "time passes again"
