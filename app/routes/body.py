"""What somebody posts, read without trust in what they say of its length."""

from typing import Final

from fastapi import Request

from app.problems import Problem

MOST_BYTES: Final = 64_000


async def read_body(request: Request) -> bytes:
    """At most 64 kB, however long the sender says it is."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            raise Problem(413, f"at most {MOST_BYTES} bytes are read")
    return bytes(parts)
