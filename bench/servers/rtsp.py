"""A real RTSP server (PyPI ``aio-rtsp-toolkit``) in its own process, serving a folder of clips.

``with rtsp_server(folder) as server: server.url("clip.mp4")``. The file is opened anew at each
loop, so a clip that is replaced (written aside, renamed) goes on air without a break.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.servers.free_port import free_port

START_S = 30.0


class RtspServer:
    """One server process; ``end`` and ``start`` again are a camera that goes and returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, clip: str, *, user: str = "", loops: int = 0) -> str:
        """``user`` may be ``name:password``; 0 loops are endless."""
        login = f"{user}@" if user else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/{clip}?play_count={loops}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.servers.rtsp", str(self.folder), str(self.port)],
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)
        message = f"the RTSP server did not start within {START_S:g} s on port {self.port}"
        raise RuntimeError(message)

    def freeze(self) -> None:
        """The host still takes connections, and says nothing any more."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@contextlib.contextmanager
def rtsp_server(folder: Path) -> Iterator[RtspServer]:
    server = RtspServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.end()


async def _serve(folder: str, port: int) -> None:
    from aio_rtsp_toolkit import server

    await server.serve(folder, host="127.0.0.1", port=port)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
