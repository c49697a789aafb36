"""``citypatrol camera teach``, ``taught`` and ``forget``: the crate that always stands there."""

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from app.commands.at_city import add_city_option, read_city_file
from app.commands.one_camera import camera_of_city
from app.commands.options import global_options
from app.outcome import FINE, OutsideError, UsageError, WrongError
from app.terminal import say, say_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.types import Box, Frame
    from edge.load import CameraConfig
    from edge.taught import Book, Normal
    from ingest.camera_source import CameraSource

EVERY_MS: Final = 2_000
_SHORTEST_S: Final = 8.0
_LONGEST_S: Final = 600.0
_TEACH: Final = "what lies before a camera now belongs there: it is no litter any more"
_TAUGHT: Final = "list what cameras were taught"
_FORGET: Final = "take back what a camera was taught"


def _seconds(text: str) -> float:
    from citypatrol.units import duration_ms

    try:
        seconds = duration_ms(text) / 1000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        message = f"must be {_SHORTEST_S:g}s to {_LONGEST_S / 60:g}m: it is looked at several times"
        raise argparse.ArgumentTypeError(message)
    return seconds


def configure(verbs: Any) -> None:
    """``verbs``: the subparsers of ``citypatrol camera``."""
    for verb, meaning, execute in (
        ("teach", _TEACH, _teach),
        ("taught", _TAUGHT, _list),
        ("forget", _FORGET, _forget),
    ):
        parser = verbs.add_parser(
            verb, help=meaning, description=meaning, parents=[global_options()]
        )
        parser.add_argument(
            "camera", metavar="CAMERA", nargs="?" if verb == "taught" else None, help="its id"
        )
        add_city_option(parser)
        parser.set_defaults(verb_execute=execute)
        if verb == "teach":
            parser.add_argument("--for", dest="watch_s", metavar="20s", type=_seconds, default=20.0)
            parser.add_argument(
                "--picture", metavar="FILE", type=Path, help="write what was taught: .jpg"
            )
        if verb == "forget":
            parser.add_argument("numbers", metavar="NUMBER", nargs="*", type=int)
            parser.add_argument("--all", action="store_true", help="everything of this camera")


class Watch(Protocol):
    """What is asked of ``app.camera_watch.watch_camera``."""

    def __call__(
        self, source: "CameraSource", *, seconds: float, see: "Callable[[Frame], object]"
    ) -> None: ...


def _teach(args: argparse.Namespace) -> int:
    from app.camera_watch import watch_camera

    return teach(args, watch=watch_camera)


def teach(args: argparse.Namespace, *, watch: Watch) -> int:
    """Look at the camera with ``watch``, and keep what lies there as normal."""
    from citypatrol.clock import SystemClock
    from edge.taught import taught

    if args.picture is not None and args.picture.suffix.lower() not in (".jpg", ".jpeg"):
        message = f"--picture {args.picture}: its name must end in .jpg"
        raise UsageError(message)
    camera = camera_of_city(args.camera, city=args.city)
    path = _path(args.city)
    book = _read(path)
    looking = _Looking(camera, [one.box for one in book.get(camera.id, ())])
    source = replace(camera.source(), every_ms=EVERY_MS)
    watch(source, seconds=args.watch_s, see=looking)
    if looking.blind:
        message = f"{camera.id}: sees nothing now; mend the camera first: citypatrol camera probe"
        raise OutsideError(message)
    book, added = taught(book, camera.id, looking.lying(), at=SystemClock().now())
    if added:
        _write(path, book)
        if args.picture is not None:
            looking.draw(added, into=args.picture)
    if args.json:
        say_json({"camera": camera.id, "taught": [asdict(one) for one in added]})
    elif added:
        _tell(camera.id, added)
    else:
        say(f"{camera.id}: nothing lies there now that it was not taught before")
    return FINE


