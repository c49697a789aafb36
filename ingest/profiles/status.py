"""Last wills and availability: ``online`` or ``offline``, as text or as ``{"state": ...}``."""

from typing import Final

import orjson

from citypatrol.errors import Reject
from ingest.profiles.reading import ONLINE, Reading, shown

_WORDS: Final = {b"online": 1.0, b"offline": 0.0}
_LONGEST: Final = 200


def online(payload: bytes) -> float | None:
    """1 or 0 where the whole payload says it, None where it says anything else."""
    text = payload.strip().lower()
    if text[:1] != b"{" or len(text) > _LONGEST:
        return _WORDS.get(text)
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    state = found.get("state") if len(found) == 1 else None
    return _WORDS.get(state.encode()) if isinstance(state, str) else None


def read_status(payload: bytes) -> Reading:
    """Raises ``Reject``."""
    value = online(payload)
    if value is None:
        message = f"`{shown(payload)}` is neither `online` nor `offline`"
        raise Reject(message)
    return Reading(((ONLINE, value),))
