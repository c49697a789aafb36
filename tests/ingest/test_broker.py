import socket
import ssl
from pathlib import Path

import pytest

from citypatrol.secret import Secret
from ingest.broker import Away, Broker

BROKER = Broker("127.0.0.1", 1883, username="ingest", password=Secret("canary"))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionRefusedError(111, "refused"), "nobody listens at mqtt://127.0.0.1:1883"),
        (socket.gaierror(-2, "Name or service not known"), "the host name is not known"),
        (TimeoutError(), "did not answer within 5 s; is the address right?"),
        (ssl.SSLError(1, "wrong version number"), "does that port speak TLS?"),
        (FileNotFoundError(2, "no such file", "ca.pem"), "ca.pem is not there; look at `ca`"),
        (OSError(113, "No route to host"), "mqtt://127.0.0.1:1883: [Errno 113] No route to host"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_why_there_is_no_connection(error: Exception, says: str) -> None:
    said = BROKER.failure(error, waited_s=5)
    assert says in said
    assert "canary" not in said


@pytest.mark.parametrize("code", [4, 5, 134, 135])
def test_a_refused_user_is_named(code: int) -> None:
    assert "refused user 'ingest': wrong user name or password" in BROKER.refusal(code, "")


def test_any_other_refusal_is_quoted() -> None:
    assert BROKER.refusal(3, "Server unavailable").endswith("the connection: Server unavailable")


def test_an_address_of_ipv6_is_in_brackets() -> None:
    assert Broker("::1", 8883, tls=True).url == "mqtts://[::1]:8883"


def test_a_missing_file_is_named_before_anything_is_read(tmp_path: Path) -> None:
    broker = Broker("h", 8883, tls=True, cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with pytest.raises(FileNotFoundError) as error:
        broker.tls_context()
    assert error.value.filename == str(tmp_path / "cert.pem")


def test_a_file_that_is_no_certificate_is_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    broker = Broker("h", 8883, tls=True, ca=tmp_path / "ca.pem")
    with pytest.raises(Away, match="`ca`, `cert` or `key` cannot be used"):
        broker.tls_context()
