"""The doctor at real services, and at services that are ill."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.doctor.mqtt import knock
from app.doctor.services import look
from app.process import load_or_raise
from bench.flood import Flood
from bench.servers.clip import make_clip
from bench.servers.free_port import free_port
from bench.servers.influx import influxdb
from bench.servers.mosquitto import STOCK, mosquitto
from bench.servers.rtsp import rtsp_server
from citypatrol.secret import Secret
from ingest.broker import Broker
from tests.app.a_city import FILES, change, write_city

FILTERS = ["city/+/+/+/+", "other/+"]


@contextmanager
def _answering(data: bytes) -> Iterator[int]:
    """A server on loopback that says ``data`` to whoever comes, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(20)
                    connection.recv(4096)
                    connection.sendall(data)
                    over.wait(0.5)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            socket.create_connection(server.getsockname()).close()
            thread.join(30)


class TestKnock:
    async def test_a_well_broker(self):
        with mosquitto() as broker:
            found = await knock(Broker("127.0.0.1", broker.port), FILTERS)
        assert (found.ok, found.detail) == (
            True,
            "takes an anonymous client, grants 2 topic filters",
        )

    async def test_a_small_window_is_said_with_what_to_set(self):
        with mosquitto(conf=STOCK) as broker:
            flood = Flood(broker.port, devices=100, first=0)
            publishing = asyncio.create_task(asyncio.to_thread(flood.run, rate=200, seconds=4))
            await asyncio.sleep(0.3)
            found = await knock(Broker("127.0.0.1", broker.port), ["city/#"])
            flood.stopping = True
            await publishing
        assert not found.ok
        assert found.detail.startswith("sends 20 messages and then waits for their PUBACKs")
        assert "max_inflight_messages 1000" in found.detail

    async def test_a_wrong_password_is_named_and_not_shown(self):
        with mosquitto(users={"city": "right"}) as broker:
            good = Broker("127.0.0.1", broker.port, "city", Secret("right"))
            bad = Broker("127.0.0.1", broker.port, "city", Secret("wr0ng"))
            assert (await knock(good, FILTERS)).ok
            found = await knock(bad, FILTERS)
        assert not found.ok
        assert found.detail.endswith(
            "refused user 'city': wrong user name or password, or not authorised"
        )
        assert "wr0ng" not in str(found)

    async def test_nobody_listens(self):
        found = await knock(Broker("127.0.0.1", free_port()), FILTERS)
        assert not found.ok
        assert "connection refused" in found.detail

    @pytest.mark.parametrize(
        ("says", "detail"),
        [
            pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak MQTT", id="http"),
            pytest.param(b"\x20\x02\x00\x05", "not authorised", id="CONNACK 5"),
            pytest.param(
                b"\x20\x02\x00\x00\x90\x04\x00\x01\x01\x80",
                "refused an anonymous client the subscription to `other/+`",
                id="SUBACK 0x80",
            ),
            pytest.param(
                b"\x20\x02\x00\x00\x90\x04\x00\x01\x00\x00", "grants QoS 0 only", id="QoS 0"
            ),
            pytest.param(b"\x20\xff\xff\xff\xff\xff", "does not speak MQTT", id="endless length"),
            pytest.param(b"", "does not speak MQTT", id="closes"),
        ],
    )
    async def test_what_a_broker_may_say(self, says, detail):
        with _answering(says) as port:
            found = await knock(Broker("127.0.0.1", port), FILTERS)
        assert not found.ok
        assert detail in found.detail

    async def test_a_broker_that_says_nothing_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            found = await knock(
                Broker("127.0.0.1", server.getsockname()[1]), FILTERS, patience_s=0.3
            )
        assert not found.ok
        assert "did not answer" in found.detail

    async def test_a_retained_message_in_between_is_let_go(self):
        publication = b"\x30\x05\x00\x01ahi"
        says = b"\x20\x02\x00\x00" + publication + b"\x90\x04\x00\x01\x01\x01"
        with _answering(says) as port:
            assert (await knock(Broker("127.0.0.1", port), FILTERS)).ok


def _city(folder: Path, **changed: str) -> Path:
    """Without cameras and InfluxDB unless a test wants them."""
    text = changed.pop("city", FILES["city.yaml"])
    text = text.replace("cameras: cameras.yaml\n", "")
    write_city(folder, city=text, **changed)
    return folder / "city.yaml"


