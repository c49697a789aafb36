"""An MQTT broker's address, and why it cannot be had, in words that say the way out."""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from citypatrol.secret import Secret

_NOT_AUTHORISED = (4, 5, 134, 135)
"""CONNACK codes of MQTT 3.1.1 (3.2.2.3), and as MQTT 5 numbers them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a broker is waited for, in seconds: for TCP and TLS, for an answer to CONNECT and
    SUBSCRIBE, and between signs of life."""

    connect_s: float = 5.0
    answer_s: float = 10.0
    keepalive_s: int = 30


class Away(Exception):
    """The broker cannot be had for now; says why and the way out."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to connect, and as whom."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"

    @property
    def who(self) -> str:
        return f"user '{self.username}'" if self.username else "an anonymous client"

    def tls_context(self) -> ssl.SSLContext:
        """Read from the files at each connect: certificates are renewed while we run.

        Raises OSError for a file that is not there, Away for one that is no certificate or key.
        """
        for path in (self.ca, self.cert, self.key):
            if path is not None and not path.is_file():
                raise FileNotFoundError(2, "no such file", str(path))
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        except ssl.SSLError as error:
            message = f"{self.url}: `ca`, `cert` or `key` cannot be used ({_reason(error)})"
            raise Away(message) from error
        return context

    def refusal(self, code: int, text: str) -> str:
        """What a CONNACK with a failure means."""
        if code in _NOT_AUTHORISED:
            return f"{self.url} refused {self.who}: wrong user name or password, or not authorised"
        return f"{self.url} refused the connection: {text}"

    def failure(self, error: Exception, *, waited_s: float) -> str:
        """Why there is no connection."""
        url = self.url
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{url}: its certificate is not trusted ({error.verify_message}); set `ca`"
        if isinstance(error, ssl.SSLError):
            return f"{url}: TLS failed ({_reason(error)}); does that port speak TLS?"
        if isinstance(error, FileNotFoundError):
            return f"{url}: {error.filename} is not there; look at `ca`, `cert` and `key`"
        if isinstance(error, socket.gaierror):
            return f"{url}: the host name is not known ({error.strerror})"
        if isinstance(error, ConnectionRefusedError):
            return f"nobody listens at {url} (connection refused); is the broker up?"
        if isinstance(error, TimeoutError):
            return f"{url} did not answer within {waited_s:.0f} s; is the address right?"
        return f"{url}: {error}"


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "reason", None) or str(error)
