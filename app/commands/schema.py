"""``citypatrol schema KIND``: JSON Schema (draft-07) for editors."""

import argparse
import json

from app.outcome import FINE
from app.terminal import say

KINDS = ("rules", "city", "test", "cameras", "units")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS, help="the kind of file that it describes")


def execute(args: argparse.Namespace) -> int:
    say(written(args.kind))
    return FINE


def written(kind: str) -> str:
    """The schema as the text of a file."""
    from app.schemas.files import schema

    return json.dumps(schema(kind), ensure_ascii=False, indent=2)
