"""``citypatrol mode``: the profile in which the rules of a running city judge."""

import argparse
import getpass
from typing import Any

from app.commands.at_city import add_city_option, running_city
from app.commands.options import global_options
from app.outcome import FINE
from app.terminal import printable, say, say_json, table


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    showing = verbs.add_parser(
        "show", help="the mode in force and who switched it", parents=[global_options()]
    )
    add_city_option(showing)
    setting = verbs.add_parser("set", help="switch it, at once", parents=[global_options()])
    setting.add_argument("mode", metavar="MODE", help="normal, or one that a rule names")
    setting.add_argument("--note", help="why, in a sentence")
    add_city_option(setting)


def execute(args: argparse.Namespace) -> int:
    city = running_city(args.city, what="its mode is asked of and switched by itself")
    body = None
    if args.verb == "set":
        body = {"mode": args.mode, "note": args.note, "by": getpass.getuser()}
    found = city.ask("/api/v1/mode", body=body)
    if args.json:
        say_json(found)
    else:
        _print(found)
    return FINE


def _print(found: dict[str, Any]) -> None:
    say(f"mode: {found['mode']} (there are {', '.join(found['modes'])})")
    rows = [
        (one["at"], one["mode"], printable(one["by"]), printable(one["note"] or ""))
        for one in found["switches"]
    ]
    if rows:
        say(table(("switched", "mode", "by", "note"), rows))
