"""SIGHUP to a city at work: rules that are broken, rules that are new, and a crash behind it."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.servers.free_port import free_port
from bench.servers.mosquitto import mosquitto
from citypatrol.clock import rfc3339
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import RulesInForce
from tests.app.a_running_city import (
    PASSWORD,
    RULES,
    Device,
    Running,
    city_running,
    receiver_running,
    says,
    until,
)

TICKET = "ticket: {category: road.flooding, title: t, ack: 5m, resolve: 4h}"
WATER = "select: {metric: water_level}"
SLOW = f"  - {{name: slow, {WATER}, when: {{above: 15, for: 15s}}, {TICKET}}}\n"
DEEP = f"  - {{name: deep, {WATER}, when: {{above: 20}}, {TICKET}}}\n"
SENT = f"  - {{name: trial, {WATER}, when: {{above: 25}}, {TICKET}}}\n"
TRIAL = SENT.replace("ticket:", "shadow: true, ticket:")
BROKEN = RULES.replace("above:", "abvoe:")


async def _hang_up(city: Running, folder: Path, rules: str) -> int:
    """When the signal went out, in milliseconds."""
    (folder / "rules.yaml").write_text(rules)
    city.process.send_signal(signal.SIGHUP)
    return time.time_ns() // 1_000_000


async def _rules(city: Running) -> dict[str, dict[str, Any]]:
    """By rule its one incident."""
    listed = (await city.get("/api/v1/incidents?source=pump-1"))["incidents"]
    assert len({one["rule"] for one in listed}) == len(listed)
    return {one["rule"]: one for one in listed}


def _fired(city: Running, *rules: str) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return sorted(await _rules(city)) == list(rules)

    return ask


async def test_rules_are_read_again_and_a_crash_behind_it_changes_nothing(tmp_path):
    http = free_port()
    with mosquitto(users={"city": PASSWORD}) as broker:
        async with receiver_running() as unit:
            device = Device(broker)
            flood = asyncio.create_task(device.keep_saying(31))
            async with city_running(tmp_path, broker=broker, hooks=unit.port, http=http) as city:
                await city.ready()
                await _hang_up(city, tmp_path, RULES + SLOW + TRIAL)
                await until(says(lambda: "rules read again" in city.log))
                await until(says(lambda: unit.events))
                await until(_fired(city, "flooded", "trial"))

                await _hang_up(city, tmp_path, BROKEN)
                await until(says(lambda: "the rules stay as they were" in city.log))
                place = f"{tmp_path}/rules.yaml:4:12: rule 'flooded': unknown key 'abvoe'"
                assert place in city.log
                assert "citypatrol_rules_refused 1.0" in await city.get("/metrics")
                assert f"judge on: {tmp_path}/rules.yaml:4:12: " in await city.get("/")
                assert set(unit.types()) == {"ticket.opened"}
                assert len(set(unit.ids)) == 1

                at = await _hang_up(city, tmp_path, RULES + SLOW + DEEP + SENT)
                await until(_fired(city, "deep", "flooded", "trial"))
                assert "citypatrol_rules_refused 0.0" in await city.get("/metrics")
                assert "judge on:" not in await city.get("/")
                assert (await _rules(city))["flooded"]["cleared_at"] is None
                await city.stop(signal.SIGKILL)
            async with city_running(
                tmp_path,
                broker=broker,
                hooks=unit.port,
                http=http,
                rules=RULES + SLOW + DEEP + SENT,
            ) as city:
                await city.ready()
                await until(_fired(city, "deep", "flooded", "slow", "trial"))
                found = await _rules(city)
                assert found["slow"]["since"] < rfc3339(at), "its timer began before the reload"
                assert found["flooded"]["cleared_at"] is None
                assert found["deep"]["since"] > rfc3339(at)
                assert found["trial"]["since"] < rfc3339(at)
                assert found["trial"]["ticket"] is not None, "promoted: it has a real ticket"
                listed = (await city.get("/api/v1/tickets"))["tickets"]
                assert sorted(one["rule"] for one in listed) == ["deep", "flooded", "slow", "trial"]
                await until(says(lambda: len(set(unit.ids)) == 4))
                assert (await city.stop())[0] == 0, city.log
            flood.cancel()
            device.close()
            assert set(unit.types()) == {"ticket.opened"}
    assert await _announced(tmp_path / "data" / "journal.db") == 3


async def _announced(path: Path) -> int:
    """How many sets of rules the journal tells of."""
    journal = SqliteJournal(path)
    entries = await journal.read("test", after=0, limit=10_000)
    await journal.close()
    return len({one.record.hash for one in entries if isinstance(one.record, RulesInForce)})
