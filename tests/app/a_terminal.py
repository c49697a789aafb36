"""Commands as somebody types them, beside a city that answers in another thread."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from tests.app.a_city import change, write_city
from tests.app.a_desk import TheDesk, make_desk, serving

LISTEN = "listen: 127.0.0.1:8080"


class Terminal:
    """Runs commands in a city's folder; remembers the last output."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        self._capsys.readouterr()
        try:
            at = 1 if words[0] == "tail" else 2
            city = ["--city", str(self._folder / "city.yaml")]
            status = main([*words[:at], *city, *words[at:]])
        except SystemExit as left:
            status = int(left.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return status


class City:
    """A real server in a thread with a loop of its own, as another process would have it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        """``changes``: fields of the door that are another in this test."""
        self._folder = folder
        self._changes = changes
        self._up = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self.desk: TheDesk | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(over.set)
        async with serving(make_desk(self._folder), **self._changes) as desk:
            self.desk = desk
            self._up.set()
            await over.wait()

    def __enter__(self) -> TheDesk:
        self._thread.start()
        assert self._up.wait(30)
        assert self.desk is not None
        return self.desk

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join(30)


def at_port(folder: Path, port: int, **more: str) -> None:
    write_city(folder, **change("city", LISTEN, f"listen: 127.0.0.1:{port}") | more)
