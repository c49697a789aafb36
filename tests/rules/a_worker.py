"""A Faust worker as a process: ``python -m tests.rules.a_worker CONFIG RULES PATIENCE``."""

import logging
import sys
from pathlib import Path

from citypatrol.kafka_config import KafkaJournalConfig
from rules.load import load_rules
from rules.stream import run_worker


def main(config: str, rules: str, patience_s: str) -> int:
    logging.basicConfig(level=logging.INFO)
    found, problems = load_rules([Path(rules)])
    assert found is not None, problems
    journal = KafkaJournalConfig.model_validate_json(config)
    return run_worker(found, journal, patience_s=float(patience_s))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
