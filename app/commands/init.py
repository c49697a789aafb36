"""``citypatrol init DIR``: a small, valid, commented city to begin with."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from app.outcome import FINE, OutsideError, UsageError
from app.terminal import say, say_json

_ROOT: Final = Path(__file__).resolve().parents[2]
_STARTER: Final = _ROOT / "app" / "starter"
_PACKS: Final = _ROOT / "rules" / "packs"
_RENAMED: Final = {"gitignore": ".gitignore"}
_OF_A_PACK: Final = {"tests/owners.yaml": "floods"}
_SCHEMAS: Final = {
    "city": "city.schema.json",
    "cameras": "cameras.schema.json",
    "units": "units.schema.json",
    "rules": "rules/rules.schema.json",
    "test": "tests/test.schema.json",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="made where it is not there yet")
    parser.add_argument(
        "--packs",
        type=_chosen,
        metavar="NAMES",
        help=f"rules to begin with, like floods,air; default: all of {', '.join(packs())}",
    )


def execute(args: argparse.Namespace) -> int:
    written = write_starter(args.folder, chosen=args.packs)
    if args.json:
        say_json({"written": [str(path) for path in written]})
        return FINE
    for path in written:
        say(f"wrote {path}")
    city = args.folder / "city.yaml"
    folder = args.folder
    say(f"next: citypatrol check {folder}, citypatrol test {folder}, then citypatrol run {city}")
    return FINE


def packs() -> list[str]:
    """The names of the rule packs that are shipped."""
    return sorted(path.stem for path in _PACKS.glob("*.yaml"))


def write_starter(folder: Path, *, chosen: Sequence[str] | None = None) -> list[Path]:
    """The files written; ``chosen``: the rule packs, None for all. Refuses before the first file
    where any of them is there already."""
    files = dict(_files(packs() if chosen is None else chosen))
    targets = [folder / name for name in files]
    there = [str(path) for path in targets if path.exists() or path.is_symlink()]
    if there:
        message = f"nothing written, these are there already: {', '.join(there)}; name a new folder"
        raise UsageError(message)
    try:
        for target, text in zip(targets, files.values(), strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        message = f"cannot write {error.filename}: {error.strerror}"
        raise OutsideError(message) from error
    return targets


def _files(chosen: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and texts, in the order of names."""
    found = {}
    for path in _STARTER.rglob("*"):
        name = path.relative_to(_STARTER).as_posix()
        if path.is_file() and (name not in _OF_A_PACK or _OF_A_PACK[name] in chosen):
            found[_RENAMED.get(name, name)] = path.read_text("utf-8")
    for pack in chosen:
        found[f"rules/{pack}.yaml"] = (_PACKS / f"{pack}.yaml").read_text("utf-8")
        tests = (_PACKS / "tests" / f"{pack}.yaml").read_text("utf-8")
        found[f"tests/{pack}.yaml"] = tests.replace("rules: [../", "rules: [../rules/", 1)
    for kind, schema in _SCHEMAS.items():
        folder, _, file = schema.rpartition("/")
        head = f"# yaml-language-server: $schema=./{file}\n"
        described = [name for name in found if _described_by(name, kind, folder)]
        found.update({name: head + found[name] for name in described})
        if described:
            found[schema] = _schema(kind)
    yield from sorted(found.items())


def _described_by(name: str, kind: str, folder: str) -> bool:
    return name.startswith(f"{folder}/") if folder else name == f"{kind}.yaml"


def _schema(kind: str) -> str:
    from app.commands.schema import written

    return written(kind) + "\n"


def _chosen(text: str) -> list[str]:
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in packs():
            message = f"there is no rule pack '{name}'; there are {', '.join(packs())}"
            raise argparse.ArgumentTypeError(message)
    return names
