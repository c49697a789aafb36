"""Cameras become samples: frames from the pool, through the detectors, into the intake."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog

from citypatrol import metrics
from citypatrol.clock import Clock, Ts
from citypatrol.samples import Batch, Sample
from detectors.types import Frame
from edge.eye import Evidence, Eye
from edge.load import Cameras
from ingest.camera import CameraLimits, CameraPool

log = structlog.get_logger(__name__)

FAULT, AGE = "camera.fault", "camera.age"
_GRACE_MS = 10_000
_SLOWEST_TELLING_MS = 10_000
_ASK_AGAIN_S = 0.2
_LOOK_S = 0.5


class Intake(Protocol):
    """What is asked of ``ingest.intake.Intake``."""

    def offer(
        self, batch: Batch, /, *, labels: Mapping[str, Mapping[str, str]] | None = None
    ) -> bool: ...


class CameraStage:
    """A stage: reads ``cameras``, looks at their frames one after the other in a thread of its own,
    and tells of each camera that gives none (``camera.fault`` = 1, ``camera.age`` in seconds).

    While the intake has no room frames wait, and newer ones replace them; no sample is lost.
    """

    name = "cameras"

    def __init__(
        self,
        cameras: Cameras,
        *,
        intake: Intake,
        evidence: Evidence,
        clock: Clock,
        limits: CameraLimits | None = None,
    ) -> None:
        self._cameras = cameras
        self._intake = intake
        self._evidence = evidence
        self._clock = clock
        sources = [camera.source() for camera in cameras]
        self.pool = CameraPool(sources, limits=limits or CameraLimits())

    def waiting_for(self) -> str | None:
        return None

    async def run(self, stop: asyncio.Event) -> None:
        if not self._cameras:
            await stop.wait()
            return
        with ThreadPoolExecutor(1, thread_name_prefix="detectors") as thread:
            eyes = await asyncio.get_running_loop().run_in_executor(thread, self._open_eyes)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.pool.run(stop))
                group.create_task(self._watch(eyes, thread, stop))
                group.create_task(self._tell_of_silence(stop))

    def _open_eyes(self) -> Mapping[str, Eye]:
        from detectors.evidence import draw  # OpenCV

        return {
            camera.id: Eye(camera.id, watches=camera.watches(), evidence=self._evidence, draw=draw)
            for camera in self._cameras
        }

    async def _watch(
        self, eyes: Mapping[str, Eye], thread: ThreadPoolExecutor, stop: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            seen = await self.pool.next_frame(wait_s=_LOOK_S)
            if seen is None:
                continue
            frame = Frame(seen.camera, seen.ts, seen.pixels)
            samples = await loop.run_in_executor(thread, eyes[seen.camera].look, frame)
            await self._offer(seen.camera, samples, stop=stop)

    async def _tell_of_silence(self, stop: asyncio.Event) -> None:
        told: dict[str, Ts] = {}
        while not stop.is_set():
            now = self._clock.now()
            for camera, age_s in self.pool.ages_s().items():
                every = self._cameras[camera].every
                if age_s * 1000 < every + _GRACE_MS:
                    continue
                if now - told.get(camera, 0) < min(every, _SLOWEST_TELLING_MS):
                    continue
                told[camera] = now
                fault = Sample(camera, FAULT, now, 1.0)
                age = Sample(camera, AGE, now, age_s)
                await self._offer(camera, [fault, age], stop=stop)
            await _sleep(_LOOK_S, stop=stop)

    async def _offer(self, camera: str, samples: Sequence[Sample], *, stop: asyncio.Event) -> None:
        if not samples:
            return
        batch = Batch.of(samples)
        labels = dict.fromkeys(batch.sources, self._cameras[camera].labels())
        while not self._intake.offer(batch, labels=labels):
            if stop.is_set():
                metrics.DROPPED.labels("cameras", "stopping").inc(len(batch))
                log.warning("stopping with no room for a camera's samples", camera=camera)
                return
            await _sleep(_ASK_AGAIN_S, stop=stop)
        metrics.SAMPLES.labels("detectors").inc(len(batch))


async def _sleep(seconds: float, *, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
