"""``citypatrol worker city.yaml``: judges partitions of the Kafka layout, until SIGTERM. SIGHUP
reads the rules again."""

import argparse
from pathlib import Path

from app.early import Early, answering
from app.outcome import FINE, OutsideError, UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("city", metavar="CITY", type=Path, help="city.yaml, journal: {type: kafka}")


def execute(args: argparse.Namespace) -> int:
    with answering() as early:
        return _work(args, early)


def _work(args: argparse.Namespace, early: Early) -> int:
    from app.process import configure_logs, load_or_raise
    from app.reloading import RulesAgain
    from citypatrol.errors import ConfigError, Problem, Retry
    from citypatrol.kafka_config import KafkaJournalConfig

    configure_logs(args)
    city = load_or_raise(args.city)
    config = city.file.journal
    if not isinstance(config, KafkaJournalConfig):
        message = "journal.type is sqlite: start `citypatrol run`, which judges by itself"
        raise UsageError(message)
    try:
        from rules.stream import run_worker
    except ModuleNotFoundError as error:
        message = f"a worker needs {error.name}: pip install 'citypatrol[cluster]'"
        raise ConfigError([Problem("journal", 0, 0, message)]) from error
    if early.stopped:
        return FINE
    try:
        return run_worker(
            city.rules,
            config,
            reading=lambda put: RulesAgain(city, put_in_force=put).read_again,
            hung_up=lambda: early.hung_up,
        )
    except Retry as error:
        raise OutsideError(str(error)) from error
