"""TLS with client certificates at a real broker, and what is said where it fails: by the input and
by the doctor the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from app.doctor.mqtt import knock
from bench.servers.certificates import Authority, Certificate, make_authority
from bench.servers.ingest import Device, Ingest, running
from bench.servers.mosquitto import Mosquitto, mosquitto
from ingest.broker import Broker

TOPIC = "city/gc/water/ws-1/level"

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning",  # of a failed handshake
    "ignore:.*ssl.SSLSocket:ResourceWarning",
)


class Papers(NamedTuple):
    authority: Authority
    stranger: Authority
    client: Certificate
    expired: Certificate
    strange: Certificate


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    authority = make_authority(tmp_path_factory.mktemp("city"))
    stranger = make_authority(tmp_path_factory.mktemp("stranger"))
    return Papers(
        authority,
        stranger,
        authority.client("ingest"),
        authority.expired_client("old"),
        stranger.client("strange"),
    )


def _listener(server: Certificate, authority: Authority) -> str:
    return (
        f"cafile {authority.pem}\ncertfile {server.pem}\nkeyfile {server.key}\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )


@pytest.fixture(scope="module")
def strict(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker that lets nobody in without a certificate."""
    server = papers.authority.server("broker", host="IP:127.0.0.1")
    lines = _listener(server, papers.authority)
    with mosquitto(folder=tmp_path_factory.mktemp("broker"), listener=lines) as broker:
        yield broker


def _url(broker: Mosquitto) -> str:
    return broker.url.replace("mqtt:", "mqtts:")


async def test_a_client_certificate_lets_readings_in(
    tmp_path: Path, papers: Papers, strict: Mosquitto
) -> None:
    options = {"ca": papers.authority.pem, "cert": papers.client.pem, "key": papers.client.key}
    async with running(Ingest(tmp_path, _url(strict), options)) as ingest:
        await ingest.ready()
        device = Device(
            strict.port, tls=(papers.authority.pem, papers.client.pem, papers.client.key)
        )
        device.publish(TOPIC, "3.5")
        assert (await ingest.samples(at_least=1))[0].value == 3.5
        device.close()
    broker = _broker(strict, ca=papers.authority.pem, mine=papers.client)
    assert (await knock(broker, ["city/+"])).ok


def _broker(broker: Mosquitto, *, ca: Path | None, mine: Certificate | None) -> Broker:
    cert, key = (mine.pem, mine.key) if mine else (None, None)
    return Broker("127.0.0.1", broker.port, tls=True, ca=ca, cert=cert, key=key)


async def _both_say(folder: Path, broker: Broker, says: str) -> None:
    options = {"ca": broker.ca, "cert": broker.cert, "key": broker.key}
    given = {name: path for name, path in options.items() if path is not None}
    async with running(Ingest(folder, broker.url, given)) as ingest:
        assert broker.url in await ingest.waits_for(says)
    found = await knock(broker, ["city/+"])
    assert (found.ok, says in found.detail) == (False, True), found


@pytest.mark.parametrize(
    ("client", "says"),
    [
        pytest.param(None, "in without a client certificate; set `cert` and `key`", id="none"),
        pytest.param("expired", "refused the client certificate {}/old.pem", id="expired"),
        pytest.param("strange", "refused the client certificate {}/strange.pem", id="stranger's"),
    ],
)
async def test_client_certificates_that_are_refused(
    tmp_path: Path, papers: Papers, strict: Mosquitto, client: str | None, says: str
) -> None:
    """Mosquitto says why and closes; where its reset overtakes that, the reason is a guess."""
    mine = getattr(papers, client) if client else None
    says = says.format(mine.pem.parent) if mine else says
    await _both_say(tmp_path, _broker(strict, ca=papers.authority.pem, mine=mine), says)


async def test_an_authority_that_did_not_sign(
    tmp_path: Path, papers: Papers, strict: Mosquitto
) -> None:
    says = f"the authority in {papers.stranger.pem} did not sign it; set `ca`"
    await _both_say(tmp_path, _broker(strict, ca=papers.stranger.pem, mine=papers.client), says)


async def test_no_authority_at_all(tmp_path: Path, papers: Papers, strict: Mosquitto) -> None:
    says = "set `ca` to the certificate of the authority that signed it"
    await _both_say(tmp_path, _broker(strict, ca=None, mine=papers.client), says)


async def test_a_file_that_is_not_there(tmp_path: Path, strict: Mosquitto) -> None:
    says = "nowhere.pem is not there; look at `ca`, `cert` and `key`"
    await _both_say(tmp_path, _broker(strict, ca=tmp_path / "nowhere.pem", mine=None), says)


async def test_a_file_that_is_no_certificate(tmp_path: Path, strict: Mosquitto) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    says = "`ca`, `cert` or `key` cannot be used"
    await _both_say(tmp_path, _broker(strict, ca=tmp_path / "ca.pem", mine=None), says)


@pytest.mark.parametrize(
    ("host", "valid", "says"),
    [
        pytest.param("DNS:elsewhere", True, "is not for '127.0.0.1'; write the host", id="host"),
        pytest.param("IP:127.0.0.1", False, "has expired; renew it at the broker", id="expired"),
    ],
)
async def test_a_broker_with_the_wrong_certificate(
    tmp_path: Path, papers: Papers, host: str, valid: bool, says: str
) -> None:
    authority = papers.authority
    make = authority.server if valid else authority.expired_server
    lines = _listener(make(f"broker-{valid}", host=host), authority)
    with mosquitto(folder=tmp_path / "broker", listener=lines) as broker:
        await _both_say(tmp_path, _broker(broker, ca=authority.pem, mine=papers.client), says)
