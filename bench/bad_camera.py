"""One scripted bad camera among sixteen: what it costs the other fifteen.

`python -m bench.bad_camera`: a camera that is silent, hangs after DESCRIBE, freezes, refuses the
login, sends nonsense or closes its port, then plays again; at last its child process crashes. Seven
good ones share its process, eight have one of their own. Frames are counted where the pool gives
them.
"""

import asyncio
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from bench.report import arguments, report
from bench.servers.clip import make_clip
from bench.servers.scripted import ScriptedCamera, scripted_camera
from citypatrol.secret import Secret
from ingest.camera import CameraPool
from ingest.camera_source import CameraSource

MODES: Final = ("silent", "hang", "freeze", "locked", "corrupt", "gone")
BAD: Final = "bad"
BESIDE: Final = tuple(f"beside-{number}" for number in range(7))
APART: Final = tuple(f"apart-{number}" for number in range(8))
EVERY_MS: Final = 500
NOTICED_S: Final = 10.0
BACK_S: Final = 15.0
SLOWED: Final = 0.10
_LOGIN_BACK_S: Final = 80.0
_GIVE_UP_S: Final = 90.0


@dataclass(slots=True)
class Seen:
    """When frames came, on the monotonic clock, by camera."""

    frames: dict[str, list[float]] = field(default_factory=dict)

    def rate(self, cameras: Iterable[str], *, after: float, before: float) -> float:
        """Frames a second of all these together."""
        count = sum(
            sum(after < at <= before for at in self.frames.get(camera, ())) for camera in cameras
        )
        return count / (before - after)

    def interval(self, cameras: Iterable[str], *, after: float, before: float) -> float:
        """Seconds between two frames of one camera: the median of the cameras' medians, which a
        busy machine's hiccups do not move, and a camera that is read more slowly does. Infinite
        where most cameras gave fewer than two."""
        medians = []
        for camera in cameras:
            within = [at for at in self.frames.get(camera, ()) if after < at <= before]
            gaps = [late - early for early, late in pairwise(within)]
            medians.append(median(gaps) if gaps else math.inf)
        return median(medians)

    def last(self, camera: str) -> float:
        return self.frames.get(camera, [0.0])[-1]


async def until(holds: Callable[[], bool]) -> float | None:
    """Seconds until it holds; None where that takes too long."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > _GIVE_UP_S:
            return None
        await asyncio.sleep(0.05)
    return round(time.monotonic() - began, 1)


async def drill(
    bad: ScriptedCamera, good: ScriptedCamera, *, settle_s: float
) -> dict[str, float | int | None]:
    urls = {BAD: bad.url("bad")} | {name: good.url(name) for name in (*BESIDE, *APART)}
    pool = CameraPool(
        [CameraSource(name, Secret(url), EVERY_MS) for name, url in urls.items()], per_process=8
    )
    seen, stop = Seen(), asyncio.Event()
    running = asyncio.create_task(pool.run(stop))

    async def take() -> None:
        while True:
            picture = await pool.next_frame(wait_s=1)
            if picture is not None:
                seen.frames.setdefault(picture.camera, []).append(time.monotonic())

    taking = asyncio.create_task(take())
    figures: dict[str, float | int | None] = {}
    try:
        await until(lambda: len(seen.frames) == len(urls))
        for mode in MODES:
            figures |= await _misbehave(pool, seen, bad, mode=mode, settle_s=settle_s)
        figures |= await _crash(pool, seen, settle_s=settle_s)
    finally:
        taking.cancel()
        stop.set()
        await running
    return figures


async def _misbehave(
    pool: CameraPool, seen: Seen, bad: ScriptedCamera, *, mode: str, settle_s: float
) -> dict[str, float | int | None]:
    before = time.monotonic()
    await asyncio.sleep(settle_s)
    began = time.monotonic()
    bad.say(mode)
    noticed = await until(lambda: BAD in pool.troubles())
    await asyncio.sleep(settle_s)
    ended = time.monotonic()
    bad.say("play")
    back = await until(lambda: seen.last(BAD) > ended)
    return {
        f"{mode}_noticed_s": noticed,
        f"{mode}_back_s": back,
        **_harm(seen, mode, "beside", BESIDE, times=(before, began, ended)),
        **_harm(seen, mode, "apart", APART, times=(before, began, ended)),
    }


def _harm(
    seen: Seen, mode: str, name: str, cameras: Sequence[str], *, times: tuple[float, float, float]
) -> dict[str, float | int | None]:
    """``slowed``: by how much the frames of these cameras lie further apart while the bad one is
    bad than just before; ``rate_lost``: the same by their number, which has no bar: it is as
    restless as the machine."""
    before, began, ended = times
    well = seen.interval(cameras, after=before, before=began)
    ill = seen.interval(cameras, after=began, before=ended)
    many = seen.rate(cameras, after=before, before=began)
    left = seen.rate(cameras, after=began, before=ended)
    return {
        f"{mode}_slowed_{name}": None if math.isinf(well) else round(max(0.0, 1 - well / ill), 3),
        f"{mode}_rate_lost_{name}": round(max(0.0, 1 - left / max(many, 1e-9)), 3),
    }


async def _crash(pool: CameraPool, seen: Seen, *, settle_s: float) -> dict[str, float | int | None]:
    before = time.monotonic()
    await asyncio.sleep(settle_s)
    pid = next(pid for pid, cameras in pool.processes().items() if BAD in cameras)
    began = time.monotonic()
    os.kill(pid, signal.SIGSEGV)
    back = await until(lambda: min(seen.last(name) for name in (BAD, *BESIDE)) > began + 0.5)
    await asyncio.sleep(settle_s)
    times = (before, began, time.monotonic())
    return {"segfault_back_s": back, **_harm(seen, "segfault", "apart", APART, times=times)}


def measure(*, settle_s: float) -> dict[str, float | int | None]:
    with tempfile.TemporaryDirectory(prefix="bench-bad-camera-") as folder:
        clip = make_clip(Path(folder) / "street.mp4", contrast=120, keyframe_s=0.5)
        with scripted_camera(clip) as bad, scripted_camera(clip) as good:
            return asyncio.run(drill(bad, good, settle_s=settle_s))


def unmet(figures: dict[str, float | int | None]) -> list[str]:
    """The figures that break a bar."""
    found = []
    for name, figure in figures.items():
        if "_rate_lost_" in name:
            continue
        if name == "locked_back_s":  # a login is tried rarely, so that the camera locks nobody out
            bar = _LOGIN_BACK_S
        elif name.endswith("_noticed_s"):
            bar = NOTICED_S
        else:
            bar = BACK_S if name.endswith("_back_s") else SLOWED
        if figure is None or figure > bar:
            found.append(name)
    return found


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    figures = measure(settle_s=6.0 if args.quick else 20.0)
    conditions = {
        "good_cameras": len(BESIDE) + len(APART),
        "every_ms": EVERY_MS,
        "bars": {"noticed_s": NOTICED_S, "back_s": BACK_S, "slowed": SLOWED},
        "load": round(os.getloadavg()[0], 1),
        "unmet": unmet(figures),
    }
    report("bad_camera", figures, conditions=conditions, as_json=args.json)
    return 1 if unmet(figures) else 0


if __name__ == "__main__":
    sys.exit(main())
