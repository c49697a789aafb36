"""What follows from one attempt at a delivery (pure). https://www.standardwebhooks.com"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from citypatrol.clock import Ts
from tickets.outbox import Result

SPREAD: Final = 0.1
"""Waits are up to a tenth longer, so that what failed together does not come back together."""
LONGEST_RETRY_AFTER_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint said; ``status`` None where no answer came, with ``reason``."""

    status: int | None
    reason: str = ""
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """``due_at`` is when the next attempt is due, None where there is none."""

    result: Result
    reason: str
    due_at: Ts | None = None


def outcome(
    answer: Answer, *, tries: int, schedule: Sequence[int], now: Ts, spread: float
) -> Outcome:
    """``tries`` attempts were made before this one; ``spread`` in 0..1 lengthens the wait.

    Only 2xx is success, a redirect is none; 410 Gone asks never to be called again; all else is
    tried again until the schedule ends, no earlier than Retry-After says.
    """
    if answer.status is not None and 200 <= answer.status < 300:
        return Outcome("accepted", answer.reason)
    reason = answer.reason
    if answer.status is not None:
        reason = f"HTTP {answer.status}" + (f": {reason}" if reason else "")
    if answer.status == 410:
        return Outcome("gone", reason, due_at=now)
    made = tries + 1
    if made >= len(schedule):
        return Outcome("dead", f"{reason}; this was attempt {made} of {len(schedule)}")
    wait = schedule[made] + round(schedule[made] * SPREAD * spread)
    asked = retry_after_ms(answer.retry_after, now=now)
    return Outcome("retry", reason, due_at=now + max(wait, asked))


def retry_after_ms(header: str | None, *, now: Ts) -> int:
    """RFC 9110, section 10.2.3: seconds or a date; 0 where there is neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 12:
        wait = int(text) * 1000
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return 0
        at = at.replace(tzinfo=at.tzinfo or UTC)
        wait = round(at.timestamp() * 1000) - now
    return max(0, min(wait, LONGEST_RETRY_AFTER_MS))
