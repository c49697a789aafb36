"""A camera that misbehaves when it is told to: RTSP over TCP and UDP, H.264 and H.265.

``with scripted_camera(clip) as camera: camera.url("a"); camera.say("freeze")``. Any path is a
camera that plays the clip in a loop. Modes: ``play``; ``silent``, connections are taken and nothing
is said; ``hang``, no answer after DESCRIBE; ``freeze``, no frame any more; ``locked``, 401;
``corrupt``, frames of nonsense; ``gone``, the port is closed; ``named``, only who asks
by its own address is answered, as gateways with many names do. A second independent server, too:
every packet is made once for all who watch, so that it costs little beside what is measured.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.servers.free_port import free_port
from bench.servers.rtp import Timeline, sdp

_START_S: Final = 30.0
MODES: Final = ("play", "silent", "hang", "freeze", "locked", "corrupt", "gone", "named")


class ScriptedCamera:
    """One server process and the pipe that it is told its mode by."""

    def __init__(self, clip: Path, *, mode: str = "play") -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.servers.scripted", str(clip), str(self.port), mode],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._process.stdout is None or not self._process.stdout.readline():
            message = f"the scripted camera did not start with {clip}"
            raise RuntimeError(message)

    @property
    def pid(self) -> int:
        return self._process.pid

    def url(self, camera: str, *, user: str = "") -> str:
        """``user`` may be ``name:password``; nobody asks for it."""
        login = f"{user}@" if user else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/{camera}"

    def say(self, mode: str) -> None:
        """One of MODES, from now on."""
        if mode not in MODES:
            message = f"no such mode: {mode}; it is one of {', '.join(MODES)}"
            raise ValueError(message)
        if self._process.stdin is not None:
            self._process.stdin.write(mode.encode() + b"\n")
            self._process.stdin.flush()

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait(10)


@contextlib.contextmanager
def scripted_camera(clip: Path, *, mode: str = "play") -> Iterator[ScriptedCamera]:
    camera = ScriptedCamera(clip, mode=mode)
    try:
        yield camera
    finally:
        camera.end()


class _Viewer:
    """One connection. ``playing`` from a keyframe on after PLAY."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.wants = self.playing = False
        self.udp: tuple[socket.socket, tuple[str, int]] | None = None

    def send(self, packets: list[bytes], interleaved: bytes) -> None:
        if self.udp is not None:
            udp, address = self.udp
            for packet in packets:
                with contextlib.suppress(OSError):
                    udp.sendto(packet, address)
        elif self.writer.transport.get_write_buffer_size() < 1 << 24:
            self.writer.write(interleaved)

    def close(self) -> None:
        self.writer.close()
        if self.udp is not None:
            self.udp[0].close()


class _Server:
    def __init__(self, clip: Path, *, port: int, mode: str) -> None:
        self._timeline = Timeline(clip)
        self._sdp = sdp(self._timeline)
        self._port = port
        self._mode = mode
        self._viewers: set[_Viewer] = set()
        self._server: asyncio.Server | None = None

    async def run(self) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await self._turn(self._mode)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        playing = asyncio.create_task(self._play())
        while line := await reader.readline():
            await self._turn(line.decode().strip())
        playing.cancel()

    async def _turn(self, mode: str) -> None:
        self._mode = mode
        if mode == "gone":
            for viewer in self._viewers:
                viewer.close()
            if self._server is not None:
                self._server.close()
                self._server = None
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _play(self) -> None:
        began, number = time.monotonic(), 0
        while True:
            frame = self._timeline.frame(number, corrupt=self._mode == "corrupt")
            if self._mode in ("play", "corrupt", "named"):
                interleaved = b"".join(
                    b"$\0" + len(packet).to_bytes(2, "big") + packet for packet in frame.packets
                )
                for viewer in self._viewers:
                    viewer.playing = viewer.playing or (viewer.wants and frame.keyframe)
                    if viewer.playing:
                        viewer.send(frame.packets, interleaved)
            number += 1
            await asyncio.sleep(max(0.0, began + number / self._timeline.fps - time.monotonic()))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        viewer = _Viewer(writer)
        self._viewers.add(viewer)
        try:
            while request := await _request(reader):
                answer = self._answer(viewer, *request)
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self._viewers.discard(viewer)
            viewer.close()

    def _answer(self, viewer: _Viewer, verb: str, headers: dict[str, str]) -> bytes | None:
        if self._mode == "silent" or (self._mode == "hang" and verb not in ("OPTIONS", "DESCRIBE")):
            return None
        status, more, body = "200 OK", ["Session: 1"], b""
        if self._mode == "locked":
            status, more = "401 Unauthorized", ['WWW-Authenticate: Digest realm="c", nonce="1f"']
        elif self._mode == "named" and urlsplit(headers["url"]).port != self._port:
            status = "404 Not Found"
        elif verb == "OPTIONS":
            more = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"]
        elif verb == "DESCRIBE":
            more, body = ["Content-Type: application/sdp"], self._sdp
        elif verb == "SETUP":
            more.append(f"Transport: {self._transport(viewer, headers['transport'])}")
        elif verb == "PLAY":
            viewer.wants = True
        head = [f"RTSP/1.0 {status}", f"CSeq: {headers['cseq']}", *more]
        return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def _transport(self, viewer: _Viewer, wanted: str) -> str:
        ports = next((part for part in wanted.split(";") if part.startswith("client_port=")), None)
        if ports is None:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setblocking(False)
        udp.bind(("127.0.0.1", 0))
        first = int(ports.partition("=")[2].partition("-")[0])
        viewer.udp = (udp, ("127.0.0.1", first))
        own = udp.getsockname()[1]
        return f"RTP/AVP;unicast;{ports};server_port={own}-{own + 1}"


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """The verb and its headers, the url among them. Reports of reception are thrown away."""
    while (first := await reader.read(1)) == b"$":
        channel_and_size = await reader.readexactly(3)
        await reader.readexactly(int.from_bytes(channel_and_size[1:], "big"))
    if not first:
        return None
    text = (first + await reader.readuntil(b"\r\n\r\n")).decode()
    asked, *lines = text.split("\r\n")
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    await reader.readexactly(int(headers.get("content-length", "0")))
    verb, url, _ = asked.split(" ", 2)
    return verb, headers | {"url": url}


if __name__ == "__main__":
    clip_, port_, mode_ = sys.argv[1:4]
    asyncio.run(_Server(Path(clip_), port=int(port_), mode=mode_).run())
