"""Judges in processes of their own, each the sources of some partitions (DESIGN section 4).

A source lies in one of them, a camera with its regions; the outcome is that of one process to the
last digit, because what they say of a piece is put in order of time before it is filed.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

import numpy as np

from app.backtest.judging import Said
from app.backtest.messages import Begin, End, Part, Question, Which, receive, send
from app.backtest.sources import Labels
from citypatrol.clock import Ts
from citypatrol.history.sweep import Piece
from citypatrol.history.words import Word, Words
from citypatrol.partitions import partition_of
from citypatrol.records import SourceSeen
from rules.announced import Announced
from rules.incidents import in_order
from rules.ruleset import RuleSet
from rules.selection import Selection, together

_PACKAGES: Final = Path(__file__).parents[2]
_PIECES_AHEAD: Final = 3
_END_S: Final = 5.0


class Apart:
    """``Judges`` over ``count`` processes. OSError where one of them ends before its time."""

    def __init__(
        self,
        rule_sets: Sequence[RuleSet],
        *,
        labels: Labels,
        words: Words,
        mode: str,
        count: int,
    ) -> None:
        self._labels = labels
        self._announced = {word.source for word in words.first if isinstance(word, SourceSeen)}
        self._known = 0
        self._home = np.empty(0, np.int8)
        self._code = np.empty(0, np.int32)  # of each source, in its process
        self._sizes = [0] * count
        self._under_way: deque[None] = deque()
        self._processes: list[_Process] = []
        for at in range(count):
            first = [word for word in words.first if self._hears(at, word)]
            later = [word for word in words.later if self._hears(at, word)]
            self._processes.append(_Process(Begin(rule_sets, first, later, mode)))

    def judge(self, piece: Piece) -> Iterator[Said]:
        for process, part in zip(self._processes, self._parts(piece), strict=True):
            process.ask(part)
        self._under_way.append(None)
        while len(self._under_way) > _PIECES_AHEAD:
            yield self._next()

    def end(self, until: Ts | None) -> Iterator[Said]:
        if until is not None:
            for process in self._processes:
                process.ask(End(until))
            self._under_way.append(None)
        while self._under_way:
            yield self._next()

    def selections(self) -> Sequence[list[Selection]]:
        for process in self._processes:
            process.ask(Which())
        answers = [process.answer() for process in self._processes]
        return [together(some) for some in zip(*answers, strict=True)]

    def close(self) -> None:
        for process in self._processes:
            process.close()

    def _next(self) -> Said:
        self._under_way.popleft()
        answers = [process.answer() for process in self._processes]
        return [in_order(chain(*some)) for some in zip(*answers, strict=True)]

    def _hears(self, at: int, word: Word) -> bool:
        return not isinstance(word, SourceSeen) or self._home_of(word.source) == at

    def _home_of(self, source: str) -> int:
        return partition_of(source, site=None, count=len(self._sizes))

    def _parts(self, piece: Piece) -> Iterator[Part]:
        batch = piece.batch
        new = self._number(batch.sources)
        home = self._home[batch.source]
        for at, (names, announced) in enumerate(new):
            rows = np.flatnonzero(home == at)
            yield Part(
                names,
                announced,
                batch.metrics,
                self._code[batch.source[rows]],
                batch.metric[rows],
                batch.ts[rows],
                batch.value[rows],
                piece.before,
                int(batch.ts[-1]),
            )

    def _number(self, sources: Sequence[str]) -> list[tuple[Sequence[str], Announced | None]]:
        """For each process the sources that are new to it, and what is known of them."""
        new = sources[self._known :]
        self._known = len(sources)
        if not new:
            return [((), None)] * len(self._sizes)
        home = np.fromiter(map(self._home_of, new), np.int8, len(new))
        code = np.empty(len(new), np.int32)
        found: list[tuple[Sequence[str], Announced | None]] = []
        for at, size in enumerate(self._sizes):
            mine = np.flatnonzero(home == at)
            code[mine] = np.arange(size, size + len(mine))
            self._sizes[at] += len(mine)
            names = [new[row] for row in mine.tolist()]
            unsaid = [name for name in names if name not in self._announced]
            found.append((names, self._labels.introduce(unsaid)))
        self._home = np.concatenate([self._home, home])
        self._code = np.concatenate([self._code, code])
        return found


class _Process:
    """One of them, and a thread that talks with it, so that nobody waits for a pipe."""

    def __init__(self, begin: Begin) -> None:
        paths = [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.backtest.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        self._asked: SimpleQueue[Begin | Question | None] = SimpleQueue()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._thread = Thread(target=self._talk, name="judge pipe", daemon=True)
        self._asked.put(begin)
        self._thread.start()

    def ask(self, message: Question) -> None:
        self._asked.put(message)

    def answer(self) -> Any:
        """To the oldest question that was not answered yet."""
        said = self._answers.get()
        if said is None:
            status = self._process.wait()
            message = f"a process that judges has ended with exit status {status}"
            raise ChildProcessError(message)
        return said

    def close(self) -> None:
        """At once; what it has not answered is not wanted any more."""
        self._process.kill()
        self._asked.put(None)
        self._thread.join(_END_S)
        self._process.wait(_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _talk(self) -> None:
        into, out = self._process.stdin, self._process.stdout
        assert into is not None  # noqa: S101 - both are pipes
        assert out is not None  # noqa: S101 - both are pipes
        while (message := self._asked.get()) is not None:
            try:
                send(into, message)
                if not isinstance(message, Begin):
                    self._answers.put(receive(out))
            except (OSError, EOFError):
                self._answers.put(None)
                return
