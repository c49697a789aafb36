"""Who asks: there are no logins yet, but a browser sends a name with the token."""

import base64
import binascii
from typing import Annotated

from fastapi import Request
from pydantic import Field

from tickets.desk import SOMEBODY

Who = Annotated[str, Field(min_length=1, max_length=100)]


def caller(request: Request, *, said: str | None) -> str:
    """What the caller says, else the user name of Basic authentication, else "the desk"."""
    if said:
        return said
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return SOMEBODY
    try:
        name = base64.b64decode(text, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return SOMEBODY
    return name[:100] or SOMEBODY
