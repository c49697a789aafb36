"""A process that judges some sources of a history; its parent is ``app.backtest.apart``.

An answer to each message but the first; the pipe's end is the end.
"""

import os
import signal
import sys
from collections.abc import Sequence

from app.backtest.judging import Said
from app.backtest.messages import Begin, End, Question, Which, receive, send
from citypatrol.samples import Batch
from rules.announced import Announced
from rules.hindsight import Hindsight
from rules.selection import Selection


class Worker:
    """The answers to these messages."""

    def __init__(self, begin: Begin) -> None:
        self._sources: tuple[str, ...] = ()
        self._announced: Announced | None = None
        self._hindsights = [
            Hindsight(
                rules,
                introduce=self._introduce,
                first=begin.first,
                later=begin.later,
                mode=begin.mode,
            )
            for rules in begin.rule_sets
        ]

    def answer(self, message: Question) -> Said | Sequence[list[Selection]]:
        if isinstance(message, Which):
            return [one.selections() for one in self._hindsights]
        if isinstance(message, End):
            return [one.end(message.until) for one in self._hindsights]
        if message.sources:  # else the very tuple, by which the engine knows its codes again
            self._sources = (*self._sources, *message.sources)
        self._announced = message.announced
        batch = Batch(
            sources=self._sources,
            source=message.source,
            metrics=message.metrics,
            metric=message.metric,
            ts=message.ts,
            value=message.value,
        )
        return [
            one.judge(batch, before=message.before, now=message.now) for one in self._hindsights
        ]

    def _introduce(self, names: Sequence[str]) -> Announced:  # noqa: ARG002 - the parent knows which
        assert self._announced is not None  # noqa: S101 - it comes with the names
        return self._announced


def main() -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the group; the parent decides
    try:
        worker = Worker(receive(sys.stdin.buffer))
        while True:
            send(out, worker.answer(receive(sys.stdin.buffer)))
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the parent has all that it wants, or is gone


if __name__ == "__main__":
    main()
