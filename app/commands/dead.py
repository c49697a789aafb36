"""``citypatrol dead``: what was set aside, with its reason; send it again, or drop it."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from app.commands.at_city import add_city_option, read_city_file, running_city
from app.commands.options import global_options, rows
from app.outcome import FINE, FOUND_WRONG, OutsideError, UsageError, WrongError
from app.terminal import printable, say, say_json, table

if TYPE_CHECKING:
    from citypatrol.dead import DeadLetter, DeadStore
    from citypatrol.dead_desk import Which

KINDS: Final = ("message", "line", "delivery", "incident", "batch")
_REASON: Final = 60
_CAUSE: Final = 90
_PAGE: Final = 200  # is tried at once: an answer comes within the server's patience


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    shared = [global_options()]
    listing = verbs.add_parser("list", help="newest first, or grouped", parents=shared)
    add_city_option(listing)
    _choice(listing)
    listing.add_argument("--by", choices=("reason", "kind", "origin"), help="count in groups")
    listing.add_argument(
        "--settled", action="store_true", help="those dealt with: how, by whom, when and why"
    )
    listing.add_argument("--limit", type=rows, default=50, metavar="N")
    showing = verbs.add_parser("show", help="one with its payload", parents=shared)
    add_city_option(showing)
    showing.add_argument("letter", metavar="ID", type=int)
    for verb, meaning in (
        ("replay", "send them on their way again, through the running city"),
        ("drop", "they are dealt with"),
    ):
        many = verbs.add_parser(verb, help=meaning, parents=shared)
        add_city_option(many)
        many.add_argument("letters", metavar="ID", type=int, nargs="*")
        _choice(many)
        many.add_argument("--all", action="store_true", help="every letter there is")
        many.add_argument("--who", metavar="NAME", help="who does it; default: your login name")
        if verb == "drop":
            many.add_argument("--note", help="why; it is kept with your name")


def _choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument(
        "--reason", metavar="TEXT", help="words that the reason holds; … stands for anything"
    )
    parser.add_argument("--origin", metavar="TOPIC", help="where it came from; * is anything")


def execute(args: argparse.Namespace) -> int:
    if args.verb in ("replay", "drop"):
        _check_choice(args)
    if args.verb == "replay":
        return _replay(args)
    from app.places import Places
    from citypatrol.dead import DeadStore

    path = Places(read_city_file(args.city), args.city.parent).dead
    if not path.exists():
        message = f"{path}: no such file; nothing was ever set aside, or the city never ran"
        raise OutsideError(message)
    store = DeadStore(path)
    try:
        {"list": _list, "show": _show, "drop": _drop}[args.verb](store, args)
    except _store_errors() as error:
        raise OutsideError(str(error)) from error
    finally:
        store.close()
    return FINE


def _store_errors() -> tuple[type[Exception], ...]:
    from citypatrol.errors import ConfigError, Retry

    return ConfigError, Retry


def _check_choice(args: argparse.Namespace) -> None:
    chosen = args.kind or args.reason or args.origin
    if not args.letters and not chosen and not args.all:
        message = (
            f"which ones? `citypatrol dead {args.verb} ID...`, --kind, --reason, --origin or --all"
        )
        raise UsageError(message)
    if args.letters and (chosen or args.all):
        message = "choose by ids, or by --kind, --reason, --origin and --all; not by both"
        raise UsageError(message)
    if args.verb == "drop" and not args.letters and not args.note:
        message = "say why with --note '...': it is kept with your name"
        raise UsageError(message)


def _which(args: argparse.Namespace) -> "Which":
    from citypatrol.dead_desk import Which

    return Which(args.kind, args.reason or None, args.origin or None)


def _who(args: argparse.Namespace) -> str:
    import getpass

    try:
        return str(args.who or getpass.getuser())
    except (OSError, KeyError):  # no such user: a container's bare number
        return "the terminal"


def _list(store: "DeadStore", args: argparse.Namespace) -> None:
    from app.dead_json import dead_json
    from citypatrol.clock import rfc3339
    from citypatrol.dead_desk import DeadDesk

    desk, which = DeadDesk(store), _which(args)
    if args.by is not None:
        _grouped(desk.groups(args.by, which), args)
        return
    if args.settled:
        _settled(desk, which, args)
        return
    letters = desk.newest(which, limit=args.limit)
    if args.json:
        for letter in letters:
            say_json(dead_json(letter))
        return
    shown = [
        (
            str(letter.id),
            letter.kind,
            rfc3339(letter.at),
            letter.origin[:_REASON],
            letter.reason[:_REASON],
        )
        for letter in letters
    ]
    nothing = "nothing is set aside" if which.is_everything else "nothing like that is set aside"
    say(table(("id", "kind", "at", "origin", "reason"), shown) or nothing)
    count = desk.count(which) if len(letters) == args.limit else 0
    if count > len(letters):
        say(f"... {count:,} in all; `citypatrol dead list --by reason` counts them by their cause")


def _grouped(groups: Sequence[Any], args: argparse.Namespace) -> None:
    from app.dead_json import group_json
    from citypatrol.clock import rfc3339

    if args.json:
        for one in groups[: args.limit]:
            say_json(group_json(one))
        return
    shown = [
        (
            f"{one.count:,}",
            one.kind,
            rfc3339(one.newest),
            str(one.newest_id),
            "" if args.by == "kind" else one.cause[:_CAUSE],
        )
        for one in groups[: args.limit]
    ]
    heading = {"reason": "reason", "origin": "origin", "kind": ""}[args.by]
    say(table(("count", "kind", "newest", "one is", heading), shown) or "nothing is set aside")
    if len(groups) > args.limit:
        say(f"... and {len(groups) - args.limit:,} groups more")


def _settled(desk: Any, which: "Which", args: argparse.Namespace) -> None:
    from app.dead_json import dead_json, deed_json

    shown = []
    for letter in desk.newest(which, limit=args.limit, settled=True):
        deeds = [deed_json(one) for one in desk.deeds(letter.id, limit=1)]
        if args.json:
            say_json(dead_json(letter) | {"deeds": deeds})
            continue
        last = (
            deeds[0] if deeds else {"deed": "dropped", "who": "-", "at": "-", "note": letter.note}
        )
        row = (str(letter.id), letter.kind, last["deed"], last["who"], last["at"], last["note"])
        shown.append((*row, letter.reason[:_REASON]))
    if not args.json:
        headings = ("id", "kind", "was", "by", "at", "note", "reason")
        say(table(headings, shown) or "nothing was dealt with")


def _show(store: "DeadStore", args: argparse.Namespace) -> None:
    from app.dead_json import deed_json, whole_json
    from citypatrol.dead_desk import DeadDesk

    letter = whole_json(_find(store, args.letter))
    letter["deeds"] = [deed_json(one) for one in DeadDesk(store).deeds(args.letter)]
    if args.json:
        say_json(letter)
        return
    for name in ("kind", "origin", "reason", "at", "note"):
        if letter[name]:
            say(f"{name + ':':<9}{printable(letter[name])}")
    say(f"{'payload:':<9}{letter['size']} bytes: {printable(letter['payload'])}")
    for one in reversed(letter["deeds"]):
        before = f"; before: {one['reason']}" if one["deed"] == "refused" else ""
        say(printable(f"{one['at']}  {one['deed']} by {one['who']}: {one['note']}{before}"))


def _drop(store: "DeadStore", args: argparse.Namespace) -> None:
    from citypatrol.clock import SystemClock
    from citypatrol.dead_desk import DeadDesk

    desk, who, now = DeadDesk(store), _who(args), SystemClock().now()
    if not args.letters:
        count = desk.drop_all(_which(args), who=who, note=args.note, at=now)
        say_json({"dropped": count}) if args.json else say(f"dropped {count:,}")
        return
    for number in args.letters:
        _find(store, number)
    note = args.note or "dropped from the terminal"
    done = desk.settle(args.letters, deed="dropped", who=who, note=note, at=now)
    for number in dict.fromkeys(args.letters):
        words = f"dropped {number}" if number in done else f"{number} was dealt with already"
        say_json({"dropped": number if number in done else None}) if args.json else say(words)


def _find(store: "DeadStore", number: int) -> "DeadLetter":
    letter = store.get(number)
    if letter is None:
        message = f"there is no dead letter {number}; `citypatrol dead list` shows them"
        raise WrongError(message)
    return letter


def _replay(args: argparse.Namespace) -> int:
    what = "a letter goes on its way in a running city only"
    desk = running_city(args.city, what=what)
    who = _who(args)
    if len(args.letters) == 1:
        [letter] = args.letters
        desk.ask(f"/api/v1/dead/{letter}/replay", body={"who": who})
        say_json({"replayed": letter}) if args.json else say(f"replayed {letter}")
        return FINE
    body: dict[str, Any] = {"who": who}
    for name in ("kind", "reason", "origin"):
        if getattr(args, name):
            body[name] = getattr(args, name)
    body |= {"ids": args.letters} if args.letters else {"all": args.all, "limit": _PAGE}
    counts = dict.fromkeys(("replayed", "refused", "stays", "settled"), 0)
    cursor: int | None = 0
    while cursor is not None:
        answer = desk.ask("/api/v1/dead/replay", body=body | {"cursor": cursor})
        cursor = answer["cursor"]
        for one in answer["results"]:
            counts[one["result"]] += 1
            if args.json:
                say_json(one)
            elif one["result"] != "replayed":
                say(printable(f"{one['id']} {one['result']}: {one['reason']}"))
    if not args.json:
        say(
            f"replayed {counts['replayed']:,}; refused again {counts['refused']:,} (they stay, with"
            f" their new reasons); not known {counts['stays']:,} (they stay: try again)"
        )
    return FOUND_WRONG if counts["refused"] or counts["stays"] else FINE
