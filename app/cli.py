"""The command line: words in, one exit status out (DOORS: Command line).

Nothing heavy is imported here or at the top of a command's module, so that ``--help`` is instant.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from app.commands import BUILT, NOT_BUILT
from app.commands.options import global_options
from app.outcome import (
    FINE,
    FOUND_WRONG,
    OUTSIDE_FAILED,
    WRONG_USAGE,
    OutsideError,
    UsageError,
    WrongError,
)
from app.terminal import complain
from citypatrol.errors import ConfigError

_STATUS = {WrongError: FOUND_WRONG, UsageError: WRONG_USAGE, OutsideError: OUTSIDE_FAILED}


class Command(Protocol):
    """What every module of ``app.commands`` has."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...
    def execute(self, args: argparse.Namespace) -> int: ...


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="citypatrol",
        parents=[global_options(top=True)],
        description="Watches a city: sensors and cameras in, one ticket per real incident out.",
        epilog="exit status: 0 fine, 1 found something wrong, 2 wrong usage, 3 the outside failed",
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=argparse.ArgumentParser
    )
    for name, summary in BUILT.items():
        module = cast(Command, import_module(f"app.commands.{name}"))
        sub = commands.add_parser(
            name, help=summary, description=summary, parents=[global_options()]
        )
        module.configure(sub)
        sub.set_defaults(execute=module.execute)
    return parser


def _first_word(words: Sequence[str]) -> str | None:
    return next((word for word in words if not word.startswith("-")), None)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. argparse itself leaves with 2 on wrong usage."""
    words = sys.argv[1:] if words is None else words
    wanted = _first_word(words)
    if wanted in NOT_BUILT:
        complain(f"citypatrol: {wanted!r} is documented but not built yet: {NOT_BUILT[wanted]}")
        return WRONG_USAGE
    parser = build_parser()
    args = parser.parse_args(words)
    if args.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    try:
        return int(args.execute(args))
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        return FOUND_WRONG
    except (WrongError, UsageError, OutsideError) as error:
        complain(f"citypatrol {args.command}: {error}")
        return _STATUS[type(error)]
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`citypatrol tickets list | head`): nothing is wrong.
        sys.stdout = None
        return FINE


if __name__ == "__main__":
    sys.exit(main())
