"""The whole demo once, as a newcomer runs it: real MQTT, RTSP, inference, webhooks, InfluxDB."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import aiohttp

from bench.servers.chromium import chromium
from bench.servers.free_port import free_port
from bench.servers.influx import influxdb
from grafana import queries

LONGEST_S = 240.0


async def tickets(url: str) -> list[dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/tickets") as answer:
        found: list[dict[str, object]] = (await answer.json())["tickets"]
        return found


async def until_tickets(url: str, count: int, *, demo: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(LONGEST_S):
        while demo.returncode is None:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                if len(await tickets(url)) >= count:
                    return
            await asyncio.sleep(0.5)


async def test_five_incidents_are_five_tickets_on_the_page_and_on_the_wall(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with influxdb() as server, (tmp_path / "demo.log").open("wb") as log_file:
        command = [
            sys.executable,
            "-m",
            "app.cli",
            "demo",
            "--once",
            "--json",
            "--seed",
            "20260513",
        ]
        # The browser first: on a busy machine it starts slower than the demo ends.
        async with chromium() as browser:
            demo = await asyncio.create_subprocess_exec(
                *command, "--port", str(port), "--influx", server.url,
                stdout=asyncio.subprocess.PIPE, stderr=log_file,
            )  # fmt: skip
            try:
                await until_tickets(url, 5, demo=demo)
                page = await browser.open(url)
                text = str(await page.evaluate("document.body.innerText"))
                # The light, the litter and the covered camera have their pictures.
                await page.until(
                    "[...document.images].filter(i => i.complete && i.naturalWidth > 100).length"
                    " >= 3"
                )
                output, _ = await asyncio.wait_for(demo.communicate(), LONGEST_S)
            finally:
                if demo.returncode is None:
                    demo.kill()
                    await demo.wait()
        answered = {
            name: server.query(queries.runnable(query)) for name, query in queries.ALL.items()
        }
    log = (tmp_path / "demo.log").read_text()
    assert demo.returncode == 0, log
    board = json.loads(output.splitlines()[-1])
    assert (board["scripted"], board["tickets"]) == (5, 5)
    assert (board["missed"], board["false"], board["doubled"]) == (0, 0, 0)
    for title in (
        "Traffic light dark at",
        "under water",
        "Litter at",
        "Gateway gw-",
        "sees nothing",
    ):
        assert title in text
    assert [name for name, series in answered.items() if not series] == []
