"""The city's mode: who switched it, when and why, one JSON line a switch in a file of its own.

The file is what was decided; the journal hears of it from ``app.mode_stage``, again at every start,
so that a crash between the two changes nothing.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import structlog

from citypatrol.clock import Ts

log = structlog.get_logger(__name__)


class UnknownMode(Exception):
    """No rule names it. The text says which there are."""


@dataclass(frozen=True, slots=True)
class Switch:
    """``at``: when it was decided."""

    at: Ts
    mode: str
    by: str
    note: str | None = None


class Modes:
    """``first``: the mode of a city in which nobody has switched yet; ``known``: those that the
    rules name. Not for several processes at once."""

    def __init__(self, path: Path, *, first: str, known: Collection[str]) -> None:
        self._path = path
        self._first = first
        self.known: Sequence[str] = []
        self.know(known)
        self.switches: Sequence[Switch] = self._read()

    @property
    def mode(self) -> str:
        return self.switches[-1].mode if self.switches else self._first

    def know(self, modes: Collection[str]) -> None:
        """The rules name these modes now."""
        self.known = sorted({*modes, self._first})

    def switch(self, mode: str, *, by: str, note: str | None, now: Ts) -> Switch:
        """On the disk when it returns; the same mode again is written down too. Raises UnknownMode,
        OSError."""
        if mode not in self.known:
            message = f"no rule names the mode '{mode}'; there are {', '.join(self.known)}"
            raise UnknownMode(message)
        made = Switch(now, mode, by, note)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            file.write(self._torn_end() + orjson.dumps(asdict(made)) + b"\n")
            os.fsync(file.fileno())
        self.switches = [*self.switches, made]
        log.warning("the city's mode is switched", mode=mode, by=by, note=note)
        return made

    def _torn_end(self) -> bytes:
        """A crash may have cut the last line short."""
        data = self._path.read_bytes() if self._path.exists() else b""
        return b"\n" if data and not data.endswith(b"\n") else b""

    def _read(self) -> list[Switch]:
        found = []
        for line in self._path.read_bytes().splitlines() if self._path.exists() else ():
            try:
                found.append(Switch(**orjson.loads(line)))
            except (ValueError, TypeError):
                log.error("a line is passed over", file=str(self._path), line=line[:80].decode())
        return found
