"""`citypatrol demo`: a whole simulated city, nothing else installed."""

import argparse
import secrets
from pathlib import Path

from app.commands.options import port
from app.outcome import FINE, FOUND_WRONG

FEWEST_DEVICES = 400


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--once", action="store_true", help="play the script once and print the scoreboard"
    )
    parser.add_argument(
        "--devices",
        type=_devices,
        default=2000,
        metavar="N",
        help="sensors, one message per 10 s each",
    )
    parser.add_argument("--port", type=port, default=8080, metavar="P", help="port of the page")
    parser.add_argument(
        "--seed", type=int, default=None, metavar="S", help="who, where, when; default: by chance"
    )
    parser.add_argument(
        "--influx",
        type=_url,
        metavar="URL",
        help="also write to an InfluxDB 1.x here, database `city`",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="leave the city's folder here: its rules, history and tickets",
    )


def _devices(text: str) -> int:
    if not text.isdigit() or int(text) < FEWEST_DEVICES:
        message = f"'{text}' is too few: the script needs {FEWEST_DEVICES} or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        message = f"'{text}' is no address; write one like http://127.0.0.1:8086"
        raise argparse.ArgumentTypeError(message)
    return text


def execute(args: argparse.Namespace) -> int:
    import asyncio
    import sys

    from rich.console import Console

    from app.demo.display import LivePicture, PlainLines, score_sentence, score_table
    from app.demo.play import Options, perform
    from app.terminal import complain, say, say_json
    from citypatrol.logs import configure as configure_logs

    configure_logs("debug" if args.verbose else "error", json=False)
    sink = {"type": "influx", "version": 1, "url": args.influx, "db": "city"}
    options = Options(
        once=args.once,
        devices=args.devices,
        port=args.port,
        seed=secrets.randbelow(1_000_000) if args.seed is None else args.seed,
        sinks=(sink,) if args.influx else (),
        keep=args.keep,
    )
    live = sys.stdout.isatty() and not args.json
    write = complain if args.json else say
    page = f"http://127.0.0.1:{options.port}"
    with LivePicture(page) if live else PlainLines(write) as display:
        boards = asyncio.run(perform(options, display))
    for board in boards:
        if args.json:
            say_json(board.as_dict())
        else:
            Console(width=None if live else 120).print(score_table(board))
            say(score_sentence(board))
    passed = all(board.passed for board in boards)
    return FINE if passed and (boards or not args.once) else FOUND_WRONG
