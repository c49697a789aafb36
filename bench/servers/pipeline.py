"""`citypatrol run` as a child process, started until `/readyz` says 200, killed at will."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from citypatrol.crashpoints import VARIABLE

READY_S = 60.0


class Pipeline:
    """One city, started and ended as often as a drill wants; its log is appended to one file."""

    def __init__(self, city: Path, *, url: str) -> None:
        self._city = city
        self._url = url
        self.log = city.parent / "run.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self, *, crash_at: str | None = None) -> None:
        """Start, without waiting. Byte code is kept, as it is wherever nobody forbids it.

        ``crash_at``: where it is to die, in the words of ``citypatrol.crashpoints``.
        """
        not_ours = ("PYTHONDONTWRITEBYTECODE", VARIABLE)
        environment = {k: v for k, v in os.environ.items() if k not in not_ours}
        if crash_at is not None:
            environment[VARIABLE] = crash_at
        command = [sys.executable, "-m", "app.cli", "run", str(self._city)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=Path(__file__).parent.parent.parent, start_new_session=True,
                env=environment,
            )  # fmt: skip

    def ready(self, *, timeout_s: float = READY_S) -> float:
        """Seconds until `/readyz` said 200; RuntimeError with the end of the log where it never
        does."""
        began = time.monotonic()
        said = "nothing"
        while time.monotonic() - began < timeout_s:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self._url}/readyz", timeout=1).close()
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace")
            except OSError as error:
                said = str(error)
            else:
                return time.monotonic() - began
            time.sleep(0.02)
        tail = self.log.read_text(errors="replace")[-3000:]
        message = f"not ready within {timeout_s:.0f} s: {said}\n{tail}"
        raise RuntimeError(message)

    def metric(self, line: str) -> float | None:
        """One value of `/metrics`, named as it stands there, labels too; None where it is not."""
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=5) as answer:
            for row in answer.read().decode().splitlines():
                name, _, value = row.rpartition(" ")
                if name == line:
                    return float(value)
        return None

    def ended(self, *, timeout_s: float) -> int | None:
        """The exit status, where it ends by itself within this time; None where it goes on."""
        try:
            return self._gone(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self._gone()

    def stop(self, *, timeout_s: float = 15.0) -> int:
        """SIGTERM; the exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self._gone(timeout_s)

    def _gone(self, timeout_s: float = 15.0) -> int:
        assert self._process is not None, "not started"
        status = self._process.wait(timeout_s)
        self._process = None
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its children; shared pages count once a process."""
    total = 0
    for process in (pid, *children(pid)):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            fields = Path(f"/proc/{process}/statm").read_text().split()
            total += int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def children(pid: int) -> list[int]:
    """Every process below this one, those that were started first before the others."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread ends any time
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    found += [int(child), *children(int(child))]
    return found
