"""The demo's cameras: a real RTSP server in a process of its own, told what happens in the street.

`python -m app.demo.cameras --port P --seed S` serves one stream a camera, at
``rtsp://127.0.0.1:P/PATH``. Lines on its standard input change the scenes (``light on
cam-hanghai-zichen/north``, ``litter off ...``, ``cover on ...``); each is answered ``ok`` or with
what is wrong. It ends when its input does.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

from app.demo.plans import GROUND, JunctionPlan, PavementPlan, junction_plan, pavement_plan
from app.demo.scenes import Junction, Pavement, Scene, State
from app.demo.station import Station
from app.outcome import OutsideError

START_S = 60.0
ANSWER_S = 10.0
END_S = 5.0


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera as the city's files have it. ``heads``: its signal heads, as ``CAMERA/REGION``;
    ``path``: of its stream; ``pavement``: whether litter may lie there."""

    id: str
    name: str
    site: str
    district: str
    lat: float
    lon: float
    path: str
    heads: tuple[str, ...]
    pavement: bool
    detectors: tuple[Mapping[str, object], ...]


_SITES: Sequence[tuple[str, str, str, float, float]] = (
    ("hanghai-zichen", "航海东路/紫辰路", "guancheng", 34.7155, 113.7411),
    ("weilai-zhengbian", "未来路/郑汴路", "guancheng", 34.7295, 113.7160),
    ("zhengbianlu", "郑汴路人行道", "guancheng", 34.7425, 113.7248),
)
"""Two junctions and a pavement, all of the one district whose units the demo has."""


def _plans(seed: int) -> tuple[JunctionPlan | PavementPlan, ...]:
    """What each site looks like: the seed deals the two junctions, and moves what is in them."""
    road, corner = (junction_plan(place, seed=seed) for place in ("road", "corner"))
    first, second = (road, corner) if seed % 2 else (corner, road)
    return first, second, pavement_plan(seed=seed)


def camera_specs(seed: int) -> tuple[CameraSpec, ...]:
    """The cameras of this seed, with the regions and zones that a person would draw for them."""
    return tuple(_spec(site, plan) for site, plan in zip(_SITES, _plans(seed), strict=True))


def _spec(
    site: tuple[str, str, str, float, float], plan: JunctionPlan | PavementPlan
) -> CameraSpec:
    key, name, district, lat, lon = site
    heads = plan.heads if isinstance(plan, JunctionPlan) else {}
    # Heads that are never dark by design: a demo has no time to learn that.
    regions = [{"name": head, "box": list(box), "dark": "0s"} for head, box in heads.items()]
    zones = [{"polygon": [list(point) for point in GROUND]}]
    # What lies there counts soon: a demo has no time to wait for people to walk on.
    street: Mapping[str, object] = {"type": "street", "zones": zones, "stays": "2s"}
    signals: Mapping[str, object] = {"type": "traffic_light", "regions": regions}
    return CameraSpec(
        id=f"cam-{key}",
        name=name,
        site=key,
        district=district,
        lat=lat,
        lon=lon,
        path=f"cam-{key}.mp4?play_count=0",
        heads=tuple(f"cam-{key}/{head}" for head in heads),
        pavement=not heads,
        detectors=(signals if heads else street,),
    )


def scenes(seed: int) -> dict[str, Scene]:
    """Each camera's view, by the camera's id."""
    return {
        f"cam-{key}": Junction(plan) if isinstance(plan, JunctionPlan) else Pavement(plan)
        for (key, *_), plan in zip(_SITES, _plans(seed), strict=True)
    }


def switched(state: State, kind: str, head: str, *, on: bool) -> State:
    """The state after a command. ``head``: the head's name, for ``light``."""
    if kind == "light":
        return replace(state, dark=state.dark | {head} if on else state.dark - {head})
    return replace(state, littered=on) if kind == "litter" else replace(state, covered=on)


class CameraDesk:
    """The parent's side: the process of the cameras, and the commands that it takes."""

    def __init__(self, specs: Sequence[CameraSpec], process: asyncio.subprocess.Process) -> None:
        self.specs = tuple(specs)
        self._process = process
        self._turn = asyncio.Lock()

    @classmethod
    @contextlib.asynccontextmanager
    async def started(
        cls, specs: Sequence[CameraSpec], *, port: int, seed: int
    ) -> AsyncIterator[Self]:
        """Every stream of ``specs`` (of this seed) is on air; the process ends with the block."""
        arguments = ("-m", "app.demo.cameras", "--port", str(port), "--seed", str(seed))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        desk = cls(specs, process)
        try:
            await desk._answered("the cameras did not start", within_s=START_S)
            yield desk
        finally:
            await desk._end()

    async def switch(self, kind: str, subject: str, *, on: bool) -> None:
        """``light`` of a head, ``litter`` or ``cover`` of a camera; in the stream within about a
        second. Raises OutsideError where the process has no such thing, or has gone."""
        async with self._turn:
            assert self._process.stdin is not None  # noqa: S101 - made with a pipe
            line = f"{kind} {'on' if on else 'off'} {subject}\n"
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(line.encode())
                await self._process.stdin.drain()
            await self._answered(f"the cameras did not take '{line.strip()}'", within_s=ANSWER_S)

    async def _answered(self, failure: str, *, within_s: float) -> None:
        assert self._process.stdout is not None  # noqa: S101 - made with a pipe
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), within_s)
        except TimeoutError:
            message = f"{failure}: no answer within {within_s:.0f} s"
            raise OutsideError(message) from None
        said = line.decode().strip()
        if said != "ok":
            message = f"{failure}: {said or 'their process has ended'}"
            raise OutsideError(message)

    async def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def serve(*, port: int, seed: int, lines: asyncio.StreamReader, out: IO[str]) -> None:
    """Run the station until ``lines`` end; says ``ok`` when every stream is on air."""

    def say(text: str) -> None:
        out.write(f"{text}\n")
        out.flush()

    subjects = {(kind, name) for spec in camera_specs(seed) for kind, name in _subjects(spec)}
    views = await asyncio.to_thread(scenes, seed)
    with tempfile.TemporaryDirectory(prefix="citypatrol-cameras-") as folder:
        station = Station(views, folder=Path(folder))
        try:
            async with station.on_air(port=port):
                say("ok")
                while line := await lines.readline():
                    say(_obey(station, line.decode().split(), subjects))
        except OSError as error:
            say(f"port {port}: {error.strerror}")


def _subjects(spec: CameraSpec) -> Iterator[tuple[str, str]]:
    yield "cover", spec.id
    if spec.pavement:
        yield "litter", spec.id
    for head in spec.heads:
        yield "light", head


def _obey(station: Station, words: Sequence[str], subjects: Collection[tuple[str, str]]) -> str:
    match words:
        case [kind, ("on" | "off") as word, subject] if (kind, subject) in subjects:
            camera, _, head = subject.partition("/")
            state = station.states[camera]
            station.states[camera] = switched(state, kind, head, on=word == "on")
            return "ok"
    known = ", ".join(sorted(f"{kind} on|off {subject}" for kind, subject in subjects))
    return f"'{' '.join(words)}' is no command here; known: {known}"


async def _main(port: int, seed: int) -> None:
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await serve(port=port, seed=seed, lines=lines, out=sys.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The demo's cameras, on an RTSP server.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the group; the parent decides
    asyncio.run(_main(args.port, args.seed))
