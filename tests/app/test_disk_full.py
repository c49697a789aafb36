"""The whole process while the journal's disk is full: it says so, and nothing is lost."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.accounts import in_journal, values
from bench.generator import read_account
from bench.servers.free_port import free_port
from bench.servers.mosquitto import Mosquitto, mosquitto
from bench.servers.pipeline import Pipeline
from bench.servers.small_disk import NotPermitted, SmallDisk, small_disk

CITY = """
city: {{name: Small, timezone: Asia/Shanghai}}
journal: {{type: sqlite, path: disk/journal.db}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics: [{{match: "city/{{district}}/{{kind}}/{{source}}", payload: json}}]
http: {{listen: "127.0.0.1:{http}"}}
"""
REFUSES = "citypatrol_journal_refuses"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", size=12_000_000) as mounted:
            yield mounted
    except NotPermitted as error:
        pytest.skip(f"mounting is not permitted here: {error}")


@pytest.fixture
def broker() -> Iterator[Mosquitto]:
    with mosquitto() as running:
        yield running


def until(holds: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it has not come so far"
        time.sleep(0.1)


def missing(url: str) -> str:
    """What `/readyz` says is missing; empty when it is ready."""
    try:
        urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
    except urllib.error.HTTPError as error:
        return json.dumps(json.loads(error.read()))
    return ""


def test_a_full_disk_stops_acknowledging_and_nothing_else(
    tmp_path: Path, disk: SmallDisk, broker: Mosquitto
) -> None:
    http = free_port()
    url = f"http://127.0.0.1:{http}"
    (tmp_path / "city.yaml").write_text(CITY.format(mqtt=broker.port, http=http))
    file = tmp_path / "account.json"
    command = [sys.executable, "-m", "bench.generator", str(broker.port), "500", str(file)]
    with Pipeline(tmp_path / "city.yaml", url=url) as run:
        run.ready()
        with subprocess.Popen(command) as generator:
            try:
                disk.fill(leaving=100_000)
                until(lambda: "the journal is full" in missing(url))
                until(lambda: run.metric(REFUSES) == 1)
                disk.empty()
                until(lambda: not missing(url))
                until(lambda: run.metric(REFUSES) == 0)
            finally:
                generator.send_signal(signal.SIGTERM)
            generator.wait(60)
        account = read_account(file)
        taken = 'citypatrol_samples_total{stage="ingest"}'
        until(lambda: (run.metric(taken) or 0) >= len(account.numbers))
        assert run.stop() == 0
    rows, _ = in_journal(tmp_path / "disk/journal.db")
    assert len(account.numbers) > 500
    assert set(account.numbers) <= values(rows, "number")
