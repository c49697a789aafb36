"""What every payload profile gives."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from citypatrol.clock import Ts
from citypatrol.errors import Reject

LARGEST_PAYLOAD: Final = 65_536
"""Bytes. No reading of a sensor is longer; a picture or a firmware in the wrong topic is."""


class NotFinite(Reject):
    """A number that is infinite or not a number: it is kept aside and counted as such."""


class Reading(NamedTuple):
    """What one payload says.

    ``values``: metric and number; None is the metric that the topic or the configuration names.
    ``ts``: milliseconds, None where the payload has no time. ``ignored``: keys passed over because
    they hold no number. ``aside``: why the payload goes to the dead-letter store although the rest
    of it can be read.
    """

    values: Sequence[tuple[str | None, float]]
    ts: Ts | None = None
    ignored: int = 0
    aside: Reject | None = None


Profile = Callable[[bytes], Reading]
"""Raises ``Reject`` where nothing of the payload can be read. Pure: knows no topic, no clock."""


def shown(payload: bytes | str) -> str:
    """The start of what somebody sent, safe for a log line."""
    text = payload if isinstance(payload, str) else payload[:200].decode("utf-8", "replace")
    text = text if len(text) <= 40 else f"{text[:40]}..."
    return text.encode("unicode_escape", "replace").decode() if not text.isprintable() else text
