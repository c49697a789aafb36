"""Looks at everything a city names: each once, all at the same time, none for long."""

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
import urllib.parse
from collections.abc import Coroutine, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import aiohttp

from app.city import City
from app.config import SqliteJournalConfig
from app.desk_client import HttpDesk
from app.doctor.finding import Finding, ill, well
from app.doctor.mqtt import knock
from app.listen import bind
from app.outcome import OutsideError
from citypatrol.errors import Retry
from edge.load import CameraConfig
from ingest.camera import CameraPool
from sinks.allow import Allowed, Lookup, Refused, system_lookup
from sinks.config import InfluxConfig
from sinks.influx_http import target
from tickets.errors import StoreError
from tickets.store import Store

_PATIENCE_S: Final = 10.0
_CAMERA_S: Final = 20.0
_TIGHT: Final = 1_000_000_000
_SET_UP: Final = "`citypatrol influx setup city.yaml` makes it"


async def look(city: City, *, lookup: Lookup = system_lookup) -> list[Finding]:
    """One finding a service, in the order of city.yaml."""
    webhooks = [
        _webhook(city, unit.id, unit.webhook.url, lookup=lookup)
        for unit in city.units
        if unit.webhook is not None
    ]
    found = await asyncio.gather(
        _journal(city),
        _tickets(city),
        _history(city),
        _evidence(city),
        _mqtt(city),
        _cameras(city),
        _together(webhooks),
        _together([_influx(sink) for sink in city.file.sinks]),
        _http(city),
    )
    return [finding for group in found for finding in group]


async def _together(looks: Sequence[Coroutine[None, None, Finding]]) -> list[Finding]:
    return list(await asyncio.gather(*looks))


async def _journal(city: City) -> list[Finding]:
    config = city.file.journal
    if isinstance(config, SqliteJournalConfig):
        found = await asyncio.to_thread(_folder, "journal", city.places.journal.parent)
        free = await asyncio.to_thread(_free_bytes, city.places.journal.parent)
        if found.ok and free < min(config.max_size, _TIGHT):
            detail = f"{found.detail}, but only {free / 1e9:.2f} GB are free; make room"
            return [ill("journal", detail)]
        return [found]
    return [await _connects(f"kafka {broker}", broker) for broker in config.brokers]


async def _connects(service: str, address: str) -> Finding:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError) as error:
        return ill(service, f"{address} does not take a connection ({_why(error)}); is it up?")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return well(service, "takes connections")


def _folder(service: str, folder: Path) -> Finding:
    """Whether we may write there; leaves nothing behind that was not there."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".citypatrol-doctor-"):
            pass
    except OSError as error:
        way_out = f"let user {os.geteuid()} write there"
        return ill(service, f"{there}: cannot be written ({error.strerror}); {way_out}")
    return well(service, f"{folder} can be written")


def _free_bytes(folder: Path) -> int:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


async def _history(city: City) -> list[Finding]:
    return [await asyncio.to_thread(_folder, "history", city.places.history)]


async def _evidence(city: City) -> list[Finding]:
    return [await asyncio.to_thread(_folder, "evidence", city.places.evidence)]


async def _tickets(city: City) -> list[Finding]:
    return [await asyncio.to_thread(_database, city.places.tickets_url)]


def _database(url: str) -> Finding:
    """Connects without taking the writer's lock: a city may be at work."""
    path = urllib.parse.unquote(url.partition(":///")[2])
    if url.startswith("sqlite") and not Path(path).exists():
        found = _folder("tickets", Path(path).parent)
        return found if not found.ok else well("tickets", f"{path} will be made at the start")
    store = Store(url)
    try:
        store.open_to_read()
    except Retry as error:
        return ill("tickets", str(error))
    except StoreError as error:
        if "no such" in str(error) or "empty" in str(error):
            return well("tickets", f"{error}")
        return ill("tickets", str(error))
    finally:
        store.close()
    return well("tickets", f"{store.shown} answers")


