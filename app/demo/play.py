"""Plays the demo: starts the servers, the city and its devices, follows the script, keeps score.

The broker and the cameras are processes of their own, reached over MQTT and RTSP alone; the
pipeline is the one of `citypatrol run`, from the city's own files.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from app.city_reading import load_city
from app.demo.cameras import CameraDesk, camera_specs
from app.demo.city import Ports, unit_secrets, write_city
from app.demo.devices import Device, make_devices
from app.demo.display import Display, Now
from app.demo.publisher import City, Play, Publisher
from app.demo.receiver import Units
from app.demo.scoreboard import Scoreboard, account
from app.demo.script import Happening, Places, Script, write_script
from app.listen import bind
from app.outcome import OutsideError
from app.run import CityRun
from citypatrol.clock import SystemClock
from citypatrol.errors import ConfigError, Problem

log = structlog.get_logger(__name__)

WARM_UP_S = 11.0
"""Every device has spoken once (they report every ten seconds) before anything happens."""
READY_S = 60.0
BETWEEN_PLAYS_S = 20.0

HAPPENS: Mapping[str, str] = {
    "light": "a traffic light goes dark: {}",
    "flood": "an underpass floods: {}",
    "litter": "litter lies on the pavement at {}",
    "gateway": "gateway {} falls silent",
    "cover": "somebody covers the camera {}",
    "spike": "a splash of five seconds, no flood: {}",
    "nonsense": "a sensor mutters nonsense: {}",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for. ``sinks``: as in city.yaml, for tests with a real server."""

    once: bool
    devices: int
    port: int
    seed: int
    sinks: tuple[Mapping[str, object], ...] = ()
    keep: Path | None = None


@dataclass(slots=True)
class Stage:
    """Everything that stands while plays go on."""

    devices: Sequence[Device]
    cameras: CameraDesk
    units: Units
    publisher: Publisher
    display: Display
    boards: list[Scoreboard] = field(default_factory=list)


async def perform(options: Options, display: Display) -> list[Scoreboard]:
    """Play once, or again and again until SIGINT or SIGTERM; the scoreboards of whole plays."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with _folder(options.keep) as folder:
        async with _stage(options, Path(folder), display) as stage:
            seed = options.seed
            while not stop.is_set():
                await _play(stage, seed, stop)
                seed += 1
                if options.once:
                    break
                await _sleep(stop, BETWEEN_PLAYS_S)
            return stage.boards


def _folder(keep: Path | None) -> contextlib.AbstractContextManager[str]:
    """Where the city lives: gone afterwards unless somebody keeps it."""
    if keep is None:
        return tempfile.TemporaryDirectory(prefix="citypatrol-demo-")
    try:
        keep.mkdir(parents=True, exist_ok=True)
        wrong = "is not empty; name a new folder" if any(keep.iterdir()) else None
    except OSError as error:
        wrong = f"cannot be the city's folder: {error.strerror}; name a new one"
    if wrong is not None:
        raise ConfigError([Problem(str(keep), 0, 0, wrong)])
    return contextlib.nullcontext(str(keep))


@contextlib.asynccontextmanager
async def _stage(options: Options, folder: Path, display: Display) -> AsyncIterator[Stage]:
    """Broker, cameras, units and the city itself, up and ready; all of it ended afterwards."""
    _must_be_free(options.port)
    clock = SystemClock()
    mqtt, rtsp, hooks = _free_ports(3)
    ports = Ports(mqtt, rtsp, hooks, options.port)
    devices = make_devices(options.devices)
    specs = camera_specs(options.seed)
    units = Units(unit_secrets(options.seed), {device.id: device for device in devices}, clock)
    path = write_city(
        folder, seed=options.seed, ports=ports, devices=devices, cameras=specs, sinks=options.sinks
    )
    async with contextlib.AsyncExitStack() as stack:
        display.event("starting", "MQTT broker, RTSP cameras, the units' receiver")
        await stack.enter_async_context(_broker(ports.mqtt))
        cameras = await stack.enter_async_context(
            CameraDesk.started(specs, port=ports.rtsp, seed=options.seed)
        )
        await stack.enter_async_context(units.listening(ports.hooks))
        await _answers(ports.mqtt)
        city, problems = load_city(path)
        if city is None or problems:
            raise ConfigError(problems)
        run = CityRun(city, inbox=units)
        await stack.enter_async_context(run.running())
        display.event("starting", "the pipeline")
        await run.ready(timeout_s=READY_S)
        display.event("ready", f"the desk is on http://127.0.0.1:{ports.http}")
        publisher = Publisher(City(devices, seed=options.seed), port=ports.mqtt, clock=clock)
        await stack.enter_async_context(publisher.speaking())
        yield Stage(devices, cameras, units, publisher, display)


async def _play(stage: Stage, seed: int, stop: asyncio.Event) -> None:
    """One script from its warm-up to its scoreboard; no score where it was interrupted."""
    script = write_script(seed, _places(stage))
    publisher = stage.publisher
    play = Play(script, publisher.now_s() + WARM_UP_S)
    publisher.play = play
    stage.units.begin(script, began=asyncio.get_running_loop().time() + WARM_UP_S)
    for at_s, cue in sorted(_cues(script), key=lambda pair: pair[0]):
        while (left_s := play.began_s + at_s - publisher.now_s()) > 0:
            await _sleep(stop, min(left_s, 0.5))
            if stop.is_set():
                return
            _count(stage, publisher.now_s() - play.began_s)
        if cue is not None:
            await _act(stage, cue, begins=at_s == cue.start_s)
    publisher.play = None
    stage.boards.append(account(seed, script.incidents, stage.units.filed))


def _cues(script: Script) -> list[tuple[float, Happening | None]]:
    cues: list[tuple[float, Happening | None]] = [(script.length_s, None)]
    for cue in (*script.incidents, *script.decoys):
        cues += [(cue.start_s, cue), (cue.end_s, cue)]
    return cues


async def _act(stage: Stage, cue: Happening, *, begins: bool) -> None:
    """Make it so in the street; devices follow the script by themselves."""
    if cue.kind in ("light", "litter", "cover"):
        await stage.cameras.switch(cue.kind, cue.subject, on=begins)
    text = HAPPENS[cue.kind].format(cue.subject)
    stage.display.event("happens" if begins else "over", text)


def _count(stage: Stage, at_s: float) -> None:
    said = stage.publisher.said
    heard = len(stage.units.received())
    stage.display.counters(Now(at_s, said.readings, said.acknowledged, said.nonsense, heard))


def _places(stage: Stage) -> Places:
    specs = stage.cameras.specs
    heads = [head for spec in specs for head in spec.heads]
    return Places(heads, [spec.id for spec in specs if spec.pavement], stage.devices)


@contextlib.asynccontextmanager
async def _broker(port: int) -> AsyncIterator[None]:
    """The MQTT broker, a process of its own; it ends when its standard input does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.demo.broker", str(port), stdin=asyncio.subprocess.PIPE
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answers(port: int, *, timeout_s: float = 30.0) -> None:
    """Until somebody listens on this port of 127.0.0.1."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            if asyncio.get_running_loop().time() > deadline:
                message = f"nothing listens on 127.0.0.1:{port} after {timeout_s:.0f} s"
                raise OutsideError(message) from error
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


def _must_be_free(port: int) -> None:
    """Said before anything starts, and in the words of this command."""
    try:
        bind("127.0.0.1", port).close()
    except OutsideError as error:
        why = getattr(error.__cause__, "strerror", None) or error
        message = f"--port {port}: {why}; name another port"
        raise OutsideError(message) from error


def _free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on; held open together, so they differ."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
        return ports


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
