"""From the inbox to the journal, in bulk, in a thread of its own."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from citypatrol import metrics
from citypatrol.clock import Ts
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.errors import ConfigError, Retry
from ingest.counters import REDELIVERED
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.parse import Letter, Message, Parser

log = structlog.get_logger(__name__)

_BULK: Final = 2_000
_IDLE_S: Final = 0.2
_NO_ROOM_S: Final = 0.02
_STORE_AGAIN_S: Final = 1.0


class Worker:
    """Every message ends in ``done``, after its samples are in the journal and its letter is in the
    dead-letter store; not before, and else never."""

    def __init__(
        self,
        inbox: Inbox,
        parser: Parser,
        *,
        name: str,
        intake: Intake,
        dead: DeadStore,
        done: Callable[[Sequence[Message], Sequence[Ts]], None],
    ) -> None:
        self._inbox = inbox
        self._parser = parser
        self._name = name
        self._intake = intake
        self._dead = dead
        self._done = done
        self._stuck: list[Letter] = []
        self._stop = threading.Event()

    def stop(self) -> None:
        """At once; what is still in hand stays unacknowledged."""
        self._stop.set()

    def run(self) -> None:
        while not self._stop.is_set():
            messages = self._inbox.take(most=_BULK, timeout_s=_IDLE_S)
            if messages:
                self._handle(messages)
            elif self._stuck and not self._stop.wait(_STORE_AGAIN_S):
                self._store_again()

    def _handle(self, messages: list[Message]) -> None:
        parsed = self._parser(messages)
        for cause, count in parsed.counts.items():
            if cause == "redelivered_unstamped":
                REDELIVERED.labels(self._name).inc(count)
            else:
                metrics.DROPPED.labels("mqtt", cause).inc(count)
        finished: Sequence[Message] = messages
        if parsed.letters and not self._store(parsed.letters):
            # The neighbours go on; these stay unacknowledged until they are stored.
            bad = {id(letter.message) for letter in parsed.letters}
            finished = [message for message in messages if id(message) not in bad]
            self._stuck += parsed.letters
        stamps = parsed.stamps

        def committed() -> None:
            self._done(finished, stamps)

        if not len(parsed.batch):
            committed()
            return
        while not self._intake.offer(parsed.batch, labels=parsed.labels, committed=committed):
            if self._stop.wait(_NO_ROOM_S):
                return

    def _store(self, letters: Sequence[Letter]) -> bool:
        try:
            self._dead.put_many(
                DeadLetter(
                    "message",
                    one.message.topic,
                    one.reason,
                    one.message.payload,
                    one.message.arrived,
                )
                for one in letters
            )
        except (Retry, ConfigError) as error:
            log.error(
                "the dead-letter store takes nothing: unreadable messages are not acknowledged",
                input=self._name,
                letters=len(letters) + len(self._stuck),
                error=str(error),
            )
            return False
        return True

    def _store_again(self) -> None:
        stuck = self._stuck
        if not self._store(stuck):
            return
        self._stuck = []
        messages = [letter.message for letter in stuck]
        # Behind the samples that these messages may also have given.
        nothing = self._parser([]).batch
        while not self._intake.offer(nothing, committed=lambda: self._done(messages, ())):
            if self._stop.wait(_NO_ROOM_S):
                return
