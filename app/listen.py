"""Serves an ASGI application as a stage: uvicorn in our loop, without its own signal handlers."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Final

import uvicorn

from app.outcome import OutsideError

_LINGER_S: Final = 2
"""How long open connections may finish after a stop."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # the process has one owner of its signals, and that is not the web server


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; OutsideError where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        message = f"http: cannot listen on {host}:{port}: {error.strerror}; change http.listen"
        raise OutsideError(message) from error
    return listening


class HttpStage:
    """``open()`` binds (and fails loudly) before the city starts; ``run`` answers till ``stop``."""

    def __init__(self, application: Any, *, host: str, port: int) -> None:
        self.name = "http"
        self._application = application
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._answers = False

    def open(self) -> int:
        """Bind; returns the port (a free one where 0 was asked for)."""
        self._socket = bind(self._host, self._port)
        self._port = int(self._socket.getsockname()[1])
        return self._port

    def waiting_for(self) -> str | None:
        return None if self._answers else f"not yet listening on {self._host}:{self._port}"

    async def run(self, stop: asyncio.Event) -> None:
        listening = self._socket or bind(self._host, self._port)
        self._socket = None
        config = uvicorn.Config(
            self._application,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            server_header=False,
            timeout_graceful_shutdown=_LINGER_S,
            limit_concurrency=512,
            h11_max_incomplete_event_size=65_536,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        stopping = asyncio.create_task(stop.wait())
        self._answers = True
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._answers = False
            stopping.cancel()
            server.should_exit = True
            await serving
            listening.close()
