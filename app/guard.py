"""Who may ask what over HTTP: pure decisions on a request's method, path and headers.

Three dangers: a stranger on the network (token), a web page in the operator's browser that posts to
us (Origin), and one that makes its own name point at 127.0.0.1 (Host; DNS rebinding).
"""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from citypatrol.secret import Secret

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS: Final = ("/healthz", "/readyz", "/source.zip")
OPEN_FOLDERS: Final = ("/static/", "/evidence/", "/api/v1/callbacks/")
"""Open to anybody: pictures and callbacks carry a signature, which their routes check."""
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    title: str
    detail: str


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``; a name other than ``localhost`` is not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(header: str) -> str:
    """The name in a Host header, lower case, without port and brackets; '' for nonsense."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Guard:
    """``token``: asked for beyond the open paths. ``hosts``: names we answer to, any if None."""

    token: Secret | None = None
    hosts: frozenset[str] | None = LOOPBACK_NAMES

    @classmethod
    def of(cls, *, listen_host: str, public_url: str, token: Secret | None) -> "Guard":
        """With a token any name may be asked (a rebound page does not know the token)."""
        if token is not None:
            return cls(token=token, hosts=None)
        public = urlsplit(public_url).hostname or ""
        return cls(hosts=LOOPBACK_NAMES | {public.lower(), listen_host.lower()} - {""})

    def refuse(self, *, method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """None: go on. ``headers`` have lower-case names."""
        host = headers.get("host", "")
        if self.hosts is not None and host_of(host) not in self.hosts:
            detail = (
                "this server answers to its own names only; set http.public_url to the name that "
                "you use, and http.token"
            )
            return Refusal(421, "Misdirected Request", detail)
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            return None
        if not self.knows(headers):
            detail = "send the token: 'Authorization: Bearer ...', or as password of any user name"
            return Refusal(401, "Unauthorized", detail)
        if method not in _SAFE_METHODS and not _own_origin(headers, host=host):
            detail = "a page of another site may not change anything here"
            return Refusal(403, "Forbidden", detail)
        return None

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether the request may see what is not open: no token is set, or it brings it."""
        if self.token is None:
            return True
        scheme, _, text = headers.get("authorization", "").partition(" ")
        given = text.strip()
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.encode(), self.token.reveal().encode())


def _own_origin(headers: Mapping[str, str], *, host: str) -> bool:
    """Programs send neither header; a browser tells whose page it is. It speaks of the name that it
    knows us by, which a proxy may have changed on the way to ``host``."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or (origin != "null" and urlsplit(origin).netloc == host)
