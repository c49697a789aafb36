"""What analysts copy from docs/ops.md runs on a history as citypatrol writes it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bench.docs import ROOT
from tests.citypatrol.a_history import SEVEN, batch, entries, write

OPS = (ROOT / "docs" / "ops.md").read_text("utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", OPS, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "history"
    readings = batch((SEVEN, 3.0), (SEVEN + 60_000, 31.0), (SEVEN + 1, 99.0))
    write(folder, entries(readings, batch((SEVEN, 2.0), source="pump-2")))
    write(folder, entries(readings, first=3))  # as after a crash
    return tmp_path


def test_duckdb(city: Path) -> None:
    answer = duckdb.sql(block("sql").replace("'data/", f"'{city}/data/")).fetchall()
    assert answer == [("pump-1", 99.0, 3), ("pump-2", 2.0, 1)]


def test_pandas(city: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block("python")],
        cwd=city, env=os.environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["source", "pump-1", "pump-2"]
    assert [line[-2:] for line in lines[2:]] == [["3.0", "2.0"], ["31.0", "NaN"]]
