"""``citypatrol tail``: what comes in, live, and what the city makes of it."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from app.commands.at_city import add_city_option, running_city
from app.commands.options import rows
from app.outcome import FINE
from app.terminal import complain, flush, paint, printable, say, say_json

_RED, _YELLOW, _GREY = "31", "33", "2"
_SHOWN: Final = 20


def configure(parser: argparse.ArgumentParser) -> None:
    add_city_option(parser)
    parser.add_argument(
        "topic",
        metavar="TOPIC",
        nargs="?",
        default="#",
        type=_filter,
        help="an MQTT topic filter like 'city/+/water/#'; default: everything",
    )
    parser.add_argument("--limit", type=rows, metavar="N", help="end after so many messages")


def _filter(text: str) -> str:
    from ingest.tap import compiled

    try:
        compiled(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def execute(args: argparse.Namespace) -> int:
    desk = running_city(args.city, what="what comes in is seen by the running city only")
    left = args.limit
    try:
        for event in desk.follow(f"/api/v1/tail?{urlencode({'topic': args.topic})}"):
            if args.json:
                say_json(event)
            else:
                for line in _lines(event):
                    say(line)
                flush()
            if left is not None and "topic" in event:
                left -= 1
                if left <= 0:
                    return FINE
    except KeyboardInterrupt:
        return FINE
    complain("citypatrol tail: the city has stopped")
    return FINE


def _lines(event: Mapping[str, Any]) -> Iterator[str]:
    if "dropped" in event:
        text = f"... {event['dropped']:,} messages were not shown: more came than were read here"
        yield paint(text, code=_YELLOW)
        return
    if "error" in event:
        yield paint(printable(event["error"]), code=_RED)
        return
    at, topic = event["at"][11:], printable(event["topic"])
    if not event["samples"] and event["dead"] is None:
        yield f"{at}  {topic}  {paint('no sample', code=_GREY)}"
    for sample in event["samples"][:_SHOWN]:
        late = paint("  LATE: kept, not judged", code=_YELLOW) if sample["late"] else ""
        name = printable(f"{sample['source']}  {sample['metric']}")
        ts = "" if sample["ts"] == event["at"] else f"  at {sample['ts']}"
        yield f"{at}  {topic}  {name} = {sample['value']:g}{ts}{late}"
    more = len(event["samples"]) - _SHOWN
    if more > 0:
        yield f"{'':14}... and {more} samples more"
    if event["dead"] is not None:
        reason = paint(f"SET ASIDE: {printable(event['dead'])}", code=_RED)
        yield f"{at}  {topic}  {reason}"
    for note in event["notes"]:
        yield f"{'':14}{paint(note, code=_GREY)}"
