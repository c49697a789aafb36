"""Cameras become samples: frames from the pool, through the detectors, into the intake."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from citypatrol import metrics
from citypatrol.clock import Clock, Ts
from citypatrol.samples import Batch, Sample
from detectors.types import Burst, Frame, Hidden, Wish
from edge.eye import Evidence, Eye
from edge.load import CameraConfig, Cameras
from edge.memory import Memory
from edge.taught import Taught
from edge.touched import Touched, compare
from ingest.camera import CameraPool
from ingest.camera_source import CameraLimits
from ingest.camera_wire import BurstOrder

log = structlog.get_logger(__name__)

FAULT, AGE, FPS = "camera.fault", "camera.age", "camera.fps"
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
    """A stage: reads ``cameras``, looks at their frames in threads of its own, and tells of each
    camera that gives none (``camera.fault`` = 1, ``camera.age`` in seconds, ``camera.fps`` = 0).

    Frames are looked at ``side_by_side`` (None: as many as the machine is good for), those of one
    camera one after the other; cameras that wait for another look come first.

    While the intake has no room frames wait, and newer ones replace them; no sample is lost.
    ``change`` takes other cameras while it runs. ``mask``: what is covered in every picture kept.
    ``learned``: the folder in which what the watches learn lives through a restart; ``taught``: the
    file of what people have taught cameras to take no notice of.
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
        mask: Sequence[Hidden] = ("person", "plate"),
        learned: Path | None = None,
        taught: Path | None = None,
        side_by_side: int | None = None,
    ) -> None:
        self._mask = tuple(mask)
        self._cameras = cameras
        self._intake = intake
        self._evidence = evidence
        self._clock = clock
        self._memory = Memory(learned)
        self._taught = Taught(taught)
        self._eyes: dict[str, tuple[CameraConfig, Eye]] = {}
        self._side_by_side = side_by_side
        self._turns: dict[str, threading.Lock] = {}
        self._looked_at: set[str] = set()
        self._suspicious: set[str] = set()
        sources = [camera.source() for camera in cameras]
        self.pool = CameraPool(sources, limits=limits)

    @property
    def cameras(self) -> Cameras:
        return self._cameras

    def waiting_for(self) -> str | None:
        return None

    def change(self, cameras: Cameras) -> Touched:
        """Watch these from now on; what is the same goes on undisturbed. In the loop of ``run``."""
        touched = compare(self._cameras, cameras)
        self._cameras = cameras
        self.pool.change([camera.source() for camera in cameras])
        return touched

    async def run(self, stop: asyncio.Event) -> None:
        from detectors.onnx import looks_at_once

        most = self._side_by_side or looks_at_once()
        with ThreadPoolExecutor(most, thread_name_prefix="detectors") as threads:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.pool.run(stop))
                group.create_task(self._watch(threads, stop, most=most))
                bursts = group.create_task(self._judge_bursts(threads, stop))
                group.create_task(self._tell_of_silence(stop))
                await stop.wait()
                bursts.cancel()
            await asyncio.get_running_loop().run_in_executor(threads, self._remember)

    def _remember(self) -> None:
        for camera, (config, eye) in self._eyes.items():
            if camera in self._cameras:
                self._memory.write(config, eye.watches, now=self._clock.now())

    def _eye(self, camera: str) -> Eye | None:
        """In a detectors' thread, in the camera's turn. Made at the first frame; another where it
        sees other things."""
        from detectors.evidence import proof  # OpenCV
        from detectors.masking import masked

        if camera not in self._cameras:
            self._eyes.pop(camera, None)
            return None
        config = self._cameras[camera]
        now = self._clock.now()
        known = self._eyes.get(camera)
        if known is not None and self._memory.forgotten(camera):
            log.info("what was learned of a camera was taken away; it begins anew", camera=camera)
            known = None
        elif known is not None and _sees(known[0]) != _sees(config):
            self._memory.write(known[0], known[1].watches, now=now)
            known = None
        if known is None:
            watches = config.watches(normal=partial(self._taught.of, camera))
            self._memory.recall(config, watches, now=now)
            draw = masked(proof, kinds=self._mask)
            eye = Eye(camera, watches=watches, evidence=self._evidence, draw=draw)
            known = self._eyes[camera] = (config, eye)
        self._memory.keep(config, known[1].watches, now=now)
        return known[1]

    async def _watch(self, threads: Executor, stop: asyncio.Event, *, most: int) -> None:
        free = asyncio.Semaphore(most)
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                await free.acquire()
                seen = await self.pool.next_frame(
                    wait_s=_LOOK_S, first=self._suspicious, but=self._looked_at
                )
                if seen is None:
                    free.release()
                    continue
                self._looked_at.add(seen.camera)
                frame = Frame(seen.camera, seen.ts, seen.pixels)
                look = group.create_task(self._look_and_tell(frame, threads, stop))
                look.add_done_callback(lambda _: free.release())

    async def _look_and_tell(self, frame: Frame, threads: Executor, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        try:
            samples, wish = await loop.run_in_executor(threads, self._look, frame)
            if wish is not None:
                self.pool.ask_burst(BurstOrder(frame.camera, wish.seconds, wish.boxes))
            await self._offer(frame.camera, samples, stop=stop)
        finally:
            self._looked_at.discard(frame.camera)

    def _look(self, frame: Frame) -> tuple[list[Sample], Wish | None]:
        with self._turn(frame.camera):
            eye = self._eye(frame.camera)
            if eye is None:
                return [], None
            samples = eye.look(frame)
            self._note(frame.camera, eye)
            return samples, eye.wish(of=frame)

    async def _judge_bursts(self, threads: Executor, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            came = await self.pool.next_burst()
            burst = Burst(came.camera, came.times, came.cuts)
            samples = await loop.run_in_executor(threads, self._judge, burst)
            await self._offer(came.camera, samples, stop=stop)

    def _judge(self, burst: Burst) -> list[Sample]:
        with self._turn(burst.camera):
            eye = self._eye(burst.camera)
            if eye is None:
                return []
            samples = eye.judge(burst)
            self._note(burst.camera, eye)
            return samples

    def _turn(self, camera: str) -> threading.Lock:
        return self._turns.setdefault(camera, threading.Lock())

    def _note(self, camera: str, eye: Eye) -> None:
        if eye.suspicious():
            self._suspicious.add(camera)
        else:
            self._suspicious.discard(camera)

    async def _tell_of_silence(self, stop: asyncio.Event) -> None:
        told: dict[str, Ts] = {}
        while not stop.is_set():
            now = self._clock.now()
            for camera, age_s in self.pool.ages_s().items():
                if camera not in self._cameras:
                    continue
                every = self._cameras[camera].every
                if age_s * 1000 < every + _GRACE_MS:
                    continue
                if now - told.get(camera, 0) < min(every, _SLOWEST_TELLING_MS):
                    continue
                told[camera] = now
                fault = Sample(camera, FAULT, now, 1.0)
                age = Sample(camera, AGE, now, age_s)
                none = Sample(camera, FPS, now, 0.0)
                await self._offer(camera, [fault, age, none], stop=stop)
            await _sleep(_LOOK_S, stop=stop)

    async def _offer(self, camera: str, samples: Sequence[Sample], *, stop: asyncio.Event) -> None:
        if not samples or camera not in self._cameras:
            return  # removed while it was looked at
        batch = Batch.of(samples)
        labels = dict.fromkeys(batch.sources, self._cameras[camera].labels())
        while not self._intake.offer(batch, labels=labels):
            if stop.is_set():
                metrics.DROPPED.labels("cameras", "stopping").inc(len(batch))
                log.warning("stopping with no room for a camera's samples", camera=camera)
                return
            await _sleep(_ASK_AGAIN_S, stop=stop)
        metrics.SAMPLES.labels("detectors").inc(len(batch))


def _sees(camera: CameraConfig) -> object:
    return camera.url, camera.detectors


async def _sleep(seconds: float, *, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
