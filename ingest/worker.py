"""From the inbox to the journal, in bulk, in a thread of its own."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from citypatrol import metrics
from citypatrol.clock import Ts
from citypatrol.dead import DeadStore
from citypatrol.samples import Batch
from ingest.announce import Labels
from ingest.counters import REDELIVERED
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.letterbox import Letterbox
from ingest.message import Message
from ingest.parse import Parser
from ingest.tap import Tap

_BULK: Final = 2_000
_IDLE_S: Final = 0.2
_NO_ROOM_S: Final = 0.02
_NOTHING: Final = Batch.of([])

Sift = Callable[[list[Message]], tuple[list[Message], Sequence[Message]]]
"""Gives what is to be read and what is surplus; asked again and again, with nothing too."""


class Worker:
    """Every message ends in ``done``, after its samples are in the journal and its letter is in the
    dead-letter store; not before, and else never. ``done`` also gets the times that the payloads
    brought. ``run`` and ``letterbox.run`` are the work of two threads."""

    def __init__(
        self,
        inbox: Inbox,
        parser: Parser,
        *,
        name: str,
        intake: Intake,
        dead: DeadStore,
        done: Callable[[Sequence[Message], Sequence[Ts]], None],
        tap: Tap | None = None,
        sift: Sift | None = None,
    ) -> None:
        """``sift``: which messages are read, and which only acknowledged."""
        self.letterbox = Letterbox(dead, name=name, stored=self._stored)
        self._inbox = inbox
        self._parser = parser
        self._name = name
        self._intake = intake
        self._done = done
        self._tap = tap
        self._sift = sift
        self._stop = threading.Event()

    def stop(self) -> None:
        """At once; what is still in hand stays unacknowledged."""
        self._stop.set()
        self.letterbox.stop()

    def run(self) -> None:
        while not self._stop.is_set():
            if self.letterbox.is_full:
                self._stop.wait(_NO_ROOM_S)
                continue
            messages = self._inbox.take(most=_BULK, timeout_s=_IDLE_S)
            surplus: Sequence[Message] = ()
            if self._sift is not None:
                messages, surplus = self._sift(messages)
            if messages or surplus:
                self._handle(messages, surplus)

    def _handle(self, messages: list[Message], surplus: Sequence[Message]) -> None:
        if self._tap is not None and self._tap.is_open:
            self._tap.show(messages, input=self._name)
            self._tap.show(surplus, input=self._name, surplus=True)
        parsed = self._parser(messages)
        self._count(parsed.counts)
        finished = [*messages, *surplus] if surplus else messages
        if parsed.letters:
            bad = {id(letter.message) for letter in parsed.letters}
            finished = [message for message in finished if id(message) not in bad]
        self._offer(parsed.batch, finished, parsed.stamps, labels=parsed.labels)
        if parsed.letters:
            self.letterbox.add(parsed.letters)

    def _stored(self, messages: Sequence[Message]) -> None:
        """Such a message may have given samples too: it is done when those are in the journal."""
        self._offer(_NOTHING, messages, (), labels=None)

    def _offer(
        self,
        batch: Batch,
        messages: Sequence[Message],
        stamps: Sequence[Ts],
        *,
        labels: Mapping[str, Labels] | None,
    ) -> None:
        committed = partial(self._done, messages, stamps)
        while not self._intake.offer(batch, labels=labels, committed=committed):
            if self._stop.wait(_NO_ROOM_S):
                return

    def _count(self, counts: Mapping[str, int]) -> None:
        for cause, count in counts.items():
            if cause == "redelivered_unstamped":
                REDELIVERED.labels(self._name).inc(count)
            else:
                metrics.DROPPED.labels("mqtt", cause).inc(count)
