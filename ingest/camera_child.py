"""The process that reads up to 25 cameras: ``python -m ingest.camera_child``.

A thread a camera, one that writes pictures, one that says "alive"; the main thread listens to the
parent. The end of the parent's pipe ends the process, whatever its threads hang in.
"""

import contextlib
import ctypes
import faulthandler
import io
import os
import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection
from urllib.parse import urlsplit

from ingest.camera_av import CameraTrouble, pictures
from ingest.camera_burst import Bursts
from ingest.camera_relay import Way
from ingest.camera_retry import ASK_PORT_S, Trouble, retry_delay
from ingest.camera_slots import NewestPerCamera
from ingest.camera_wire import (
    Beat,
    CameraBeat,
    CameraOrder,
    ChildOrder,
    Forget,
    Message,
    Order,
    Picture,
    PictureBurst,
    decode,
    decode_order,
    write_message,
)

_STEADY_S = 30.0
_RTSP_PORTS = {"rtsp": 554, "rtsps": 322}
_ASK_TIMEOUT_S = 2.0
_NEVER_MET = (Trouble.REFUSED, Trouble.UNREACHABLE, Trouble.SILENT)
"""The camera has said nothing of how it was asked."""
_BY_HOST = (Trouble.UNAUTHORIZED, Trouble.NOT_FOUND)


class _Camera:
    """One camera and the thread that reads it."""

    def __init__(self, order: CameraOrder, child: "_Child") -> None:
        self.order = order
        self.forgotten = threading.Event()
        self.bursts = Bursts(self._give)
        self._child = child
        self._phase = "connecting"
        self._way = Way.RELAYED
        self._looks_at_host = False
        self._trouble = ""
        self._came_back_at = time.monotonic()

    def start(self) -> None:
        threading.Thread(target=self._run, name=self.order.id, daemon=True).start()

    def beat(self) -> CameraBeat:
        return CameraBeat(self._phase, self._trouble, time.monotonic() - self._came_back_at)

    def _give(self, burst: PictureBurst) -> None:
        if not self.forgotten.is_set():
            self._child.say(burst)

    def _came_back(self) -> None:
        self._came_back_at = time.monotonic()

    def _run(self) -> None:
        failures = 0
        while not self.forgotten.is_set():
            began = time.monotonic()
            trouble, words = self._read()
            played = self._phase == "playing"
            steady = played and time.monotonic() - began > _STEADY_S
            self._way = self._next_way(trouble, played=played)
            failures = 1 if steady else failures + 1
            self._came_back()
            self._phase, self._trouble = "waiting", words
            self._wait(trouble, failures=failures)

    def _next_way(self, trouble: Trouble, *, played: bool) -> Way:
        """It is asked the other way when it answered and gave nothing: a gateway may look at the
        host in the url. One that does so is not tried through the relay again, since each refused
        login may count."""
        if played:
            return self._way if self._looks_at_host else Way.RELAYED
        if trouble in _NEVER_MET:
            return self._way
        if self._way is Way.RELAYED:
            self._looks_at_host = trouble in _BY_HOST
        return self._way.other

    def _read(self) -> tuple[Trouble, str]:
        """Read until it fails; a frame clears the trouble of before."""
        order = self._child.order
        try:
            self._phase = "connecting"
            for pixels in pictures(
                self.order.url,
                every_s=self.order.every_s,
                open_s=order.open_s,
                read_s=order.read_s,
                came_back=self._came_back,
                count=self._child.count,
                transport=self.order.transport,
                way=self._way,
                bursts=self.bursts,
            ):
                self._phase, self._trouble = "playing", ""
                if self.forgotten.is_set():
                    break
                ts = time.time_ns() // 1_000_000
                self._child.show(Picture(self.order.id, ts, pixels))
        except CameraTrouble as error:
            return error.trouble, error.trouble.value
        except Exception as error:  # noqa: BLE001 - a process loop; the parent logs the words
            self._child.count("error")
            # Its name only: the text of an error can hold the url.
            return Trouble.BROKEN, f"a fault in reading it ({type(error).__name__})"
        return Trouble.ENDED, Trouble.ENDED.value

    def _wait(self, trouble: Trouble, *, failures: int) -> None:
        reachable = self._port_answers()
        delay = retry_delay(
            trouble,
            failures=failures,
            reachable=reachable,
            roll=random.random(),  # noqa: S311 - spreads the load, guards nothing
        )
        until = time.monotonic() + delay
        while (rest := until - time.monotonic()) > 0:
            if self.forgotten.wait(min(rest, ASK_PORT_S)):
                return
            self._came_back()
            if not reachable and rest > ASK_PORT_S and self._port_answers():
                return

    def _port_answers(self) -> bool:
        url = urlsplit(self.order.url)
        if url.scheme not in _RTSP_PORTS:
            return True
        address = (url.hostname or "", url.port or _RTSP_PORTS[url.scheme])
        try:
            socket.create_connection(address, timeout=_ASK_TIMEOUT_S).close()
        except (OSError, UnicodeError):
            return False
        finally:
            self._came_back()
        return True


class _Child:
    def __init__(self, order: ChildOrder, out: io.FileIO) -> None:
        self.order = order
        self._out = out
        self._pipe = threading.Lock()
        self._slots: NewestPerCamera[Picture] = NewestPerCamera()
        self._dropped: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._cameras = {camera.id: _Camera(camera, self) for camera in order.cameras}

    def start(self) -> None:
        threading.Thread(target=self._send, name="pictures", daemon=True).start()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        for camera in self._cameras.values():
            camera.start()

    def obey(self, order: Order) -> None:
        """In the main thread. A camera that is ordered anew is read anew."""
        if isinstance(order, Forget):
            self._cameras = self._without(order.cameras)
        elif isinstance(order, CameraOrder):
            camera = _Camera(order, self)
            self._cameras = self._without([order.id]) | {order.id: camera}
            camera.start()
        elif order.camera in self._cameras:
            self._cameras[order.camera].bursts.ask(order)

    def _without(self, names: Collection[str]) -> dict[str, _Camera]:
        for name in names & self._cameras.keys():
            self._cameras[name].forgotten.set()
        return {name: camera for name, camera in self._cameras.items() if name not in names}

    def count(self, reason: str) -> None:
        with self._counting:
            self._dropped[reason] += 1

    def show(self, picture: Picture) -> None:
        if self._slots.put(picture.camera, picture):
            self.count("replaced")

    def _send(self) -> None:
        while True:
            picture = self._slots.take(wait_s=1.0)
            if picture is not None:
                self.say(picture)

    def _beat(self) -> None:
        while True:
            with self._counting:
                dropped, self._dropped = dict(self._dropped), Counter()
            cameras = {name: camera.beat() for name, camera in self._cameras.items()}
            self.say(Beat(cameras, dropped))
            time.sleep(self.order.beat_s)

    def say(self, message: Message) -> None:
        try:
            with self._pipe:
                write_message(self._out, message)
        except OSError:
            os._exit(0)  # the parent is gone


def _die_with_parent(parent_pid: int) -> None:
    """The kernel's own promise, which also ends a child that is stopped or stuck (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)


def main() -> None:
    """Read the first order, then more of them, a line each, until the pipe ends."""
    out = io.FileIO(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get between the messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the group; the parent decides
    faulthandler.enable()
    lines = sys.stdin.buffer
    order = decode_order(lines.readline())
    _die_with_parent(order.parent_pid)
    child = _Child(order, out)
    child.start()
    for line in lines:
        child.obey(decode(line))
    os._exit(0)


if __name__ == "__main__":
    main()