async def _mqtt(city: City) -> list[Finding]:
    knocks = [
        knock(
            one.broker(city.path.parent),
            one.routes().filters,
        )
        for one in city.file.inputs
    ]
    return list(await asyncio.gather(*knocks))


async def _cameras(city: City) -> list[Finding]:
    """One picture of each, through the same child processes that the city reads them with."""
    if not city.cameras:
        return []
    pool = CameraPool([camera.source() for camera in city.cameras])
    stop = asyncio.Event()
    running = asyncio.create_task(pool.run(stop))
    seen: dict[str, str] = {}
    troubles: Mapping[str, str] = {}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _CAMERA_S
    try:
        while loop.time() < deadline:
            frame = await pool.next_frame(wait_s=0.5)
            if frame is not None:
                height, width = frame.pixels.shape[:2]
                seen[frame.camera] = f"a picture of {width} x {height}"
            troubles = pool.troubles()
            if len(seen.keys() | troubles.keys()) == len(city.cameras):
                break
    finally:
        stop.set()
        await running
    return [_camera(camera, seen, troubles.get(camera.id)) for camera in city.cameras]


def _camera(camera: CameraConfig, seen: dict[str, str], trouble: str | None) -> Finding:
    service = f"camera {camera.id}"
    if camera.id in seen:
        return well(service, f"{camera.url.endpoint}: {seen[camera.id]}")
    why = trouble or f"no picture within {_CAMERA_S:.0f} s; is the stream up?"
    return ill(service, f"{camera.url.endpoint}: {why}")


async def _webhook(city: City, unit: str, address: str, *, lookup: Lookup) -> Finding:
    """Whether the name leads to where we may send, and somebody listens there; sends nothing."""
    service = f"webhook {unit}"
    url = urllib.parse.urlsplit(address)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    allowed = Allowed(city.file.webhooks.allow)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            addresses = await _addresses(host, port, lookup=lookup)
            allowed.check(host, addresses)
            _, writer = await asyncio.open_connection(addresses[0], port)
    except Refused as error:
        return ill(service, str(error))
    except socket.gaierror as error:
        return ill(service, f"{host}: the host name is not known ({error.strerror})")
    except (OSError, TimeoutError) as error:
        return ill(service, f"{host}:{port} does not take a connection ({_why(error)})")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return well(service, f"{host} is {addresses[0]} and takes connections")


async def _addresses(host: str, port: int, *, lookup: Lookup) -> Sequence[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return await lookup(host, port, socket.AF_UNSPEC)


async def _influx(sink: InfluxConfig) -> Finding:
    """Writes nothing: an empty write says whether token, organisation and bucket are right."""
    service = f"influx {sink.url}"
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            async with session.get(f"{sink.url}/ping", allow_redirects=False) as answer:
                if answer.status not in (200, 204):
                    detail = f"/ping answers {answer.status}; is this an InfluxDB?"
                    return ill(service, detail)
                version = answer.headers.get("X-Influxdb-Version", "unknown version")
            url, headers = target(sink)
            async with session.post(url, headers=headers, data=b"") as answer:
                return _said(service, answer.status, version)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return ill(service, f"does not answer ({_why(error)}); is it up?")


def _said(service: str, status: int, version: str) -> Finding:
    if status in (401, 403):
        return ill(service, f"refuses us ({status}); look at token, or username and password")
    if status == 404:
        return ill(service, f"has no such bucket or database; {_SET_UP}")
    if status >= 500:
        return ill(service, f"is ill itself: {status}")
    return well(service, f"version {version} takes writes")


async def _http(city: City) -> list[Finding]:
    return [await asyncio.to_thread(_listen, city)]


def _listen(city: City) -> Finding:
    http = city.file.http
    try:
        if HttpDesk.of(http).answers():
            return well("http", f"a city runs at {http.listen} already")
        bind(http.host, http.port).close()
    except OutsideError as error:
        return ill("http", str(error))
    return well("http", f"{http.listen} is free")


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_PATIENCE_S:.0f} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
