"""``citypatrol rules``: rules that were held back because they began with too many tickets."""

import argparse

from app.commands.at_city import add_city_option, running_city
from app.commands.options import global_options
from app.outcome import FINE
from app.terminal import printable, say, say_json


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    shared = [global_options()]
    held = verbs.add_parser("held", help="those that are held back", parents=shared)
    add_city_option(held)
    meaning = "let one go; what still fires is filed"
    release = verbs.add_parser("release", help=meaning, parents=shared)
    add_city_option(release)
    release.add_argument("rule", metavar="RULE")


def execute(args: argparse.Namespace) -> int:
    from app.desk_client import own_name

    desk = running_city(args.city, what="it knows which rules are held back")
    if args.verb == "release":
        body = {"rule": args.rule, "who": own_name()}
        answer = desk.ask("/api/v1/rules/release", body=body)
    else:
        answer = desk.ask("/api/v1/rules/held")
    if args.json:
        say_json(answer)
        return FINE
    if args.verb == "release":
        say(printable(f"rule '{args.rule}' is let go"))
        return FINE
    for one in answer["rules"]:
        times = f"in force since {one['since']}, held back at {one['held_at']}"
        say(printable(f"{one['rule']}  {times}, {one['waiting']} alarms wait"))
    if not answer["rules"]:
        say("no rule is held back")
    return FINE
