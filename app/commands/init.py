"""``citypatrol init DIR``: a small, valid, commented city to begin with."""

import argparse
from pathlib import Path
from typing import Final

from app.outcome import FINE, OutsideError, UsageError
from app.terminal import say, say_json

_STARTER: Final = Path(__file__).resolve().parent.parent / "starter"
_RENAMED: Final = {"gitignore": ".gitignore"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="made where it is not there yet")


def execute(args: argparse.Namespace) -> int:
    written = write_starter(args.folder)
    if args.json:
        say_json({"written": [str(path) for path in written]})
        return FINE
    for path in written:
        say(f"wrote {path}")
    city = args.folder / "city.yaml"
    folder = args.folder
    say(f"next: citypatrol check {folder}, citypatrol test {folder}, then citypatrol run {city}")
    return FINE


def write_starter(folder: Path) -> list[Path]:
    """The files written. Refuses before the first one where any of them is there already."""
    names = sorted(path.relative_to(_STARTER) for path in _STARTER.rglob("*") if path.is_file())
    targets = {name: folder / name.with_name(_RENAMED.get(name.name, name.name)) for name in names}
    there = [str(path) for path in targets.values() if path.exists() or path.is_symlink()]
    if there:
        message = f"nothing written, these are there already: {', '.join(there)}; name a new folder"
        raise UsageError(message)
    try:
        for name, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write((_STARTER / name).read_bytes())
    except OSError as error:
        message = f"cannot write {error.filename}: {error.strerror}"
        raise OutsideError(message) from error
    return list(targets.values())