class _Looking:
    """The camera's own watch of the street, and its health before it, for a few looks."""

    def __init__(self, camera: "CameraConfig", known: "list[Box]") -> None:
        from detectors.config import StreetConfig, build_watches
        from detectors.street import StreetCounts

        street = [one for one in camera.detectors if isinstance(one, StreetConfig)]
        if not street:
            message = f"camera '{camera.id}' has no detector of `type: street` to teach"
            raise WrongError(message)
        quick = street[0].model_copy(update={"stays": 0})
        watches = build_watches(camera.id, detectors=(quick,), normal=lambda: known)
        self._health = watches[0]
        self._street = next(one for one in watches if isinstance(one, StreetCounts))
        self._frame: Frame | None = None
        self.blind = True

    def __call__(self, frame: "Frame") -> None:
        self._frame = frame
        self.blind = self._health(frame).blind
        if not self.blind:
            self._street(frame)

    def lying(self) -> "list[tuple[str, Box]]":
        return [(thing.label, thing.box) for thing in self._street.lying if thing.lies]

    def draw(self, added: "tuple[Normal, ...]", *, into: Path) -> None:
        from detectors.evidence import draw
        from detectors.types import Finding

        if self._frame is None:
            return
        height, width = self._frame.pixels.shape[:2]
        share = (width, height, width, height)
        found = []
        for one in added:
            x1, y1, x2, y2 = (edge * side for edge, side in zip(one.box, share, strict=True))
            found.append(Finding(one.label, 1.0, (x1, y1, x2, y2), state=f"no. {one.number}"))
        try:
            into.write_bytes(draw(self._frame.pixels, found, camera=self._frame.camera))
        except OSError as error:
            message = f"--picture: cannot write {into}: {error.strerror}"
            raise OutsideError(message) from error


def _list(args: argparse.Namespace) -> int:
    book = _read(_path(args.city))
    if args.camera is not None and args.camera not in book:
        camera_of_city(args.camera, city=args.city)
    for camera in [args.camera] if args.camera is not None else sorted(book):
        known = book.get(camera, ())
        if args.json:
            say_json({"camera": camera, "taught": [asdict(one) for one in known]})
        elif known:
            _tell(camera, known)
        elif args.camera is not None:
            say(f"{camera}: was taught nothing")
    if not book and args.camera is None and not args.json:
        say("no camera was taught anything: `citypatrol camera teach CAMERA`")
    return FINE


def _forget(args: argparse.Namespace) -> int:
    from edge.taught import forgotten

    if bool(args.numbers) == args.all:
        message = "say the numbers of what is to be forgotten, or --all"
        raise UsageError(message)
    path = _path(args.city)
    before = _read(path)
    if args.camera not in before:
        camera_of_city(args.camera, city=args.city)
    after, unknown = forgotten(before, args.camera, None if args.all else args.numbers)
    if unknown:
        has = ", ".join(str(one.number) for one in before.get(args.camera, ())) or "none"
        lacking = ", ".join(str(number) for number in sorted(unknown))
        message = f"{args.camera}: has no number {lacking}; it has {has}"
        raise WrongError(message)
    _write(path, after)
    count = len(before.get(args.camera, ())) - len(after.get(args.camera, ()))
    if args.json:
        say_json({"camera": args.camera, "forgotten": count})
    else:
        say(f"{args.camera}: {count} forgotten")
    return FINE


def _path(city: Path) -> Path:
    from app.places import Places

    return Places(read_city_file(city), city.parent).taught


def _read(path: Path) -> "Book":
    from edge.taught import TaughtError, read

    try:
        return read(path)
    except TaughtError as error:
        raise WrongError(str(error)) from error


def _write(path: Path, book: "Book") -> None:
    from edge.taught import write

    try:
        write(path, book)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise OutsideError(message) from error


def _tell(camera: str, things: "tuple[Normal, ...]") -> None:
    from citypatrol.clock import rfc3339

    for one in things:
        box = " ".join(f"{edge:.3f}" for edge in one.box)
        say(f"{camera}: {one.number:>3}  {one.label:<14} box {box}  {rfc3339(one.taught_at)}")
