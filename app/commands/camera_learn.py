"""``citypatrol camera learn``: watch a camera for a while, propose its signal heads."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from app.commands.at_city import add_city_option
from app.commands.one_camera import camera_of_city, source_of
from app.commands.options import global_options
from app.outcome import FINE, OutsideError, UsageError, WrongError
from app.terminal import complain, say, say_json

if TYPE_CHECKING:
    from detectors.learn import Learned
    from detectors.types import Box
    from ingest.camera_source import CameraSource

SHORTEST_S: Final = 8.0
_LONGEST_S: Final = 86_400
_DEFAULT: Final = "30m"
_MEANING: Final = "watch a camera, and propose the regions of its signal heads with what is normal"
_DETAILS: Final = f"""{_MEANING}.

Writes NAME.heads.yaml, a block for cameras.yaml with the figures beside it, and NAME.heads.jpg,
what the camera sees with the heads drawn in. The picture is for whoever draws the regions: nobody
in it is masked. Look at it before you take the block over: names say where a head is in the
picture. Watch for some signal programs; what shows one state only may be something else."""


def _seconds(text: str) -> float:
    from citypatrol.units import duration_ms

    try:
        seconds = duration_ms(text) / 1000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not SHORTEST_S <= seconds <= _LONGEST_S:
        message = f"must be {SHORTEST_S:g}s to 24h: what passes must be told from what stays"
        raise argparse.ArgumentTypeError(message)
    return seconds


def configure(verbs: Any) -> None:
    """``verbs``: the subparsers of ``citypatrol camera``."""
    learn: argparse.ArgumentParser = verbs.add_parser(
        "learn",
        help=_MEANING,
        description=_DETAILS,
        parents=[global_options()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    learn.add_argument(
        "camera", metavar="CAMERA|URL|CLIP", help="an id of the city's, an rtsp url, or a clip"
    )
    add_city_option(learn)
    learn.add_argument(
        "--for",
        dest="watch_s",
        metavar=_DEFAULT,
        type=_seconds,
        help=f"how long to watch, default {_DEFAULT}; of a clip all of it",
    )
    learn.add_argument(
        "--out", metavar="DIR", type=Path, default=Path(), help="default: this folder"
    )
    learn.add_argument("--transport", choices=("tcp", "udp"), help="default: as in the file")
    learn.set_defaults(verb_execute=execute)


def execute(args: argparse.Namespace) -> int:
    from app.camera_learning import learn_clip, learn_stream
    from detectors.pictures import Unreadable

    clip = _clip(args.camera)
    known: dict[str, Box] = {}
    source: CameraSource | None = None
    if clip is None:
        source = source_of(args.camera, city=args.city, every_ms=400)
        if "://" not in args.camera:
            known = _regions(args.camera, city=args.city)
        if source.url.reveal().startswith("file:"):
            clip = Path(unquote(urlsplit(source.url.reveal()).path))
    name = clip.stem if clip is not None else "camera" if "://" in args.camera else args.camera
    progress = (lambda _: None) if args.quiet else complain
    try:
        if clip is not None:
            learned = learn_clip(clip, seconds=args.watch_s, known=known, progress=progress)
        elif source is not None:
            if args.transport is not None:
                source = replace(source, transport=args.transport)
            seconds = args.watch_s or _seconds(_DEFAULT)
            learned = learn_stream(source, seconds=seconds, known=known, progress=progress)
    except Unreadable as error:
        raise UsageError(str(error)) from error
    return _tell(learned, name=name, out=args.out, as_json=args.json)


def _clip(text: str) -> Path | None:
    from detectors.pictures import is_clip

    path = Path(text)
    if "://" in text or not (is_clip(path) or path.is_file()):
        return None
    return path


def _regions(camera: str, *, city: Path) -> "dict[str, Box]":
    config = camera_of_city(camera, city=city)
    return {
        region.name: region.box
        for detector in config.detectors
        if detector.type == "traffic_light"
        for region in detector.regions
    }


def _tell(learned: "Learned", *, name: str, out: Path, as_json: bool) -> int:
    from datetime import UTC, datetime

    from app.learned_yaml import as_facts, block
    from detectors.evidence import draw
    from detectors.learn import FEWEST_SEARCHES

    if learned.picture is None:
        faults = ", ".join(sorted(learned.faults)) or "no picture"
        message = f"{name}: it saw nothing that could be searched ({faults})"
        raise WrongError(message)
    if learned.searches < FEWEST_SEARCHES or learned.watched < SHORTEST_S * 1000:
        message = (
            f"{name}: {learned.watched / 1000:.0f} s and {learned.searches} searches are too few "
            f"to tell what stays from what passes; {SHORTEST_S:g} s are the least"
        )
        if learned.left_out:
            message += f" ({learned.left_out} pictures left out: the camera was not well)"
        raise WrongError(message)
    stem = quote(name, safe=" ()")[:150]
    picture, text = out / f"{stem}.heads.jpg", out / f"{stem}.heads.yaml"
    _write(picture, draw(learned.picture, learned.findings(), camera=name))
    if not learned.heads:
        message = (
            f"{name}: no signal head was found in {learned.searches} searches; {picture} shows "
            "what it sees. Are they 20 px high, and do they face the camera? Draw regions by hand "
            "where the street model knows no such heads"
        )
        raise WrongError(message)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    words = block(learned, camera=name, when=when, picture=picture.name)
    _write(text, words.encode())
    if as_json:
        say_json({"camera": name, **as_facts(learned), "picture": str(picture), "yaml": str(text)})
    else:
        say(words.rstrip("\n"))
        complain(f"written: {text}, {picture}")
    return FINE


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        message = f"--out: cannot write {path}: {error.strerror}"
        raise OutsideError(message) from error
