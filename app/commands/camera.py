"""``citypatrol camera``: look at one camera. ``probe``: connect, and say what it sends."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.commands import camera_learn, camera_teach
from app.commands.at_city import add_city_option
from app.commands.one_camera import source_of
from app.commands.options import global_options
from app.outcome import FINE, FOUND_WRONG, OutsideError, UsageError
from app.terminal import say, say_json

if TYPE_CHECKING:
    from detectors.types import Pixels
    from ingest.camera_facts import Facts
    from ingest.camera_source import CameraSource

_LONGEST_S: Final = 600


def _seconds(text: str) -> float:
    from citypatrol.units import duration_ms

    try:
        seconds = duration_ms(text) / 1000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 1 <= seconds <= _LONGEST_S:
        message = f"must be 1s to {_LONGEST_S}s"
        raise argparse.ArgumentTypeError(message)
    return seconds


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    meaning = "connect, and show codec, size, rate, keyframes and a picture"
    probe = verbs.add_parser("probe", help=meaning, description=meaning, parents=[global_options()])
    probe.add_argument("camera", metavar="URL|CAMERA", help="an rtsp url, or an id of the city's")
    add_city_option(probe)
    probe.add_argument(
        "--picture", metavar="FILE", type=Path, help="write what it shows: .jpg .png"
    )
    probe.add_argument("--for", dest="watch_s", metavar="10s", type=_seconds, default=10.0)
    probe.add_argument(
        "--transport", choices=("tcp", "udp"), help="default: as in the file, or tcp"
    )
    probe.set_defaults(verb_execute=_probe)
    camera_learn.configure(verbs)
    camera_teach.configure(verbs)


def execute(args: argparse.Namespace) -> int:
    return int(args.verb_execute(args))


def _probe(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from ingest.camera_probe import probe_camera

    if args.picture is not None and args.picture.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        message = f"--picture {args.picture}: its name must end in .jpg or .png"
        raise UsageError(message)
    source = source_of(args.camera, city=args.city, every_ms=1000)
    if args.transport is not None:
        source = replace(source, transport=args.transport)
    facts, pixels = probe_camera(source, watch_s=args.watch_s)
    health = None if pixels is None else _health(pixels)
    if pixels is not None and args.picture is not None:
        _write(pixels, args.picture)
    if args.json:
        answer = {"url": source.url.endpoint, "transport": source.transport, **asdict(facts)}
        say_json({**answer, "health": health, "picture": _name(args.picture, pixels)})
    elif facts.codec:
        _tell(source, facts, health)
        if pixels is not None and args.picture is not None:
            say(f"picture        {args.picture}")
    if facts.trouble or pixels is None:
        reason = facts.trouble or f"no picture within {facts.watched_s:.0f} s; is the stream up?"
        message = f"{source.url.endpoint}: {reason}"
        raise OutsideError(message)
    return FOUND_WRONG if health is not None and health["fault"] else FINE


def _health(pixels: "Pixels") -> dict[str, Any]:
    from detectors.health import fault_of, look

    seen = look(pixels)
    return {
        "fault": fault_of(seen),
        "brightness": round(seen.brightness, 1),
        "sharpness": round(seen.sharpness, 1),
    }


def _write(pixels: "Pixels", path: Path) -> None:
    import cv2

    _, data = cv2.imencode(path.suffix.lower(), pixels)
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        message = f"--picture: cannot write {path}: {error.strerror}"
        raise OutsideError(message) from error


def _name(path: Path | None, pixels: "Pixels | None") -> str | None:
    return str(path) if path is not None and pixels is not None else None


def _tell(source: "CameraSource", facts: "Facts", health: dict[str, Any] | None) -> None:
    say(f"camera         {source.url.endpoint}, over {source.transport}")
    say(f"codec          {facts.codec}, {facts.width} x {facts.height}")
    if facts.frames_per_s is not None and facts.bits_per_s is not None:
        say(
            f"rate           {facts.frames_per_s:.1f} frames/s, {facts.bits_per_s / 1e6:.2f} Mbit/s"
        )
    if facts.keyframe_s is None:
        say(f"keyframes      fewer than two in {facts.watched_s:.0f} s; {_RARE}")
    else:
        rare = "" if facts.keyframe_s <= _RARE_S else f"; {_RARE}"
        say(f"keyframes      one in {facts.keyframe_s:.1f} s{rare}")
    if facts.first_picture_s is not None:
        say(f"first picture  after {facts.first_picture_s:.1f} s")
    if facts.lost:
        say(f"lost           {facts.lost} frames could not be decoded whole")
    if health is not None:
        seen = f"{health['fault']}: it shows nothing" if health["fault"] else "it shows something"
        levels = f"brightness {health['brightness']:g}, sharpness {health['sharpness']:g}"
        say(f"health         {seen} ({levels})")


_RARE_S: Final = 10.0
_RARE: Final = "set it to send one each 2 s: reading it costs up to forty times as much as it is"
