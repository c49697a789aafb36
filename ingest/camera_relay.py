"""Between FFmpeg and a camera: FFmpeg speaks to a port of this machine, a thread carries what both
say, and what nobody needs stays behind (``ingest/camera_sieve.py``).

RTSP over TCP only: over UDP the frames take another way, and within TLS nobody sees them.
"""

import contextlib
import enum
import select
import socket
import threading
import time
from typing import Final
from urllib.parse import urlsplit

from ingest.camera_sieve import Sieve

RTSP_PORT: Final = 554
_HERE: Final = "127.0.0.1"
_LARGEST_READ: Final = 1 << 18
_NAP_S: Final = 0.3
"""While nothing is needed the camera's bytes wait so long in the kernel: few reads of many."""


class Way(enum.Enum):
    """How FFmpeg comes to a camera."""

    RELAYED = "relayed"
    DIRECT = "direct"

    @property
    def other(self) -> "Way":
        return Way.DIRECT if self is Way.RELAYED else Way.RELAYED


class Relay:
    """``url``: how FFmpeg is to ask for the camera. ``rest`` says until when no frame is needed."""

    def __init__(self, camera: socket.socket, listener: socket.socket, *, url: str) -> None:
        self.url = url
        self._camera = camera
        self._listener = listener
        self._sieve = Sieve()
        self._rests_until = float("-inf")

    def rest(self, until: float) -> None:
        """Monotonic seconds; the past means that every frame is needed. At any time, also again."""
        self._rests_until = until

    def carry(self) -> None:
        """Until either side ends. Whatever ends it closes both."""
        with self._camera as camera, contextlib.suppress(OSError):
            with self._listener:
                viewer, _ = self._listener.accept()
            with viewer:
                self._between(viewer, camera)

    def _between(self, viewer: socket.socket, camera: socket.socket) -> None:
        both, asked = select.poll(), select.poll()
        both.register(camera, select.POLLIN)
        for one in (both, asked):
            one.register(viewer, select.POLLIN)
        while True:
            left = self._rests_until - time.monotonic()
            ready = asked.poll(1000 * min(left, _NAP_S)) if left > 0 else both.poll(1000 * _NAP_S)
            if any(fd == viewer.fileno() for fd, _ in ready):
                if not (said := viewer.recv(_LARGEST_READ)):
                    return
                camera.sendall(said)
            while (came := _waiting(camera)) is not None:
                if not came:
                    return
                now = time.monotonic()
                viewer.sendall(self._sieve.through(came, resting=now < self._rests_until, at=now))
                if len(came) < _LARGEST_READ:
                    break


def _waiting(camera: socket.socket) -> bytes | None:
    """None where nothing has come, b"" where nothing will."""
    try:
        return camera.recv(_LARGEST_READ, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None


def relay(url: str, *, open_s: float) -> Relay:
    """A relay to this rtsp url, which ends when FFmpeg does. Raises OSError where the camera takes
    no connection, ValueError where it is no url."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or RTSP_PORT)
    camera = socket.create_connection(address, timeout=open_s)
    camera.settimeout(None)
    listener = socket.create_server((_HERE, 0), backlog=1)
    listener.settimeout(open_s)
    login = parts.netloc.rpartition("@")[0]
    here = f"{_HERE}:{listener.getsockname()[1]}"
    seen_from_here = parts._replace(netloc=f"{login}@{here}" if login else here).geturl()
    carried = Relay(camera, listener, url=seen_from_here)
    threading.Thread(target=carried.carry, name="relay", daemon=True).start()
    return carried
