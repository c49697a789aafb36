"""``citypatrol promote RULE``: a rule on trial sends units from now on; its file is edited."""

import argparse
from pathlib import Path

from app.commands.at_city import add_city_option
from app.outcome import FINE, OutsideError, UsageError, WrongError
from app.terminal import say, say_json, say_part


def configure(parser: argparse.ArgumentParser) -> None:
    add_city_option(parser)
    parser.add_argument("rule", metavar="RULE")
    parser.add_argument("--dry-run", action="store_true", help="print the change, write nothing")


def execute(args: argparse.Namespace) -> int:
    from app.check import rule_files
    from app.promoting import NoShadow, names_of, promote
    from rules.explain import nearest

    if not args.city.is_file():
        message = f"{args.city}: there is no such file; write --city FILE"
        raise UsageError(message)
    files = {path: _read(path) for path in rule_files(args.city)}
    path = next((path for path, text in files.items() if args.rule in names_of(text)), None)
    if path is None:
        near = nearest(args.rule, (name for text in files.values() for name in names_of(text)))
        message = f"no rule file of {args.city} has a rule '{args.rule}'{near}"
        raise WrongError(message)
    try:
        edit = promote(files[path], args.rule)
    except NoShadow as error:
        message = f"{path}: {error}"
        raise WrongError(message) from error
    if not args.dry_run:
        _write(path, edit.after)
    if args.json:
        say_json({"path": str(path), "written": not args.dry_run, "diff": edit.diff(str(path))})
        return FINE
    say_part(edit.diff(str(path)))
    if not args.dry_run:
        say(f"wrote {path}; a running city takes it at SIGHUP: kill -HUP its process")
    return FINE


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: {error}"
        raise OutsideError(message) from error


def _write(path: Path, text: str) -> None:
    """All of it or nothing, under the same name and with the same rights."""
    target = path.resolve()
    aside = target.with_name(f".{target.name}.new")
    try:
        aside.write_bytes(text.encode())
        aside.chmod(target.stat().st_mode & 0o7777)
        aside.replace(target)
    except OSError as error:
        aside.unlink(missing_ok=True)
        message = f"{path}: {error.strerror}"
        raise OutsideError(message) from error