async def test_everything_is_well(tmp_path):
    with mosquitto() as broker, influxdb() as influx:
        http, hooks = free_port(), free_port()
        text = (
            FILES["city.yaml"]
            .replace("1883", str(broker.port))
            .replace("http://127.0.0.1:8086", influx.url)
            .replace("127.0.0.1:8080", f"127.0.0.1:{http}")
            .replace("[10.20.0.0/16]", "[127.0.0.0/8]")
        )
        units = FILES["units.yaml"].replace("https://roads.example", f"http://127.0.0.1:{hooks}")
        path = _city(tmp_path, city=text, units=units)
        with socket.create_server(("127.0.0.1", hooks)):
            findings = await look(load_or_raise(path))
    assert [finding for finding in findings if not finding.ok] == []
    assert [finding.service for finding in findings] == [
        "journal", "tickets", "history", "evidence", f"mqtt://127.0.0.1:{broker.port}",
        "webhook roads", f"influx {influx.url}", "http",
    ]  # fmt: skip
    assert not (tmp_path / "data").exists(), "the doctor makes nothing"


async def test_everything_is_ill_and_said_at_once(tmp_path):
    dead = free_port()
    text = (
        FILES["city.yaml"]
        .replace("1883", str(dead))
        .replace("http://127.0.0.1:8086", f"http://127.0.0.1:{dead}")
        .replace("[10.20.0.0/16]", "[]")
        .replace("path: data/journal.db", "path: file/journal.db")
        .replace("sqlite:///data/tickets.db", f"postgresql+psycopg://u:s3cret@127.0.0.1:{dead}/d")
    )
    units = FILES["units.yaml"].replace("https://roads.example", "https://no-such.invalid")
    path = _city(tmp_path, city=text, units=units)
    (tmp_path / "file").write_text("no folder")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path.write_text(path.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
        taken.close()
        findings = await look(load_or_raise(path))
    said = {finding.service.split(" ")[0]: finding for finding in findings if not finding.ok}
    assert set(said) == {"journal", "tickets", f"mqtt://127.0.0.1:{dead}", "webhook", "influx"}
    assert "cannot be written" in said["journal"].detail
    assert "is the server up" in said["tickets"].detail
    assert "no-such.invalid: the host name is not known" in said["webhook"].detail
    assert "does not answer" in said["influx"].detail
    assert "s3cret" not in str(findings)


@pytest.mark.parametrize(
    ("sink", "detail"),
    [
        pytest.param("version: 1, url: URL, db: nosuch", "has no such bucket", id="no database"),
        pytest.param("version: 1, url: URL, db: city", None, id="well"),
    ],
)
async def test_influx(tmp_path, sink, detail):
    with influxdb() as influx:
        text = change("city", 'version: 1, url: "http://127.0.0.1:8086", db: city', sink)["city"]
        path = _city(tmp_path, city=text.replace("URL", f'"{influx.url}"'))
        findings = await look(load_or_raise(path))
    [found] = [finding for finding in findings if finding.service.startswith("influx")]
    assert found.ok is (detail is None)
    assert detail is None or detail in found.detail


async def test_a_webhook_to_a_private_name_is_refused(tmp_path):
    async def inside(host: str, port: int, family: socket.AddressFamily) -> list[str]:
        return ["10.1.2.3"]

    findings = await look(load_or_raise(_city(tmp_path)), lookup=inside)
    [found] = [finding for finding in findings if finding.service == "webhook roads"]
    assert not found.ok
    assert found.detail.startswith("roads.example is 10.1.2.3, which is no public address")


async def test_cameras_are_looked_through(tmp_path):
    (tmp_path / "clips").mkdir()
    make_clip(tmp_path / "clips" / "street.mp4")
    with rtsp_server(tmp_path / "clips") as server:
        cameras = CAMERAS.format(well=server.url("street.mp4", user="u:p4ss"), dead=free_port())
        write_city(tmp_path, cameras=cameras)
        findings = await look(load_or_raise(tmp_path / "city.yaml"))
    well, dead = (finding for finding in findings if finding.service.startswith("camera"))
    assert (well.service, well.ok) == ("camera cam-1", True)
    assert "a picture of" in well.detail
    assert (dead.service, dead.ok) == ("camera cam-2", False)
    assert dead.detail.endswith("is the camera on, and is the port right?")
    assert "p4ss" not in str(findings)


CAMERAS = """\
cameras:
  - {{id: cam-1, url: "{well}", every: 1s}}
  - {{id: cam-2, url: "rtsp://v:p4ss@127.0.0.1:{dead}/stream", every: 1s}}
"""


def test_the_command_says_it_with_status_3(tmp_path, capsys):
    from app.cli import main

    path = _city(tmp_path, city=FILES["city.yaml"].replace("1883", str(free_port())))
    assert main(["--json", "doctor", str(path)]) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"service", "ok", "detail"} == set(lines[0])
    assert main(["doctor", str(path)]) == 3
    out = capsys.readouterr().out
    assert "ILL   mqtt://127.0.0.1:" in out
    assert "well  http: " in out
