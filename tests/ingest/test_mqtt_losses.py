"""Nothing that was acknowledged is lost: full journals, dead stores, kill -9."""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench.servers.ingest import Device, Ingest, running
from bench.servers.mosquitto import STOCK, Mosquitto, mosquitto

NOW = time.time_ns() // 1_000_000
HOUR = 3_600_000
TOPIC = "city/gc/water/ws-1"


def _stamped(number: int) -> bytes:
    return b'{"ts":%d,"n":%d}' % (NOW + number, number)


async def test_a_full_journal_takes_no_more_and_goes_on_when_there_is_room(
    tmp_path: Path, broker: Mosquitto, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    small = Ingest(
        tmp_path,
        broker.url,
        journal_options={"max_size": 60_000},
        intake_options={"most_waiting": 10},
    )
    async with running(small) as ingest:
        await ingest.ready()
        published = 0
        async with asyncio.timeout(60):
            while ingest.intake.waiting_for() is None:
                device.publish(TOPIC, _stamped(published))
                published += 1
                await asyncio.sleep(0.002)
        assert "the journal is full" in (ingest.intake.waiting_for() or "")
        assert "the journal is full" in capsys.readouterr().out
        taken = len(await ingest.samples())
        for _ in range(50):
            device.publish(TOPIC, _stamped(published))
            published += 1
        device.settle()
        await asyncio.sleep(1.5)
        assert len(await ingest.samples()) == taken
        assert ingest.progress.in_hand >= 50, "what is not in the journal is not acknowledged"
        assert ingest.input.waiting_for() is None, "and the connection lives"
        seen = {row.value for row in await ingest.samples()}
        await ingest.journal.commit("rules", await ingest.journal.end())
        await ingest.journal.prune(NOW + HOUR)
        await ingest.until(lambda: ingest.intake.waiting_for() is None)
        await ingest.until(lambda: ingest.progress.in_hand == 0)
        seen |= {row.value for row in await ingest.samples()}
        assert seen == set(range(published))


async def test_a_dead_letter_is_stored_before_its_message_is_acknowledged(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        device.publish(f"{TOPIC}/level", "wet")
        device.publish(f"{TOPIC}/level", "3")
        await ingest.samples(at_least=1)
        await ingest.until(lambda: ingest.progress.in_hand == 0)
        (letter,) = ingest.dead.list("message")
        assert (letter.origin, letter.payload) == (f"{TOPIC}/level", b"wet")
        assert "neither a number nor ON" in letter.reason


async def test_a_dead_letter_store_that_fails_harms_no_neighbour_and_loses_nothing(
    tmp_path: Path, broker: Mosquitto, device: Device
) -> None:
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        ingest.dead.counts()
        lock = sqlite3.connect(tmp_path / "dead.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")  # somebody sits on the file
        device.publish(f"{TOPIC}/level", "wet")
        device.publish(TOPIC, b'{"ts":%d,"n":1,"bad":NaN}' % NOW)
        device.publish(TOPIC, _stamped(2))
        samples = await ingest.samples(at_least=2)
        assert {row.value for row in samples} == {1.0, 2.0}
        await ingest.until(lambda: ingest.progress.in_hand == 2)
        device.publish(TOPIC, _stamped(3))
        await ingest.samples(at_least=3)  # nobody waits for the store
        assert ingest.progress.in_hand >= 2, "the two bad ones are not acknowledged"
        lock.execute("ROLLBACK")
        lock.close()
        await ingest.until(lambda: ingest.progress.in_hand == 0)
        assert {letter.payload[:3] for letter in ingest.dead.list("message")} == {b"wet", b'{"t'}


async def test_letters_wait_until_their_store_can_be_opened(
    tmp_path: Path, broker: Mosquitto, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    obstacle = tmp_path / "dead.db"
    obstacle.mkdir()
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.ready()
        device.publish(f"{TOPIC}/level", "wet")
        device.publish(f"{TOPIC}/level", "3")
        await ingest.samples(at_least=1)
        said = ""
        async with asyncio.timeout(20):
            while "the dead-letter store takes nothing" not in said:
                said += capsys.readouterr().out
                await asyncio.sleep(0.05)
        assert ingest.progress.in_hand == 1
        obstacle.rmdir()
        await ingest.until(lambda: ingest.progress.in_hand == 0)
        assert ingest.dead.counts() == {"message": 1}


class _Child:
    """Ingest as a process of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self._ready = folder / "ready"
        self._command = [sys.executable, "-m", "bench.servers.ingest", str(folder), url]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it is subscribed."""
        self._ready.unlink(missing_ok=True)
        with self._ready.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},  # it starts often
            )
        deadline = time.monotonic() + 60
        while not self._ready.exists():
            assert self._process.poll() is None, "the child ended"
            assert time.monotonic() < deadline, "the child is not ready"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_kill_9_loses_nothing_that_the_broker_took(
    tmp_path: Path, broker: Mosquitto, device: Device, seed: int
) -> None:
    rng = random.Random(seed)
    child = _Child(tmp_path, broker.url)
    done = threading.Event()
    published = 0

    def publish() -> None:
        nonlocal published
        while not done.is_set() and published < 50_000:
            device.publish(f"city/gc/water/ws-{published % 40}", _stamped(published))
            published += 1
            if published % 20 == 0:
                time.sleep(0.01)

    publisher = threading.Thread(target=publish)
    try:
        await asyncio.to_thread(child.start)
        publisher.start()
        for _ in range(2):
            await asyncio.sleep(rng.uniform(0.05, 1.2))
            await asyncio.to_thread(child.kill)
            await asyncio.to_thread(child.start)
    finally:
        done.set()
        child.kill()
        if publisher.is_alive():
            publisher.join()
    await asyncio.to_thread(device.settle)
    async with running(Ingest(tmp_path, broker.url)) as ingest:
        await ingest.until(lambda: not ingest.gate.is_behind)
        samples = await ingest.samples(at_least=published)
        values = {row.value for row in samples}
        assert values == set(range(published)), f"{published - len(values)} lost"
        assert len({row[:4] for row in samples}) == published


async def test_a_stock_window_of_poison_does_not_stop_the_good(tmp_path: Path) -> None:
    with mosquitto(folder=tmp_path / "broker", conf=STOCK) as broker:
        device = Device(broker.port)
        async with running(Ingest(tmp_path, broker.url)) as ingest:
            await ingest.ready()
            for number in range(200):
                device.publish(f"{TOPIC}/level", "poison")
                device.publish(TOPIC, _stamped(number))
            samples = await ingest.samples(at_least=200)
            assert {row.value for row in samples} == set(range(200))
            await ingest.until(lambda: ingest.progress.in_hand == 0)
            assert ingest.dead.counts() == {"message": 200}
        device.close()
