"""Dead letters as the API and the terminal see them."""

import base64
from typing import Any, Final

from citypatrol.clock import rfc3339
from citypatrol.dead import DeadLetter
from citypatrol.dead_desk import Done, Group

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


def group_json(group: Group) -> dict[str, Any]:
    """``cause``: a reason with ``…`` for what is each letter's own."""
    return {
        "kind": group.kind,
        "cause": group.cause,
        "count": group.count,
        "oldest": rfc3339(group.oldest),
        "newest": rfc3339(group.newest),
        "newest_id": group.newest_id,
    }


def deed_json(done: Done) -> dict[str, Any]:
    return {
        "letter": done.letter,
        "deed": done.deed,
        "who": done.who,
        "at": rfc3339(done.at),
        "note": done.note,
        "reason": done.reason,
    }
