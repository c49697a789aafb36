"""``citypatrol run city.yaml``: every stage in one process on SQLite, until SIGTERM. SIGHUP reads
the rules and the cameras again."""

import argparse
import os
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("city", metavar="CITY", type=Path, help="city.yaml")


def execute(args: argparse.Namespace) -> int:
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # citypatrol.heap: why
    from app.early import answering

    with answering() as early:
        from app.process import configure_logs, load_or_raise, run_until_signal
        from app.run import CityRun

        configure_logs(args)
        city = CityRun(load_or_raise(args.city))
        return run_until_signal(city.run, reload=city.reload, early=early)
