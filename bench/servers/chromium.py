"""A real headless Chromium, driven over its DevTools protocol (no further program needed).

``async with chromium() as browser: page = await browser.open(url)``, then look: ``await
page.evaluate("document.title")``, ``await page.screenshot(path)``. Nothing is fetched from outside.
https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from bench.servers.need import need

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class BrowserError(Exception):
    """The browser said no to a command, or a script in the page failed."""


class _Wire:
    """Commands and their answers over one web socket; events are kept in order of arrival."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.events: list[dict[str, Any]] = []
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                answer = self._answers.pop(data["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(data)
            else:
                self.events.append(data)

    async def send(
        self, method: str, *, session: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        await self._socket.send_json(command)
        data = await asyncio.wait_for(answer, 60)
        if "error" in data:
            message = f"{method}: {data['error']['message']}"
            raise BrowserError(message)
        result: dict[str, Any] = data["result"]
        return result


class Page:
    """One tab."""

    def __init__(self, wire: _Wire, session: str) -> None:
        self._wire = wire
        self._session = session

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._wire.send(method, session=self._session, **parameters)

    async def goto(self, url: str) -> None:
        """Load ``url``; returns when the document is complete."""
        answer = await self.send("Page.navigate", url=url)
        if "errorText" in answer:
            message = f"{url}: {answer['errorText']}"
            raise BrowserError(message)
        await self.until("document.readyState === 'complete'")

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression (promises are awaited)."""
        answer = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    async def until(self, script: str, *, timeout_s: float = 30) -> Any:
        """Wait until the expression is truthy; returns its value."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            value = None
            # In the middle of a navigation there is no page to ask.
            with contextlib.suppress(BrowserError):
                value = await self.evaluate(script)
            if value:
                return value
            if asyncio.get_running_loop().time() > deadline:
                text = await self.evaluate("document.body.innerText.slice(0, 1500)")
                message = f"not within {timeout_s} s: {script}; the page says: {text}"
                raise TimeoutError(message)
            await asyncio.sleep(0.1)

    async def press(self, key: str) -> None:
        """One key, as a person presses it: ``Tab``, ``Enter``."""
        codes = {"Tab": 9, "Enter": 13}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                **(text if kind == "keyDown" else {}),
            )

    async def look(
        self, *, width: int = 1600, height: int = 1000, dark: bool = False, mobile: bool = False
    ) -> None:
        """How large the window is, and which colours the person prefers."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self, path: Path) -> None:
        """The window as a PNG."""
        answer = await self.send("Page.captureScreenshot", format="png")
        png = base64.b64decode(answer["data"])
        await asyncio.to_thread(path.write_bytes, png)

    def requests(self) -> list[str]:
        """Every address this tab has asked for, in order."""
        return [
            event["params"]["request"]["url"] for event in self._events("Network.requestWillBeSent")
        ]

    def complaints(self) -> list[str]:
        """What the browser's console says is wrong: failed loads, policy violations, errors."""
        entries = [event["params"]["entry"] for event in self._events("Log.entryAdded")]
        thrown = [
            event["params"]["exceptionDetails"]["text"]
            for event in self._events("Runtime.exceptionThrown")
        ]
        loud = [entry["text"] for entry in entries if entry["level"] in ("error", "warning")]
        return loud + thrown

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [
            event
            for event in self._wire.events
            if event["method"] == method and event.get("sessionId") == self._session
        ]


class Browser:
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    async def open(self, url: str, *, dark: bool = False) -> Page:
        """A new tab with ``url``, in a window of 1600 x 1000."""
        target = await self._wire.send("Target.createTarget", url="about:blank")
        attached = await self._wire.send(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        page = Page(self._wire, attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.send(f"{domain}.enable")
        await page.look(dark=dark)
        await page.goto(url)
        return page


async def _debugging_address(folder: Path, process: asyncio.subprocess.Process) -> str:
    """Chromium writes its port and path into its folder once it listens."""
    for _ in range(600):
        if process.returncode is not None:
            break
        with contextlib.suppress(FileNotFoundError, ValueError):
            text = await asyncio.to_thread((folder / "DevToolsActivePort").read_text)
            port, path = text.split("\n")[:2]
            return f"ws://127.0.0.1:{port}{path}"
        await asyncio.sleep(0.1)
    message = f"chromium did not start within 60 s (exit status {process.returncode})"
    raise RuntimeError(message)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser with a fresh profile; skips where there is none."""
    program = need("chromium")
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="citypatrol-chromium-"))
    process = await asyncio.create_subprocess_exec(
        str(program),
        *FLAGS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        address = await _debugging_address(folder, process)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, max_msg_size=0, heartbeat=None) as socket,
        ):
            wire = _Wire(socket)
            try:
                yield Browser(wire)
            finally:
                with contextlib.suppress(BrowserError, TimeoutError, ConnectionError):
                    await asyncio.wait_for(wire.send("Browser.close"), 5)
                wire.reader.cancel()
    finally:
        await _end(process)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Its own group and no other: Chromium has helpers below it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), 5)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 5)
            return
