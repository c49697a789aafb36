"""Frames of one camera or clip for a command that looks at them for a while."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from app.outcome import OutsideError
from detectors.pictures import read_clip
from detectors.types import Frame
from ingest.camera import CameraPool
from ingest.camera_source import CameraSource

FIRST_S: Final = 30.0
"""How long the first picture may take."""
REFUSED_S: Final = 8.0
"""The same where the camera says why it gives none."""
SILENT_S: Final = 60.0
"""How long a camera may be away meanwhile."""
_WAIT_S: Final = 1.0

See = Callable[[Frame], object]
"""Called for each frame, one after the other, in a thread of its own; what comes meanwhile is lost,
but for the newest."""


def clip_frames(path: Path, *, every_s: float, seconds: float | None = None) -> Iterator[Frame]:
    """Of a clip, as fast as it can be read; times from 0. Raises ``Unreadable``."""
    for at_s, pixels in read_clip(path, every_s=every_s):
        if seconds is not None and at_s > seconds:
            return
        yield Frame(path.name, round(at_s * 1000), pixels)


def watch_camera(source: CameraSource, *, seconds: float, see: See) -> None:
    """Its pictures, one per its ``every_ms``, for so long. Blocks. Raises OutsideError where none
    comes, or none any more."""
    asyncio.run(_watch(source, seconds=seconds, see=see))


async def _watch(source: CameraSource, *, seconds: float, see: See) -> None:
    pool, stop = CameraPool([source]), asyncio.Event()
    running = asyncio.create_task(pool.run(stop))
    began = heard = time.monotonic()
    frames = 0
    try:
        while not frames or time.monotonic() - began < seconds:
            picture = await pool.next_frame(wait_s=_WAIT_S)
            now = time.monotonic()
            if picture is not None:
                began = began if frames else now
                frames, heard = frames + 1, now
                await asyncio.to_thread(see, Frame(source.id, picture.ts, picture.pixels))
                continue
            trouble = pool.troubles().get(source.id)
            if now - heard > (SILENT_S if frames else REFUSED_S if trouble else FIRST_S):
                what = "no picture any more" if frames else "no picture"
                reason = trouble or "is the stream up?"
                message = f"{source.url.endpoint}: {what} for {now - heard:.0f} s: {reason}"
                raise OutsideError(message)
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await running
