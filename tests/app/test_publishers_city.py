"""What a publisher may ask of a whole running city with a real broker, before and after a stop."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.servers.free_port import free_port
from bench.servers.mosquitto import mosquitto
from tests.app.a_running_city import (
    ENVIRONMENT,
    PASSWORD,
    Device,
    Running,
    city_running,
    until,
)

NEW = "city/underpass/pump-9/water_level"


@pytest.fixture
def broker() -> Any:
    with mosquitto(users={"city": PASSWORD}) as running:
        yield running


async def _command(city: Running, *words: str) -> asyncio.subprocess.Process:
    import os

    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *words, "--city", str(city.path.parent / "city.yaml"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | ENVIRONMENT,
    )  # fmt: skip


async def test_does_the_city_hear_my_device(tmp_path: Path, broker: Any):
    port = free_port()
    async with city_running(tmp_path, broker=broker, hooks=9, http=port) as city:
        await city.ready()
        device = Device(broker)
        tail = await _command(city, "tail", "city/+/pump-9/#", "--json", "--limit", "3")
        assert tail.stdout is not None
        seen: list[dict[str, Any]] = []

        async def talks() -> bool:
            """Until the terminal looks on."""
            assert tail.stdout is not None
            await device.say(1)
            await device.say(2.5, topic=NEW)
            try:
                line = await asyncio.wait_for(tail.stdout.readline(), 0.3)
            except TimeoutError:
                return False
            seen.append(json.loads(line))
            return True

        await until(talks)
        await device.say(float("nan"), topic=NEW)
        await device.say(3.5, topic=NEW)
        out, err = await asyncio.wait_for(tail.communicate(), 30)
        assert (tail.returncode, err) == (0, b"")
        seen += [json.loads(line) for line in out.splitlines()]
        assert {one["topic"] for one in seen} == {NEW}
        assert seen[0]["samples"][0]["value"] == 2.5
        assert "not finite" in next(one["dead"] for one in seen if one["dead"])

        async def kept() -> bool:
            one = await city.get("/api/v1/sources/pump-9")
            return bool(one.get("dead", {}).get("count") and one["series"][0]["value"] == 3.5)

        await until(kept)
        before = await city.get("/api/v1/sources/pump-9")
        assert before["registered"] is False
        assert before["labels"] == {"kind": "underpass"}
        assert [rule["rule"] for rule in before["rules"]] == ["flooded"]
        assert before["clock"]["says"] == "in step with the city's"
        listed = await city.get("/api/v1/sources?unregistered=true")
        assert [one["id"] for one in listed["sources"]] == ["pump-9"]
        looking = await _command(city, "tail")
        await asyncio.sleep(0.5)
        status, seconds = await city.stop()
        assert status == 0
        assert seconds < 10
        _, err = await asyncio.wait_for(looking.communicate(), 20)
        device.close()
    async with city_running(tmp_path, broker=broker, hooks=9, http=port) as city:
        await city.ready()
        after = await city.get("/api/v1/sources/pump-9")
        for name in ("last_heard", "series", "readings", "labels", "clock"):
            assert after[name] == before[name], "what was heard is known over a restart"
