"""The Kafka layout: ``citypatrol serve`` and ``citypatrol worker`` between two real brokers."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

from bench.servers.free_port import free_port
from bench.servers.mosquitto import mosquitto
from citypatrol.history.reading import History
from tests.app.a_running_city import (
    PASSWORD,
    RULES,
    Device,
    Running,
    answer,
    city_running,
    process,
    receiver_running,
    says,
    until,
)

DEEP = """\
  - name: deep
    select: {metric: water_level}
    when: {above: 20}
    ticket: {category: road.deep, title: deep}
"""


def _has_tickets(city: Running, count: int) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        return len((await city.get("/api/v1/tickets"))["tickets"]) == count

    return ask


async def test_a_flood_becomes_one_ticket_over_kafka_and_a_killed_worker(
    tmp_path, kafka_server, prefix
):
    """Publisher, broker, serve, Kafka, worker, Kafka, serve, unit, and back; at SIGHUP a rule comes
    that no unit hears of; the worker is killed in the middle of the flood, and another goes on."""
    with mosquitto(users={"city": PASSWORD}) as broker:
        journal = (
            f"{{type: kafka, brokers: [{kafka_server.address}], prefix: {prefix}, partitions: 2}}"
        )
        async with (
            receiver_running() as unit,
            city_running(
                tmp_path,
                broker=broker,
                hooks=unit.port,
                http=free_port(),
                command="serve",
                journal=journal,
            ) as city,
        ):
            await city.ready()
            device = Device(broker)
            flood = asyncio.create_task(device.keep_saying(31))
            async with process("worker", tmp_path / "city.yaml") as worker:
                await until(says(lambda: unit.events), timeout_s=90)
                (tmp_path / "rules.yaml").write_text(RULES + DEEP)
                for one in (city.process, worker):
                    one.send_signal(signal.SIGHUP)
                await until(_has_tickets(city, 2), timeout_s=90)
                worker.send_signal(signal.SIGKILL)
                await worker.wait()
            async with process("worker", tmp_path / "city.yaml") as worker:
                assert await answer(city, unit.events[0], "ticket.resolved", id="msg_1") == 200
                flood.cancel()
                dry = asyncio.create_task(device.keep_saying(2))
                await until(says(lambda: "ticket.updated" in unit.types()), timeout_s=90)
                dry.cancel()
                device.close()
                worker.terminate()
                assert await asyncio.wait_for(worker.wait(), 30) == 0
            assert unit.types() == ["ticket.opened", "ticket.resolved", "ticket.updated"]
            listed = (await city.get("/api/v1/tickets"))["tickets"]
            states = {one["rule"]: one["state"] for one in listed}
            assert states.keys() == {"flooded", "deep"}
            assert states["flooded"] == "resolved"
            status, took_s = await city.stop()
            assert status == 0, city.log
            assert took_s < 10, city.log
        history = History(tmp_path / "data" / "history")
        batches = history.batches(since=0, until=2 * time.time_ns() // 1_000_000)
        assert {31.0, 2.0} <= {value for rows in batches for value in rows.batch.value.tolist()}
        assert history.verify(now=0) == []
