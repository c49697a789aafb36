"""Signals to a process that still reads its city. Its city.yaml is a pipe: the test says when."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

import pytest

from bench.servers.free_port import free_port

CITY = """
city: {{name: Early, timezone: UTC}}
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics: [{{match: "city/{{source}}/{{metric}}", payload: plain}}]
http: {{listen: "127.0.0.1:{http}"}}
"""
RULES = "rules: [{name: wet, select: {metric: water}, when: {above: 1}}]\n"


class Starting:
    """A command whose city.yaml has been opened, and of which nothing has been read. It is killed
    when it takes too long, so that nobody waits for ever."""

    def __init__(self, command: str, folder: Path) -> None:
        (folder / "rules.yaml").write_text(RULES)
        self._city = folder / "city.yaml"
        os.mkfifo(self._city)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", command, str(self._city)],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._late = threading.Timer(90, self.process.kill)
        self._late.start()
        self._pipe = self._opened()

    def _opened(self) -> TextIO:
        while self.process.poll() is None:
            try:
                return os.fdopen(os.open(self._city, os.O_WRONLY | os.O_NONBLOCK), "w")
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                time.sleep(0.02)  # nobody reads yet
        raise AssertionError(self.end())

    def say_city(self) -> None:
        text = CITY.format(mqtt=free_port(), http=free_port())
        self._city.unlink()
        self._city.write_text(text)  # it is read again, too
        self._pipe.write(text)
        self.say_nothing()

    def say_nothing(self) -> None:
        """A signal that comes just before a read begins is answered behind it only."""
        self._pipe.close()

    def log_until(self, words: str) -> str:
        assert self.process.stderr is not None
        log = ""
        for line in self.process.stderr:
            log += line
            if words in line:
                return log
        raise AssertionError(log)

    def end(self) -> str:
        """What it still says, once it has ended."""
        _, log = self.process.communicate()
        self._late.cancel()
        return log


@pytest.mark.parametrize(
    ("command", "sign"),
    [
        ("run", signal.SIGTERM),
        ("run", signal.SIGINT),
        ("serve", signal.SIGTERM),
        ("worker", signal.SIGTERM),
    ],
)
def test_a_stop_before_the_city_is_read_is_a_clean_one(tmp_path, command, sign):
    starting = Starting(command, tmp_path)
    starting.process.send_signal(sign)
    starting.say_nothing()
    log = starting.end()
    assert starting.process.returncode == 0, log
    assert log == f"stopped by {sign.name} before the city was read\n"
    assert not (tmp_path / "data").exists()


def test_a_hang_up_before_the_city_is_read_reads_its_rules_again(tmp_path):
    starting = Starting("run", tmp_path)
    starting.process.send_signal(signal.SIGHUP)
    starting.say_city()
    log = starting.log_until("rules read again")
    assert "the city runs" in log
    starting.process.send_signal(signal.SIGTERM)
    log = starting.end()
    assert starting.process.returncode == 0, log
