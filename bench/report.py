"""How every bench and drill prints: a table for people, one JSON object as the last line."""

import argparse
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def arguments(description: str) -> argparse.ArgumentParser:
    """`--quick` and `--json`, which every bench takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run, figures rough")
    parser.add_argument("--json", action="store_true", help="the last line only, for programs")
    return parser


def report(
    bench: str,
    figures: Mapping[str, float | int | None],
    *,
    conditions: Mapping[str, object],
    as_json: bool,
) -> None:
    """DOORS: make and bench."""
    if not as_json:
        width = max(map(len, figures))
        for name, figure in figures.items():
            print(f"{name:{width}}  {figure if figure is not None else '-'}")
    line = {
        "bench": bench,
        "figures": dict(figures),
        "conditions": {"cores": os.cpu_count(), **conditions},
        "commit": _commit(),
    }
    print(json.dumps(line, ensure_ascii=False))


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip() or "unknown"
