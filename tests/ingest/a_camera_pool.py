"""A pool of camera processes at work, and what it has seen."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from citypatrol.secret import Secret
from ingest.camera import CameraPool
from ingest.camera_source import CameraLimits, CameraSource
from ingest.camera_wire import Picture

LIMITS = CameraLimits(open_s=2, read_s=2, beat_s=0.2, beat_limit_s=3)


def source(name: str, url: str, *, every_ms: int = 300) -> CameraSource:
    return CameraSource(name, Secret(url), every_ms)


@asynccontextmanager
async def running(pool: CameraPool) -> AsyncIterator[CameraPool]:
    stop = asyncio.Event()
    task = asyncio.create_task(pool.run(stop))
    try:
        yield pool
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)
    assert not pool.processes()


async def seen(
    pool: CameraPool, enough: Callable[[list[Picture]], bool], *, within_s: float = 30
) -> list[Picture]:
    frames: list[Picture] = []
    async with asyncio.timeout(within_s):
        while not enough(frames):
            frame = await pool.next_frame(wait_s=0.5)
            if frame is not None:
                frames.append(frame)
    return frames


def from_each(*cameras: str) -> Callable[[list[Picture]], bool]:
    return lambda frames: {frame.camera for frame in frames} >= set(cameras)


async def until(holds: Callable[[], bool], *, within_s: float) -> float:
    """How long it took, in seconds."""
    began = time.monotonic()
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.05)
    return time.monotonic() - began
