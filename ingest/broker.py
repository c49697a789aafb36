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
            # Python 3.13 asks for every extension of RFC 5280; a city's own authority seldom has
            # them all. Chain, host and dates are checked all the same.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
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
        if isinstance(error, ssl.SSLError):
            return self._tls_failure(error)
        if isinstance(error, FileNotFoundError):
            return f"{url}: {error.filename} is not there; look at `ca`, `cert` and `key`"
        if isinstance(error, socket.gaierror):
            return f"{url}: the host name is not known ({error.strerror})"
        if isinstance(error, ConnectionRefusedError):
            return f"nobody listens at {url} (connection refused); is the broker up?"
        if isinstance(error, TimeoutError):
            return f"{url} did not answer within {waited_s:.0f} s; is the address right?"
        return f"{url}: {error}"

    def cut_off(self, error: Exception | None) -> str:
        """What it means that the connection was closed before the CONNACK. ``error``: what the
        socket said, None where it just ended."""
        if isinstance(error, ssl.SSLError) and _alert(error):
            return self._tls_failure(error)
        if not self.tls:
            return f"{self.url} does not speak MQTT; is the port right, or does it want mqtts://?"
        if self.cert is None:
            guess = "it lets nobody in without a client certificate; set `cert` and `key`"
        else:
            guess = (
                f"it refused the client certificate {self.cert}; is that valid, and known there?"
            )
        return f"{self.url} closed the connection before it answered: perhaps {guess}"

    def _tls_failure(self, error: ssl.SSLError) -> str:
        url = self.url
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{url}: {self._distrust(error)}"
        alert = _alert(error)
        if alert in _WANTS_ONE or (alert in _HANDSHAKE and self.cert is None):
            return f"{url} lets nobody in without a client certificate; set `cert` and `key`"
        if alert in _OF_OURS:
            return f"{url} refused the client certificate {self.cert}: {_OF_OURS[alert]}"
        return f"{url}: TLS failed ({_reason(error)}); does that port speak TLS?"

    def _distrust(self, error: ssl.SSLCertVerificationError) -> str:
        """OpenSSL's X509_V_ERR numbers, in words of ours."""
        code = error.verify_code
        if code == _EXPIRED:
            return "its certificate has expired; renew it at the broker, or is this clock wrong?"
        if code == _NOT_YET:
            return "its certificate is not valid yet; is this machine's clock wrong?"
        if code in _OTHER_HOST:
            return (
                f"its certificate is not for '{self.host}'; write the host in `url` as the"
                " certificate names it"
            )
        if code not in _UNKNOWN_AUTHORITY:
            return f"its certificate cannot be used ({error.verify_message}); have a new one made"
        if self.ca is None:
            way = "set `ca` to the certificate of the authority that signed it"
        else:
            way = f"the authority in {self.ca} did not sign it; set `ca` to the one that did"
        return f"its certificate is not trusted ({error.verify_message}); {way}"


_EXPIRED, _NOT_YET = 10, 9
_OTHER_HOST = (62, 64)
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
_WANTS_ONE = ("TLSV13_ALERT_CERTIFICATE_REQUIRED",)
_HANDSHAKE = ("SSLV3_ALERT_HANDSHAKE_FAILURE",)
_OF_OURS = {
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority that signed it",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired; renew it",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it was revoked; ask for a new one",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it cannot be used; is it for a client?",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it cannot be used; is it for a client?",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it is not for a client; ask for one that is",
}
"""What a broker says of the certificate that it was shown, by the name that OpenSSL gives it."""


def _alert(error: ssl.SSLError) -> str:
    """OpenSSL's name of the alert that the other side sent, in capitals; "" for no alert."""
    reason = (getattr(error, "reason", None) or "").upper().replace(" ", "_")
    reason = reason.replace("SSL/TLS_ALERT", "SSLV3_ALERT").replace("TLS_ALERT", "TLSV1_ALERT")
    return reason if "_ALERT_" in reason else ""


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "reason", None) or str(error)
