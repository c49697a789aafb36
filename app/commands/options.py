"""The options of every command: they may stand before it, after it, and after its verb."""

import argparse
from typing import NoReturn

from app.outcome import FINE
from app.terminal import say


class _Version(argparse.Action):
    """Looks the version up when it is asked for, not at every start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        say(f"citypatrol {version('citypatrol')}")
        parser.exit(FINE)


def rows(text: str) -> int:
    """How many rows of a list are wanted."""
    return _whole(text, least=1, most=1000)


def port(text: str) -> int:
    return _whole(text, least=1, most=65_535)


def duration(text: str) -> str:
    """One like 10m, as it stands: the running city reads it again."""
    from citypatrol.units import duration_ms

    try:
        duration_ms(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _whole(text: str, *, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        message = f"'{text}' is no number from {least} to {most}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def global_options(*, top: bool = False) -> argparse.ArgumentParser:
    """The options that stand before or after the command; only the first form has defaults."""
    options = argparse.ArgumentParser(add_help=False)

    def default(value: object) -> object:
        return value if top else argparse.SUPPRESS

    options.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    options.add_argument(
        "-q", "--quiet", action="store_true", default=default(False), help="warnings only"
    )
    options.add_argument(
        "-v", "--verbose", action="store_true", default=default(False), help="every detail"
    )
    options.add_argument(
        "--json", action="store_true", default=default(False), help="output for programs"
    )
    return options
