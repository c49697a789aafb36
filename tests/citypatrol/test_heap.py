"""Memory that was let go leaves the process."""

import subprocess
import sys
from pathlib import Path

import pytest

from citypatrol.heap import give_back


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def test_what_was_freed_is_given_back() -> None:
    small = [bytes(3_000) for _ in range(40_000)]  # below what malloc asks the system for each
    kept = small[-1]
    before = resident_mb()
    small = []
    give_back()
    assert resident_mb() < before - 60
    assert len(kept) == 3_000


def test_a_settled_process_gives_large_things_back_at_once() -> None:
    script = """
import threading
from citypatrol.heap import settle
settle()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
def work():
    pieces = [bytes(1_000_000) for _ in range(100)]
    assert len(pieces) == 100
before = resident()
for _ in range(6):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
assert resident() < before + 30, (before, resident())
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_arrow_leaves_pandas_alone_in_a_settled_process() -> None:
    script = """
import sys
from citypatrol.heap import settle
settle()
import pyarrow as pa
assert pa.array(["a"], pa.string()).to_pylist() == ["a"]
assert "pandas" not in sys.modules
import pandas
assert pandas.DataFrame
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_command_that_runs_for_long_chooses_before_arrow_is_imported(command: str) -> None:
    script = f"""
import argparse, os, sys
from pathlib import Path
from app.commands import {command}
assert "pyarrow" not in sys.modules
try:
    {command}.execute(argparse.Namespace(city=Path("."), verbose=0, quiet=0, json=False))
except Exception as error:
    assert type(error).__name__ == "ConfigError", error
assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "system"
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
