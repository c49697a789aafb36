"""``citypatrol serve city.yaml``: inputs, tickets, sinks and the API of the Kafka layout."""

import argparse
import os
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("city", metavar="CITY", type=Path, help="city.yaml, journal: {type: kafka}")


def execute(args: argparse.Namespace) -> int:
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # citypatrol.heap: why
    from app.early import answering

    with answering() as early:
        from app.layouts import OnKafka
        from app.process import configure_logs, load_or_raise, run_until_signal
        from app.run import CityRun
        from citypatrol.clock import SystemClock

        configure_logs(args)
        city, clock = load_or_raise(args.city), SystemClock()
        run = CityRun(city, clock=clock, layout=OnKafka.of(city, clock=clock))
        return run_until_signal(run.run, reload=run.reload, early=early)
