"""One camera process, as its parent sees it: started, listened to, killed when it says nothing."""

import contextlib
import fcntl
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ingest.camera_wire import (
    Beat,
    CameraBeat,
    ChildOrder,
    Order,
    Picture,
    PictureBurst,
    encode,
    encode_order,
    read_message,
)

_PACKAGES = Path(__file__).resolve().parent.parent
_END_S = 1.0
_PIPE_BYTES = 1 << 20
"""A picture of 6 MB goes through in six pieces, not in a hundred."""


class CameraProcess:
    """A child and the thread that empties its pipe, so that a busy parent never holds it up.

    ``on_picture`` and ``on_dropped`` are called in that thread. ``start`` must be called from a
    thread that lives as long as the child may: on Linux a child dies with the thread that made it.
    """

    def __init__(
        self,
        order: ChildOrder,
        *,
        on_picture: Callable[[Picture | PictureBurst], None],
        on_dropped: Callable[[str, int], None],
    ) -> None:
        self.order = order
        self._on_picture = on_picture
        self._on_dropped = on_dropped
        self._process: subprocess.Popen[bytes] | None = None
        self._heard_at = time.monotonic()
        self._cameras: dict[str, CameraBeat] = {}

    def start(self) -> None:
        paths = [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._heard_at = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ingest.camera_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
        )
        if self._process.stdout is not None:
            with contextlib.suppress(OSError):  # a system that has fewer pages left for pipes
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._tell(encode_order(self.order))
        threading.Thread(target=self._listen, name="camera pipe", daemon=True).start()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def silent_s(self) -> float:
        """Seconds since it was heard, or since its start."""
        return time.monotonic() - self._heard_at

    @property
    def cameras(self) -> dict[str, CameraBeat]:
        """How its cameras stood at the last beat; {} before the first."""
        return self._cameras

    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        status = self._process.poll() if self._process is not None else None
        if status is None:
            return None
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def tell(self, order: Order) -> None:
        """To read one camera more, to forget some, to send a burst."""
        self._tell(encode(order))

    def kill(self) -> None:
        """At once, also where it is stopped."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
            self._close()

    def end(self) -> None:
        """Ask it to end, and see to it; returns within about 2 s, so that a child that hangs is no
        reason to cut the stage that stops. Blocks."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
            self._close()
            return
        self.kill()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _tell(self, line: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it has ended; whoever watches it will see
                self._process.stdin.write(line)

    def _listen(self) -> None:
        process = self._process
        if process is None or not isinstance(process.stdout, io.FileIO):
            return
        with process.stdout as pipe, contextlib.suppress(OSError, ValueError):
            while (message := read_message(pipe)) is not None:
                self._heard_at = time.monotonic()
                if isinstance(message, Beat):
                    self._cameras = dict(message.cameras)
                    for reason, number in message.dropped.items():
                        self._on_dropped(reason, number)
                else:
                    self._on_picture(message)
        # A pipe that ended or holds nonsense: without an ear the child is no use.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
