"""Cameras over RTSP: read in child processes, so that a decoder that hangs or crashes harms few.

Promised: of each camera the newest frame, about one per its ``every_ms``; a child that says nothing
for ``beat_limit_s`` is killed and started again, and so is one that ends. Not promised: every frame
(what is lost is counted by its reason), or frames that do not repeat what they show.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from citypatrol import metrics
from ingest.camera_process import CameraProcess
from ingest.camera_retry import restart_delay
from ingest.camera_slots import NewestPerCamera
from ingest.camera_source import CameraLimits, CameraSource
from ingest.camera_wire import (
    BurstOrder,
    CameraBeat,
    ChildOrder,
    Forget,
    Picture,
    PictureBurst,
)

log = structlog.get_logger(__name__)

MOST_PER_PROCESS = 25
_MOST_BURSTS = 8
_LOOK_S = 0.5
_EARLY_DEATH_S = 60.0
_HANGS = "it hangs where no timeout reaches; is its name server up?"


@dataclass(slots=True, eq=False)
class _Crew:
    """The cameras of one child process, over its restarts. ``suspect``: no other is put beside."""

    cameras: list[str]
    suspect: bool = False
    process: CameraProcess | None = None


class CameraPool:
    """A stage: ``run`` keeps the child processes, ``next_frame`` gives what they see.

    For one consumer, in the event loop of ``run``.
    """

    name = "cameras"

    def __init__(
        self,
        sources: Iterable[CameraSource],
        *,
        limits: CameraLimits | None = None,
        per_process: int = MOST_PER_PROCESS,
    ) -> None:
        self._sources = {source.id: source for source in sources}
        self._limits = limits or CameraLimits()
        self._per_process = per_process
        self._slots: NewestPerCamera[Picture] = NewestPerCamera()
        self._bursts: asyncio.Queue[PictureBurst] = asyncio.Queue(_MOST_BURSTS)
        self._came = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keep_one: Callable[[_Crew], object] | None = None
        self._crews: list[_Crew] = []
        self._frame_at = dict.fromkeys(self._sources, time.monotonic())
        self._troubles: dict[str, str] = {}

    def waiting_for(self) -> str | None:
        """Nothing: a dead camera is a fault to tell of, no reason to hold a city back."""
        return None

    def ages_s(self) -> Mapping[str, float]:
        """Seconds since each camera's last frame, or since the pool was started."""
        now = time.monotonic()
        return {camera: now - self._frame_at.get(camera, now) for camera in self._sources}

    def troubles(self) -> Mapping[str, str]:
        """What each camera that gives no frame says is wrong, without any secret."""
        return dict(self._troubles)

    def processes(self) -> Mapping[int, tuple[str, ...]]:
        """The cameras of each child process that runs, by its process id."""
        return {
            crew.process.pid: tuple(crew.cameras)
            for crew in self._crews
            if crew.process is not None
            and crew.process.pid is not None
            and crew.process.ended() is None
        }

    def change(self, sources: Iterable[CameraSource]) -> None:
        """Read these from now on. A camera that is new or differs is begun, one that is not among
        them is let go; the others go on undisturbed."""
        wanted = {source.id: source for source in sources}
        before, self._sources = self._sources, wanted
        for camera in [name for name, source in before.items() if wanted.get(name) != source]:
            self._let_go(camera)
        for camera in [name for name, source in wanted.items() if before.get(name) != source]:
            self._frame_at[camera] = time.monotonic()
            self._take_on(camera)

    def ask_burst(self, order: BurstOrder) -> None:
        """``next_burst`` gives it, unless the camera stops meanwhile: then nothing comes."""
        crew = self._crew_of(order.camera)
        if crew is not None and crew.process is not None:
            crew.process.tell(order)

    async def next_burst(self) -> PictureBurst:
        """Waits for one. Few are kept; what nobody takes is counted as lost."""
        return await self._bursts.get()

    async def next_frame(
        self, *, wait_s: float, first: Collection[str] = (), but: Collection[str] = ()
    ) -> Picture | None:
        """The newest frame of the camera that has waited longest; None where none came in time.
        ``first`` and ``but`` name cameras as ``NewestPerCamera.take`` has them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._came.wait()
        self._came.clear()
        picture = self._slots.take(first=first, but=but)
        if picture is not None:
            self._came.set()  # there may be more
        return picture

    async def run(self, stop: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._frame_at = dict.fromkeys(self._sources, time.monotonic())
        names, size = list(self._sources), self._per_process
        async with asyncio.TaskGroup() as group:
            self._keep_one = lambda crew: group.create_task(self._keep(crew, stop=stop))
            for start in range(0, len(names), size):
                self._start(names[start : start + size])
            await stop.wait()
        self._keep_one = None

    def _start(self, cameras: Sequence[str], *, suspect: bool = False) -> None:
        if self._keep_one is not None:
            crew = _Crew(list(cameras), suspect)
            self._crews.append(crew)
            self._keep_one(crew)

    def _crew_of(self, camera: str) -> _Crew | None:
        return next((crew for crew in self._crews if camera in crew.cameras), None)

    def _take_on(self, camera: str) -> None:
        for crew in self._crews:
            if len(crew.cameras) < self._per_process and not crew.suspect:
                crew.cameras.append(camera)
                if crew.process is not None:
                    crew.process.tell(self._sources[camera].order())
                return
        self._start([camera])

    def _let_go(self, camera: str) -> None:
        crew = self._crew_of(camera)
        if crew is not None:
            crew.cameras.remove(camera)
            if crew.process is not None:
                crew.process.tell(Forget((camera,)))
        self._slots.discard(camera)
        self._troubles.pop(camera, None)
        self._frame_at.pop(camera, None)
        with contextlib.suppress(KeyError):  # never looked at yet
            metrics.CAMERA_AGE.remove(camera)

    async def _keep(self, crew: _Crew, *, stop: asyncio.Event) -> None:
        """Keep one child with these cameras alive until ``stop``.

        One that dies early twice in a row is started again as two halves, so that a stream that
        crashes decoders is alone in the end.
        """
        mine, deaths = crew.cameras, 0
        while mine and not stop.is_set():
            began = time.monotonic()
            end = await self._live(crew, stop=stop)
            if stop.is_set() or not mine:
                continue
            early = time.monotonic() - began < _EARLY_DEATH_S
            deaths = deaths + 1 if early else 1
            log.error("camera process lost; starting it again", cameras=len(mine), reason=end)
            if deaths >= 2 and len(mine) > 1:
                half = len(mine) // 2
                self._start(mine[half:], suspect=True)
                del mine[half:]
                crew.suspect = True
                deaths = 0
            await _pause(restart_delay(deaths), stop=stop)
        self._crews.remove(crew)

    async def _live(self, crew: _Crew, *, stop: asyncio.Event) -> str:
        """Run one child until it dies, has no camera left or ``stop``; says how it ended. Takes
        stuck cameras away."""
        mine = crew.cameras
        process = CameraProcess(self._order(mine), on_picture=self._on_picture, on_dropped=_dropped)
        try:
            process.start()
        except OSError as error:
            return f"could not be started: {error.strerror}"
        crew.process = process
        looked = time.monotonic()
        try:
            while mine and not stop.is_set():
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
                    process.tell(Forget((camera,)))
                    mine.remove(camera)
                    self._start([camera], suspect=True)
                await _pause(_LOOK_S, stop=stop)
            return "stopped"
        finally:
            crew.process = None  # a camera that is taken on now comes with the next one
            await asyncio.shield(asyncio.to_thread(process.end))

    def _order(self, cameras: Sequence[str]) -> ChildOrder:
        return ChildOrder(
            parent_pid=os.getpid(),
            cameras=tuple(self._sources[camera].order() for camera in cameras),
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
            if (beat := beats.get(camera)) is None:
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

    def _on_picture(self, picture: Picture | PictureBurst) -> None:
        """In a child's thread."""
        if picture.camera not in self._sources:
            return
        if isinstance(picture, PictureBurst):
            self._call(self._put_burst, picture)
            return
        self._frame_at[picture.camera] = time.monotonic()
        if self._slots.put(picture.camera, picture):
            _dropped("replaced", 1)
        self._call(self._came.set)

    def _call(self, what: Callable[..., None], *args: object) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before its children
                self._loop.call_soon_threadsafe(what, *args)

    def _put_burst(self, burst: PictureBurst) -> None:
        if self._bursts.full():
            _dropped("burst", 1)
        else:
            self._bursts.put_nowait(burst)


def _dropped(reason: str, number: int) -> None:
    metrics.DROPPED.labels("camera", reason).inc(number)


async def _pause(seconds: float, *, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
