"""Dead letters as the API and the terminal see them."""

import base64
from typing import Any, Final

from citypatrol.clock import rfc3339
from citypatrol.dead import DeadLetter

_SHOWN: Final = 200


def dead_json(letter: DeadLetter) -> dict[str, Any]:
    """With the first of its payload as text; what is no text is shown in escapes."""
    return {
        "id": letter.id,
        "kind": letter.kind,
        "origin": letter.origin,
        "reason": letter.reason,
        "at": rfc3339(letter.at),
        "note": letter.note,
        "size": len(letter.payload),
        "payload": letter.payload[:_SHOWN].decode("utf-8", "backslashreplace"),
    }


def whole_json(letter: DeadLetter) -> dict[str, Any]:
    """With the whole payload too, in base64."""
    return {**dead_json(letter), "payload_base64": base64.b64encode(letter.payload).decode()}
