"""``payload: plain``: one number, ``ON``/``OFF`` or ``true``/``false``."""

import math
import re
from typing import Final

from citypatrol.errors import Reject
from ingest.profiles.reading import NotFinite, Reading, shown

_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_WORDS: Final = {b"on": 1.0, b"off": 0.0, b"true": 1.0, b"false": 0.0}
_NOT_FINITE: Final = re.compile(rb"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_LONGEST: Final = 64


def read_plain(payload: bytes) -> Reading:
    """Words in any case, space around is nothing. Raises ``Reject``."""
    text = payload.strip()
    if len(text) > _LONGEST:
        message = f"{len(payload):,} bytes, but a plain number has at most {_LONGEST}"
        raise Reject(message)
    if _NUMBER.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            message = f"`{shown(text)}` is not finite"
            raise NotFinite(message)
        return Reading(((None, value),))
    word = _WORDS.get(text.lower())
    if word is not None:
        return Reading(((None, word),))
    if _NOT_FINITE.fullmatch(text):
        message = f"`{shown(text)}` is not finite"
        raise NotFinite(message)
    message = f"`{shown(text)}` is neither a number nor ON, OFF, true or false"
    raise Reject(message)
