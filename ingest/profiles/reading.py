"""What every payload profile gives."""

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from citypatrol.clock import Ts
from citypatrol.errors import Reject

LARGEST_PAYLOAD: Final = 65_536
"""Bytes. No reading of a sensor is longer; a picture or a firmware in the wrong topic is."""

LONGEST_NAME: Final = 200
"""Characters of a source's or a metric's name."""

ONLINE: Final = "online"
"""The metric of a last will, an availability or a gateway's word: 1 for online, 0 for offline."""


class NotFinite(Reject):
    """A number that is infinite or not a number: it is kept aside and counted as such."""


class Part(NamedTuple):
    """What a payload says of one source at one time.

    ``values`` and ``ts`` as in ``Reading``. ``source``: None is the one that the topic names.
    ``after``: where there is no ``ts``, milliseconds between the arrival and the reading, negative
    for one that is older.
    """

    values: Sequence[tuple[str | None, float]]
    ts: Ts | None = None
    source: str | None = None
    after: int = 0


class Reading(NamedTuple):
    """What one payload says.

    ``values``: metric and number; None is the metric that the topic or the configuration names.
    ``ts``: milliseconds, None where the payload has no time. ``ignored``: keys passed over because
    they hold no number. ``aside``: why the payload goes to the dead-letter store although the rest
    of it can be read. ``parts``: of payloads with several sources or times, everything; ``values``
    and ``ts`` are empty then.
    """

    values: Sequence[tuple[str | None, float]] = ()
    ts: Ts | None = None
    ignored: int = 0
    aside: Reject | None = None
    parts: Sequence[Part] = ()


Profile = Callable[[bytes], Reading]
"""Raises ``Reject`` where nothing of the payload can be read. Pure: knows no topic, no clock."""


def name_fault(text: str, what: str) -> Reject | None:
    """Why ``text`` can be no source's or metric's name; ``what``: where it stood."""
    if not text:
        message = f"{what} is empty"
    elif len(text) > LONGEST_NAME:
        message = f"{what} has {len(text):,} characters; at most {LONGEST_NAME}: `{shown(text)}`"
    elif not text.isprintable():
        message = f"{what} holds characters that do not print: `{shown(text)}`"
    else:
        return None
    return Reject(message)


def value_fault(key: str, value: float) -> Reject | None:
    """Why a number cannot be a value of the metric ``key``."""
    if not math.isfinite(value):
        return NotFinite(f"`{shown(key)}` is not finite")
    if not 0 < len(key) <= LONGEST_NAME or not key.isprintable():
        return Reject(f"`{shown(key)}` is no name for a metric")
    return None


def shown(payload: bytes | str) -> str:
    """The start of what somebody sent, safe for a log line."""
    text = payload if isinstance(payload, str) else payload[:200].decode("utf-8", "replace")
    text = text if len(text) <= 40 else f"{text[:40]}..."
    return text.encode("unicode_escape", "replace").decode() if not text.isprintable() else text
