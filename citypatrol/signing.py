"""Signatures: Standard Webhooks (https://www.standardwebhooks.com, spec version 1), and the links
to evidence pictures."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from citypatrol.secret import Secret

Key = Secret | str | bytes
"""A webhook secret as ``whsec_...`` (Secret or text), or its key as bytes."""

_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)
_SECONDS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


class SignatureError(Exception):
    """Not signed by whom it says, or not now; the text says which and never holds the key."""


def parse_secret(secret: Secret | str) -> bytes:
    """The key of ``whsec_`` + base64 of 24 to 64 bytes; ValueError (without the text) else."""
    text = secret.reveal() if isinstance(secret, Secret) else secret
    key = b""
    if text.startswith(_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):  # ValueError: not ASCII
            key = b""
    if len(key) not in _KEY_BYTES:
        message = "this is no webhook secret; write whsec_ and the base64 of 24 to 64 random bytes"
        raise ValueError(message)
    return key


def sign(secret: Key, *, id: str, timestamp_s: int, body: bytes) -> str:
    """The ``webhook-signature`` header: ``v1,`` and the base64 of HMAC-SHA256 over id.time.body."""
    return "v1," + base64.b64encode(_digest(secret, id, str(timestamp_s), body)).decode()


def verify(
    secret: Key,
    *,
    headers: Mapping[str, str],
    body: bytes,
    now_s: int,
    tolerance_s: int = 300,
) -> None:
    """SignatureError where none of the header's signatures is right or its time is not now.

    Names of headers in any case; ``webhook-signature`` may hold several, with spaces between, as
    while a secret is exchanged; versions other than ``v1`` are passed over.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if not given.get(name):
            message = f"header {name} is missing"
            raise SignatureError(message)
    sent_at = given["webhook-timestamp"]
    if not _SECONDS.fullmatch(sent_at):
        message = f"webhook-timestamp is no number of seconds: {sent_at[:40]!r}"
        raise SignatureError(message)
    away = int(sent_at) - now_s
    if abs(away) > tolerance_s:
        when = "ahead of" if away > 0 else "behind"
        message = f"webhook-timestamp is {abs(away)} s {when} now; {tolerance_s} s are allowed"
        raise SignatureError(message)
    expected = _digest(secret, given["webhook-id"], sent_at, body)
    right = False
    for signature in given["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        right |= version == "v1" and hmac.compare_digest(expected, _decoded(value))
    if not right:
        message = "no signature of webhook-signature is right for this secret"
        raise SignatureError(message)


def sign_evidence(key: Key, sha: str, expires: int) -> str:
    """64 hex digits for ``/evidence/{sha}.jpg?expires={expires}&signature=...`` (epoch seconds)."""
    text = f"evidence\0{sha}\0{expires}".encode()
    return hmac.new(_key(key), text, hashlib.sha256).hexdigest()


def verify_evidence(key: Key, sha: str, *, expires: int, signature: str, now_s: int) -> None:
    """SignatureError where the link is not ours or its time is over."""
    expected = sign_evidence(key, sha, expires).encode()
    if not hmac.compare_digest(expected, signature.encode("utf-8", "surrogateescape")):
        message = f"the link to evidence {sha[:8]} is not signed by us"
        raise SignatureError(message)
    if now_s >= expires:
        message = f"the link to evidence {sha[:8]} ended {now_s - expires} s ago"
        raise SignatureError(message)


def _digest(secret: Key, id: str, timestamp: str, body: bytes) -> bytes:
    text = f"{id}.{timestamp}.".encode() + body
    return hmac.new(_key(secret), text, hashlib.sha256).digest()


def _key(secret: Key) -> bytes:
    return secret if isinstance(secret, bytes) else parse_secret(secret)


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""
