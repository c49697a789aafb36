"""Cameras over RTSP: read in child processes, so that a decoder that hangs or crashes harms few.

Promised: of each camera the newest frame, about one per its ``every_ms``; a child that says nothing
for ``beat_limit_s`` is killed and started again, and so is one that ends. Not promised: every frame
(what is lost is counted by its reason), or frames that do not repeat what they show.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from citypatrol import metrics
from citypatrol.secret import Secret
from ingest.camera_process import CameraProcess
from ingest.camera_slots import NewestPerCamera
from ingest.camera_wire import CameraBeat, CameraOrder, ChildOrder, Picture

log = structlog.get_logger(__name__)

MOST_PER_PROCESS = 25
_LOOK_S = 0.5
_EARLY_DEATH_S = 60.0
_SLOWEST_RESTART_S = 30.0
_HANGS = "it hangs where no timeout reaches; is its name server up?"


@dataclass(frozen=True, slots=True)
class CameraSource:
    """One camera to read: an rtsp, rtsps or file url, and how often a picture is wanted."""

    id: str
    url: Secret
    every_ms: int


@dataclass(frozen=True, slots=True)
class CameraLimits:
    """Seconds. ``read_s`` is how long a stream may pause, so a freeze is noticed within it."""

    open_s: float = 5.0
    read_s: float = 8.0
    beat_s: float = 0.5
    beat_limit_s: float = 8.0

    @property
    def stuck_s(self) -> float:
        """A camera's thread that is away for longer hangs where no timeout reaches (DNS)."""
        return self.open_s + self.read_s + 10.0


