"""``citypatrol dead``: what was set aside, with its reason; send it again, or drop it."""

import argparse
from typing import TYPE_CHECKING, Final

from app.commands.at_city import add_city_option, read_city_file
from app.commands.options import global_options, rows
from app.outcome import FINE, OutsideError, WrongError
from app.terminal import printable, say, say_json, table

if TYPE_CHECKING:
    from citypatrol.dead import DeadLetter, DeadStore

KINDS: Final = ("message", "line", "delivery", "incident", "batch")
_REASON: Final = 60


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    shared = [global_options()]
    listing = verbs.add_parser("list", help="newest first", parents=shared)
    add_city_option(listing)
    listing.add_argument("--kind", choices=KINDS)
    listing.add_argument("--limit", type=rows, default=50, metavar="N")
    for verb, meaning in (
        ("show", "one with its payload"),
        ("replay", "send it on its way again, through the running city"),
        ("drop", "it is dealt with"),
    ):
        one = verbs.add_parser(verb, help=meaning, parents=shared)
        add_city_option(one)
        one.add_argument("letter", metavar="ID", type=int)
        if verb == "drop":
            one.add_argument("--note", default="dropped from the terminal", help="why")


def execute(args: argparse.Namespace) -> int:
    if args.verb == "replay":
        _replay(args)
        return FINE
    from app.places import Places
    from citypatrol.dead import DeadStore
    from citypatrol.errors import ConfigError

    path = Places(read_city_file(args.city), args.city.parent).dead
    if not path.exists():
        message = f"{path}: no such file; nothing was ever set aside, or the city never ran"
        raise OutsideError(message)
    try:
        store = DeadStore(path)
    except ConfigError as error:
        raise OutsideError(str(error)) from error
    try:
        {"list": _list, "show": _show, "drop": _drop}[args.verb](store, args)
    finally:
        store.close()
    return FINE


def _list(store: "DeadStore", args: argparse.Namespace) -> None:
    from app.dead_json import dead_json
    from citypatrol.clock import rfc3339

    letters = store.list(kind=args.kind, limit=args.limit)
    if args.json:
        for letter in letters:
            say_json(dead_json(letter))
        return
    rows = [
        (
            str(letter.id),
            letter.kind,
            rfc3339(letter.at),
            letter.origin[:_REASON],
            letter.reason[:_REASON],
        )
        for letter in letters
    ]
    say(table(("id", "kind", "at", "origin", "reason"), rows) or "nothing is set aside")


def _show(store: "DeadStore", args: argparse.Namespace) -> None:
    from app.dead_json import whole_json

    letter = whole_json(_find(store, args.letter))
    if args.json:
        say_json(letter)
        return
    for name in ("kind", "origin", "reason", "at", "note"):
        if letter[name]:
            say(f"{name + ':':<9}{printable(letter[name])}")
    say(f"{'payload:':<9}{letter['size']} bytes: {printable(letter['payload'])}")


def _drop(store: "DeadStore", args: argparse.Namespace) -> None:
    letter = _find(store, args.letter)
    store.drop(letter.id, note=args.note)
    say_json({"dropped": letter.id}) if args.json else say(f"dropped {letter.id}")


def _find(store: "DeadStore", number: int) -> "DeadLetter":
    letter = store.get(number)
    if letter is None:
        message = f"there is no dead letter {number}; `citypatrol dead list` shows them"
        raise WrongError(message)
    return letter


def _replay(args: argparse.Namespace) -> None:
    from app.desk_client import HttpDesk

    desk = HttpDesk.of(read_city_file(args.city).http)
    if not desk.answers():
        message = f"{desk.base} does not answer; a letter goes on its way in a running city only"
        raise OutsideError(message)
    desk.ask(f"/api/v1/dead/{args.letter}/replay", body={})
    say_json({"replayed": args.letter}) if args.json else say(f"replayed {args.letter}")
