"""Puts scenes on air: a live encoder whose newest half second is the file that the server loops.

The server (PyPI ``aio-rtsp-toolkit``) opens a stream's file anew at each loop, so a file that is
replaced whole, and holds one keyframe, makes it a live camera of two frames a second.
"""

import asyncio
import contextlib
import io
import logging
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import av
import structlog

from app.demo.paint import Pixels
from app.demo.plans import HEIGHT, WIDTH
from app.demo.scenes import Scene, State
from citypatrol import metrics

log = structlog.get_logger(__name__)

FPS = 2


def segment(pixels: Pixels) -> bytes:
    """One picture as an MP4 of one H.264 keyframe; every segment has the same parameter sets."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))
    return data.getvalue()


class Station:
    """``states`` may change at any time; the next frame of that camera shows it."""

    def __init__(self, scenes: Mapping[str, Scene], *, folder: Path) -> None:
        self.scenes = scenes
        self.states = dict.fromkeys(scenes, State())
        self._folder = folder

    @contextlib.asynccontextmanager
    async def on_air(self, *, port: int) -> AsyncIterator[None]:
        """Serves every scene as ``/CAMERA.mp4`` on this port of 127.0.0.1. OSError where it is
        taken."""
        from aio_rtsp_toolkit.server import RtspServer

        for camera in self.scenes:
            await asyncio.to_thread(self._film, camera, 0.0)
        server = RtspServer(str(self._folder), host="127.0.0.1", port=port)
        server.logger = _quiet()
        await server.start()
        filming = asyncio.create_task(self._keep_filming())
        try:
            yield
        finally:
            filming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await filming
            # A client may still be connected; the process ends in a moment anyway.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.close(), 1)

    async def _keep_filming(self) -> None:
        began = time.monotonic()
        while True:
            for camera in self.scenes:
                try:
                    await asyncio.to_thread(self._film, camera, time.monotonic() - began)
                except Exception:  # the other cameras go on
                    log.exception("no picture", camera=camera)
                    metrics.DROPPED.labels("station", "error").inc()
            late = (time.monotonic() - began) % (1 / FPS)
            await asyncio.sleep(1 / FPS - late)

    def _film(self, camera: str, t_s: float) -> None:
        pixels = self.scenes[camera].render(self.states[camera], t_s=t_s)
        aside = self._folder / f"{camera}.aside"
        aside.write_bytes(segment(pixels))
        aside.replace(self._folder / f"{camera}.mp4")


def _quiet() -> logging.Logger:
    """The server tells of every request; only what is wrong is worth a line."""
    logger = logging.getLogger("demo.rtsp")
    logger.setLevel(logging.ERROR)
    return logger