class CameraPool:
    """A stage: ``run`` keeps the child processes, ``next_frame`` gives what they see.

    For one consumer, in the event loop of ``run``.
    """

    name = "cameras"

    def __init__(
        self,
        sources: Iterable[CameraSource],
        *,
        limits: CameraLimits = CameraLimits(),
        per_process: int = MOST_PER_PROCESS,
    ) -> None:
        self._sources = {source.id: source for source in sources}
        self._limits = limits
        self._per_process = per_process
        self._slots: NewestPerCamera[Picture] = NewestPerCamera()
        self._came = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._frame_at = dict.fromkeys(self._sources, time.monotonic())
        self._troubles: dict[str, str] = {}
        self._reader: dict[str, CameraProcess] = {}

    def waiting_for(self) -> str | None:
        """Nothing: a dead camera is a fault to tell of, no reason to hold a city back."""
        return None

    def ages_s(self) -> Mapping[str, float]:
        """Seconds since each camera's last frame, or since the pool was started."""
        now = time.monotonic()
        return {camera: now - at for camera, at in self._frame_at.items()}

    def troubles(self) -> Mapping[str, str]:
        """What each camera that gives no frame says is wrong, without any secret."""
        return dict(self._troubles)

    def processes(self) -> Mapping[int, tuple[str, ...]]:
        """The cameras of each child process that runs, by its process id."""
        cameras: dict[int, list[str]] = {}
        for camera, process in self._reader.items():
            if process.pid is not None and process.ended() is None:
                cameras.setdefault(process.pid, []).append(camera)
        return {pid: tuple(names) for pid, names in cameras.items()}

    async def next_frame(self, *, wait_s: float) -> Picture | None:
        """The newest frame of the camera that has waited longest; None where none came in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._came.wait()
        self._came.clear()
        picture = self._slots.take()
        if picture is not None:
            self._came.set()  # there may be more
        return picture

    async def run(self, stop: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._frame_at = dict.fromkeys(self._sources, time.monotonic())
        names = list(self._sources)
        size = self._per_process
        async with asyncio.TaskGroup() as group:
            for start in range(0, len(names), size):
                group.create_task(self._keep(names[start : start + size], group=group, stop=stop))

    async def _keep(
        self, cameras: Sequence[str], *, group: asyncio.TaskGroup, stop: asyncio.Event
    ) -> None:
        """Keep one child with these cameras alive until ``stop``.

        One that dies early twice in a row is started again as two halves, so that a stream that
        crashes decoders is alone in the end.
        """
        mine = list(cameras)
        deaths = 0
        while mine and not stop.is_set():
            began = time.monotonic()
            end = await self._live(mine, group=group, stop=stop)
            if stop.is_set() or not mine:
                return
            early = time.monotonic() - began < _EARLY_DEATH_S
            deaths = deaths + 1 if early else 1
            log.error("camera process lost; starting it again", cameras=len(mine), reason=end)
            if deaths >= 2 and len(mine) > 1:
                half = len(mine) // 2
                group.create_task(self._keep(mine[half:], group=group, stop=stop))
                del mine[half:]
                deaths = 0
            await _pause(_restart_delay_s(deaths), stop=stop)

    async def _live(self, mine: list[str], *, group: asyncio.TaskGroup, stop: asyncio.Event) -> str:
        """Run one child until it dies or ``stop``; says how it ended. Takes stuck cameras away."""
        process = CameraProcess(self._order(mine), on_picture=self._on_picture, on_dropped=_dropped)
        try:
            process.start()
        except OSError as error:
            return f"could not be started: {error.strerror}"
        self._reader.update(dict.fromkeys(mine, process))
        looked = time.monotonic()
        try:
            while not stop.is_set():
                if (end := process.ended()) is not None:
                    return end
                # If this loop itself was held up, the child may well have spoken.
                held_up = time.monotonic() - looked > 4 * _LOOK_S
                looked = time.monotonic()
                if process.silent_s > self._limits.beat_limit_s and not held_up:
                    await asyncio.to_thread(process.kill)
                    return f"silent for {self._limits.beat_limit_s:g} s"
                for camera in self._look(process.cameras, mine=mine):
                    if len(mine) == 1:
                        await asyncio.to_thread(process.kill)
                        return f"camera {camera!r} hangs"
                    process.forget(camera)
                    mine.remove(camera)
                    group.create_task(self._keep([camera], group=group, stop=stop))
                await _pause(_LOOK_S, stop=stop)
            return "stopped"
        finally:
            await asyncio.shield(asyncio.to_thread(process.end))

    def _order(self, cameras: Sequence[str]) -> ChildOrder:
        return ChildOrder(
            parent_pid=os.getpid(),
            cameras=tuple(
                CameraOrder(source.id, source.url.reveal(), source.every_ms / 1000)
                for source in (self._sources[camera] for camera in cameras)
            ),
            open_s=self._limits.open_s,
            read_s=self._limits.read_s,
            beat_s=self._limits.beat_s,
        )

    def _look(self, beats: Mapping[str, CameraBeat], *, mine: Sequence[str]) -> list[str]:
        """Say what has changed; gives the cameras whose threads hang."""
        stuck = []
        now = time.monotonic()
        for camera in mine:
            metrics.CAMERA_AGE.labels(camera).set(now - self._frame_at[camera])
            beat = beats.get(camera)
            if beat is None:
                continue
            if beat.stuck_s > self._limits.stuck_s:
                stuck.append(camera)
                self._say(camera, _HANGS)
            elif beat.trouble or beat.phase == "playing":
                self._say(camera, beat.trouble)
        return stuck

    def _say(self, camera: str, trouble: str) -> None:
        before = self._troubles.pop(camera, "")
        if trouble:
            self._troubles[camera] = trouble
        if trouble == before:
            return
        endpoint = self._sources[camera].url.endpoint
        if trouble:
            log.warning("camera gives no frame", camera=camera, url=endpoint, reason=trouble)
        else:
            log.info("camera is back", camera=camera, url=endpoint)

    def _on_picture(self, picture: Picture) -> None:
        """In a child's thread."""
        if picture.camera not in self._sources:
            return
        self._frame_at[picture.camera] = time.monotonic()
        if self._slots.put(picture.camera, picture):
            _dropped("replaced", 1)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before its children
                self._loop.call_soon_threadsafe(self._came.set)


def _dropped(reason: str, number: int) -> None:
    metrics.DROPPED.labels("camera", reason).inc(number)


def _restart_delay_s(deaths: int) -> float:
    return 0.0 if deaths < 2 else min(_SLOWEST_RESTART_S, 0.5 * 2.0 ** min(deaths - 2, 10))


async def _pause(seconds: float, *, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
