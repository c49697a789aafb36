"""``citypatrol doctor city.yaml``: connects to each named service once."""

import argparse
from pathlib import Path

from app.outcome import FINE, OUTSIDE_FAILED
from app.terminal import paint, printable, say, say_json


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("city", metavar="CITY", type=Path, help="city.yaml")


def execute(args: argparse.Namespace) -> int:
    import asyncio
    from dataclasses import asdict

    from app.doctor.services import look
    from app.process import load_or_raise
    from citypatrol.logs import configure as configure_logs

    configure_logs("debug" if args.verbose else "error", json=False)
    findings = asyncio.run(look(load_or_raise(args.city)))
    for finding in findings:
        if args.json:
            say_json(asdict(finding))
            continue
        mark = paint("well", code="32") if finding.ok else paint("ILL ", code="31;1")
        say(f"{mark}  {finding.service}: {printable(finding.detail)}")
    return FINE if all(finding.ok for finding in findings) else OUTSIDE_FAILED
