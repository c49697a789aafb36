"""``citypatrol backtest``: what these rules would have filed, from the Parquet history."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.past import (
    add_past_options,
    nothing_in,
    outside,
    progress_bar,
    question_of,
    unreadable,
)
from app.outcome import FINE, UsageError
from app.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.backtest.reckoning import Answer, Question
    from app.backtest.verdicts import Score
    from app.city import Ground


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "rules", metavar="RULES", nargs="+", type=Path, help="rule files, or folders of them"
    )
    add_past_options(parser)
    parser.add_argument(
        "--by", metavar="LIST", default="rule", help="of unit,rule,day,cell; default: rule"
    )
    parser.add_argument(
        "--parquet", metavar="DIR", type=Path, help="write incidents.parquet and tickets.parquet"
    )
    parser.add_argument(
        "--plot", metavar="FILE.png", type=Path, help="draw the tickets of each day by rule"
    )
    parser.add_argument(
        "--verdicts",
        action="store_true",
        help="precision and recall of each rule, from what people said of past tickets",
    )


def execute(args: argparse.Namespace) -> int:
    from app.backtest.reckoning import reckon
    from app.backtest.report import as_json, as_text
    from app.backtest.rulefiles import read_rules
    from app.backtest.unselected import unselected
    from app.backtest.written import as_parquet, as_picture
    from tickets.units import Units

    by = _by(args.by)
    _png(args.plot)
    question = question_of(args, read_rules(args.rules, city=args.city), beside=args.rules[:1])
    units = Units() if question.ground is None else question.ground.units
    with outside(question.history), ExitStack() as stack:
        with progress_bar(args, "judging") as progress:
            reckoned = reckon(question, tell=unreadable, progress=progress)
            answer = stack.enter_context(reckoned)
        if answer.until is None:
            raise nothing_in(question)
        idle = unselected(answer, labelled=question.ground is not None)
        verdicts = _verdicts(question, answer) if args.verdicts else None
        written = [] if args.parquet is None else as_parquet(answer, args.parquet)
        if args.plot is not None:
            zone = question.opener.timezone.key
            as_picture(answer, args.plot, rules=args.rules, zone=zone)
            written.append(args.plot)
        if args.json:
            as_json(answer, units=units, by=by, idle=idle, verdicts=verdicts)
        else:
            closing = _closing(args, question.ground)
            as_text(answer, by=by, closing=closing, idle=idle, verdicts=verdicts)
            for path in written:
                say(f"wrote {path}")
    return FINE


def _verdicts(question: "Question", answer: "Answer") -> "Sequence[Score]":
    from app.backtest.verdicts import read_judged, scores
    from app.places import Places

    if question.ground is None or question.city is None:
        message = "--verdicts: whose tickets? there is no city.yaml beside or above; write --city"
        raise UsageError(message)
    places = Places(question.ground.file, question.city.parent)
    assert answer.since is not None  # noqa: S101 - there were samples
    assert answer.until is not None  # noqa: S101 - there were samples
    judged = read_judged(question.ground.file, places, since=answer.since, until=answer.until)
    return scores(judged, answer.found, rules=[rule.name for rule in question.rules.rules])


def _by(text: str) -> list[str]:
    from app.backtest.found import BY

    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in BY:
            message = f"--by: '{word}' is none of {', '.join(BY)}"
            raise UsageError(message)
    return list(dict.fromkeys(words))


def _png(file: Path | None) -> None:
    """Said before the history is read, not after."""
    if file is not None and file.suffix.lower() != ".png":
        message = f"--plot {file}: the picture is a PNG; write a name that ends in .png"
        raise UsageError(message)


def _closing(args: argparse.Namespace, ground: "Ground | None") -> str:
    if args.close_after is not None:
        text = f"A ticket counts as closed {args.close_after} after its trouble cleared."
    else:
        text = (
            "Nobody closed a ticket here, so what came again joined it; --close-after 4h counts it"
            " as closed 4h after its trouble cleared."
        )
    return text if ground is not None else f"{text} There is no city.yaml, so nobody was sent."
