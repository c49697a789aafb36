"""``citypatrol diff``: tickets gained, lost and moved between two versions of the rules."""

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
from app.outcome import FINE, FOUND_WRONG

if TYPE_CHECKING:
    from app.backtest.reckoning import Question
    from app.diffing.changes import Changes
    from app.diffing.comparing import Comparison

_JOINED = (
    "Nobody closed a ticket here, so what came again joined it; --close-after 4h counts it as"
    " closed 4h after its trouble cleared."
)


def configure(parser: argparse.ArgumentParser) -> None:
    for name, what in (("old", "the rules as they were"), ("new", "the rules as they shall be")):
        parser.add_argument(
            name,
            metavar=name.upper(),
            help=f"{what}: a file, a folder, a city.yaml, or REVISION:PATH of git, like main:rules",
        )
    add_past_options(parser)
    parser.add_argument("--markdown", action="store_true", help="as a comment on a pull request")
    parser.add_argument(
        "--fail-on-change", action="store_true", help="exit with 1 where any ticket differs"
    )


def execute(args: argparse.Namespace) -> int:
    from app.backtest.rulefiles import facts_at, facts_beside
    from app.diffing.changes import compare
    from app.diffing.revisions import checked_out
    from app.diffing.wording import read_worded
    from rules.ruleset import RuleSet

    with ExitStack() as stack:
        old, new = (stack.enter_context(checked_out(text)) for text in (args.old, args.new))
        places = [one for one in (Path(args.new), Path(args.old), Path()) if one.exists()]
        facts = facts_beside(places) if args.city is None else facts_at(args.city)
        both = (read_worded([one], city=facts) for one in (old, new))
        changes = compare(*both, city=facts)
        question = question_of(args, RuleSet(), beside=places)
        result = _compared(args, question, changes)
        _tell(args, question, result)
    return FOUND_WRONG if args.fail_on_change and result.differs else FINE


def _compared(args: argparse.Namespace, question: "Question", changes: "Changes") -> "Comparison":
    from app.diffing.comparing import compare_tickets

    with progress_bar(args, "judging") as progress, outside(question.history):
        result = compare_tickets(question, changes, tell=unreadable, progress=progress)
    if result.until is None and changes.changes:
        raise nothing_in(question)
    return result


def _tell(args: argparse.Namespace, question: "Question", result: "Comparison") -> None:
    from app.diffing.markdown import as_markdown
    from app.diffing.report import as_json, as_text
    from tickets.units import Units

    units = Units() if question.ground is None else question.ground.units
    if args.json:
        as_json(result, units=units)
    elif args.markdown:
        as_markdown(result, old=args.old, new=args.new)
    else:
        as_text(result, closing="" if args.close_after is not None else _JOINED)
