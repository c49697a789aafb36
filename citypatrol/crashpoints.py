"""Named instants at which a process can be told to die: both sides of every commit.

For drills. ``CITYPATROL_CRASH_AT=influx.written`` kills the process (SIGKILL, nothing is flushed)
when it first comes there, ``influx.written:5`` at the fifth time. Unset, a point costs one look at
a module constant.
"""

import itertools
import os
import signal
from enum import StrEnum
from typing import Final, NamedTuple

VARIABLE: Final = "CITYPATROL_CRASH_AT"


class CrashPoint(StrEnum):
    """``before``: all is written, nothing is committed; ``after``: committed, nobody knows yet."""

    JOURNAL_APPEND_BEFORE = "journal.append.before"
    JOURNAL_APPEND_AFTER = "journal.append.after"
    JOURNAL_CURSOR_BEFORE = "journal.cursor.before"
    JOURNAL_CURSOR_AFTER = "journal.cursor.after"
    JOURNAL_SNAPSHOT_BEFORE = "journal.snapshot.before"
    JOURNAL_SNAPSHOT_AFTER = "journal.snapshot.after"
    JOURNAL_PRUNE_BEFORE = "journal.prune.before"
    JOURNAL_PRUNE_AFTER = "journal.prune.after"
    INTAKE_COMMITTED = "intake.committed"
    """The journal has the batch, the input does not know yet."""
    INTAKE_SNAPSHOT_BEFORE = "intake.snapshot.before"
    INTAKE_SNAPSHOT_AFTER = "intake.snapshot.after"
    MQTT_ACK_BEFORE = "mqtt.ack.before"
    """The input knows that the batch is durable, no message of it is acknowledged."""
    MQTT_ACK_AFTER = "mqtt.ack.after"
    DEAD_PUT_BEFORE = "dead.put.before"
    DEAD_PUT_AFTER = "dead.put.after"
    RULES_APPLY_BEFORE = "rules.apply.before"
    """Folded, not handed over."""
    RULES_APPLY_AFTER = "rules.apply.after"
    RULES_SNAPSHOT_AFTER = "rules.snapshot.after"
    """The state is saved, the cursor has not moved."""
    RULES_CURSOR_AFTER = "rules.cursor.after"
    TICKETS_BEFORE = "tickets.before"
    """Ticket, history and outbox are written, not committed."""
    TICKETS_AFTER = "tickets.after"
    DELIVERY_BEFORE = "delivery.before"
    """Signed, not sent."""
    DELIVERY_SENT = "delivery.sent"
    """The unit has answered, nothing is recorded."""
    DELIVERY_RECORD_BEFORE = "delivery.record.before"
    DELIVERY_RECORD_AFTER = "delivery.record.after"
    INFLUX_WRITE_BEFORE = "influx.write.before"
    INFLUX_WRITTEN = "influx.written"
    """The server has the points, the cursor has not moved."""
    INFLUX_LABELS_AFTER = "influx.labels.after"
    INFLUX_CURSOR_AFTER = "influx.cursor.after"
    HISTORY_WRITTEN = "history.written"
    """A file lies aside, complete, not renamed."""
    HISTORY_RENAMED = "history.renamed"
    """The file has its name, the cursor has not moved."""
    HISTORY_CURSOR_AFTER = "history.cursor.after"
    HISTORY_COMPACT_WRITTEN = "history.compact.written"
    HISTORY_COMPACT_RENAMED = "history.compact.renamed"
    """The one file stands, those that it replaces are still there."""
    HISTORY_COMPACT_AFTER = "history.compact.after"


class _Order(NamedTuple):
    point: CrashPoint
    passing: int


def _order(words: str | None) -> _Order | None:
    """What the variable asks for; ValueError where that is no point."""
    if not words:
        return None
    name, _, passing = words.partition(":")
    if name not in frozenset(CrashPoint) or not (passing or "1").isdigit():
        message = f"{VARIABLE}={words}: write NAME or NAME:N, NAME one of {', '.join(CrashPoint)}"
        raise ValueError(message)
    return _Order(CrashPoint(name), int(passing or 1))


_ORDER: Final = _order(os.environ.get(VARIABLE))
_passings = itertools.count(1)


def crash_point(point: CrashPoint) -> None:
    """Die here, where the environment says so."""
    if _ORDER is not None and point is _ORDER.point and next(_passings) == _ORDER.passing:
        os.kill(os.getpid(), signal.SIGKILL)
