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


def _alert(name: str) -> ssl.SSLError:
    error = ssl.SSLError(1, name)
    error.reason = name
    return error


@pytest.mark.parametrize(
    ("name", "cert", "says"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", None, "lets nobody in without a client certificate"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", None, "lets nobody in without a client certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "me.pem", "me.pem: it does not know the authority"),
        ("tlsv1 alert unknown ca", "me.pem", "me.pem: it does not know the authority"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "me.pem", "me.pem: it has expired; renew it"),
        ("SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "me.pem", "me.pem: it has expired; renew it"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "me.pem", "me.pem: it was revoked"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "me.pem", "TLS failed (TLSV1_ALERT_INTERNAL_ERROR)"),
    ],
)
def test_what_a_broker_says_of_our_certificate(name: str, cert: str | None, says: str) -> None:
    """The names are OpenSSL's, of several releases."""
    broker = Broker("h", 8883, tls=True, cert=Path(cert) if cert else None)
    assert says in broker.failure(_alert(name), waited_s=5)
    assert says in broker.cut_off(_alert(name))


@pytest.mark.parametrize(
    ("broker", "says"),
    [
        (BROKER, "does not speak MQTT; is the port right, or does it want mqtts://?"),
        (Broker("h", 8883, tls=True), "perhaps it lets nobody in without a client certificate"),
        (
            Broker("h", 1, tls=True, cert=Path("me.pem")),
            "perhaps it refused the client certificate",
        ),
    ],
    ids=["plain", "no certificate", "certificate"],
)
def test_a_connection_that_ends_before_any_answer(broker: Broker, says: str) -> None:
    assert says in broker.cut_off(None)
    assert says in broker.cut_off(ConnectionResetError(104, "reset"))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (9, "not valid yet; is this machine's clock wrong?"),
        (10, "has expired; renew it at the broker"),
        (18, "is not trusted (because); set `ca` to the certificate of the authority"),
        (26, "cannot be used (because); have a new one made"),
        (62, "is not for '127.0.0.1'; write the host in `url`"),
    ],
)
def test_why_a_brokers_certificate_is_refused(code: int, says: str) -> None:
    """The numbers are OpenSSL's X509_V_ERR_..."""
    error = ssl.SSLCertVerificationError(1, "because")
    error.verify_code, error.verify_message = code, "because"
    assert says in BROKER.failure(error, waited_s=5)
