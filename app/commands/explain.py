"""``citypatrol explain``: why a rule fired on a source, or why it has not yet."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.past import add_past_options, outside, progress_bar, question_of, unreadable
from app.outcome import FINE, UsageError, WrongError
from app.terminal import printable, say, say_json

if TYPE_CHECKING:
    from rules.ruleset import Rule, RuleSet


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", help="the rule's name")
    parser.add_argument("source", metavar="SOURCE", help="a sensor, a camera, or CAMERA/REGION")
    parser.add_argument(
        "--at", metavar="T", help="an instant of the history; default: now, of the running city"
    )
    parser.add_argument(
        "--rules",
        metavar="PATH",
        type=Path,
        action="append",
        help="a rule file or a folder of them; default: the city's",
    )
    add_past_options(parser)


def execute(args: argparse.Namespace) -> int:
    found = _found(args)
    if args.json:
        say_json(found)
    else:
        from app.explaining.report import lines

        for line in lines(found):
            say(printable(line))
    return FINE


def _found(args: argparse.Namespace) -> dict[str, Any]:
    past = (args.at, args.until, args.since, args.history, args.rules, args.close_after)
    if any(one is not None for one in past):
        return _of_the_past(args)
    from app.commands.at_city import read_city_file
    from app.desk_client import HttpDesk

    city = _city(args)
    desk = HttpDesk.of(read_city_file(city).http)
    return desk.explain(args.rule, args.source) if desk.answers() else _of_the_past(args)


def _of_the_past(args: argparse.Namespace) -> dict[str, Any]:
    from app.backtest.rulefiles import read_rules
    from app.explaining.past import explain_past
    from app.explaining.report import as_dict
    from rules.explain import Unexplained

    if args.at is not None:
        if args.until is not None:
            message = "--at and --until say the same; write one of them"
            raise UsageError(message)
        args.until = args.at
    rules = read_rules(args.rules or [_city(args)], city=args.city)
    question = question_of(args, rules, beside=args.rules or [_city(args)])
    try:
        with progress_bar(args, "judging") as progress, outside(question.history):
            rule = _rule(rules, args.rule)
            found = explain_past(question, rule, args.source, tell=unreadable, progress=progress)
    except Unexplained as error:
        raise WrongError(str(error)) from error
    return {**as_dict(found.explanation, found.filed), "judged_from": _time(found.since)}


def _rule(rules: "RuleSet", name: str) -> "Rule":
    from rules.explain import Unexplained, nearest

    for rule in rules.rules:
        if rule.name == name:
            return rule
    message = f"there is no rule '{name}'{nearest(name, [rule.name for rule in rules.rules])}"
    raise Unexplained(message)


def _city(args: argparse.Namespace) -> Path:
    city: Path = args.city or Path("city.yaml")
    if not city.is_file():
        message = f"{city}: there is no such file; write --city FILE, or --rules and --history"
        raise UsageError(message)
    return city


def _time(ts: int) -> str:
    from citypatrol.clock import rfc3339

    return rfc3339(ts)
