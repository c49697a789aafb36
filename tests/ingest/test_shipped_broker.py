"""A real Mosquitto on the files of ``deploy/mosquitto``: who may publish as whom."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bench.servers.ingest import PATIENCE_S, Ingest, running
from bench.servers.mosquitto import Mosquitto, as_shipped
from citypatrol.records import SourceSeen
from citypatrol.secret import Secret

CITY = {"username": "citypatrol", "password": Secret("city")}
USERS = {"citypatrol": "city", "ws-1": "one", "ws-2": "two", "gw-1": "gate"}
TOPICS = {
    "topics": [
        {"match": "city/{district}/{kind}/{source}/{metric}", "payload": "plain"},
        {"match": "city/{district}/{kind}/{source}", "payload": "json"},
        {"match": "gateways/{gateway}/v1/gateway/telemetry", "payload": "thingsboard"},
        {"match": "gateways/{gateway}/zigbee2mqtt/{source}", "payload": "zigbee2mqtt"},
    ]
}
NOT_AUTHORISED = 135


class Shipped(NamedTuple):
    broker: Mosquitto
    tls_port: int


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    with as_shipped(folder=tmp_path_factory.mktemp("shipped"), users=USERS) as (broker, tls_port):
        yield Shipped(broker, tls_port)


class Client:
    """MQTT 5, in which the broker says of each message whether it may be."""

    def __init__(self, port: int, user: str | None, *, ca: Path | None = None) -> None:
        self.connected: list[int] = []
        self._published: dict[int, int] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        if user is not None:
            self._client.username_pw_set(user, USERS[user])
        if ca is not None:
            self._client.tls_set(str(ca))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_connect(self, _: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        self.connected.append(reason.value)

    def _on_publish(self, _: Any, __: Any, mid: int, reason: Any, ___: Any) -> None:
        self._published[mid] = reason.value

    def may_publish(self, topic: str, payload: str) -> bool:
        mid = self._client.publish(topic, payload, qos=1).mid
        _wait(lambda: mid in self._published)
        assert self._published[mid] in (0, 16, NOT_AUTHORISED)
        return self._published[mid] != NOT_AUTHORISED

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_each_device_speaks_for_itself_and_the_city_hears_it(
    tmp_path: Path, shipped: Shipped
) -> None:
    async with running(Ingest(tmp_path, shipped.broker.url, {**CITY, **TOPICS})) as ingest:
        await ingest.ready()
        device = Client(shipped.tls_port, "ws-1", ca=shipped.broker.folder / "tls" / "ca.pem")
        allowed = {
            "city/gc/water/ws-1": '{"battery": 1}',
            "city/gc/water/ws-1/level": "2",
            "city/gc/water/ws-1/status": "online",
        }
        forbidden = [
            "city/gc/water/ws-2",
            "city/gc/water/ws-2/level",
            "city/gc/water/ws-2/status",
            "city/gc/ws-1/ws-2/level",
            "city/ws-1/level",
            "gateways/gw-1/v1/gateway/telemetry",
            "gateways/gw-1/zigbee2mqtt/lamp",
            "elsewhere",
        ]
        assert {topic: device.may_publish(topic, "9") for topic in forbidden} == dict.fromkeys(
            forbidden, False
        )
        for topic, payload in allowed.items():
            assert device.may_publish(topic, payload), topic
        gateway = Client(shipped.broker.port, "gw-1")
        assert gateway.may_publish("gateways/gw-1/v1/gateway/telemetry", '{"d-1": [{"t": 3}]}')
        assert gateway.may_publish("gateways/gw-1/zigbee2mqtt/hall/lamp", '{"state": "ON"}')
        assert not gateway.may_publish("gateways/gw-2/v1/gateway/telemetry", "{}")
        found = await ingest.samples(at_least=5)
        seen = [one for one in await ingest.records() if isinstance(one, SourceSeen)]
        device.close()
        gateway.close()
    assert {row[:2]: row.value for row in found} == {
        ("ws-1", "battery"): 1.0,
        ("ws-1", "level"): 2.0,
        ("ws-1", "online"): 1.0,
        ("d-1", "t"): 3.0,
        ("hall/lamp", "state"): 1.0,
    }
    assert {one.source: one.labels for one in seen} == {
        "ws-1": {"district": "gc", "kind": "water"},
        "d-1": {"gateway": "gw-1"},
        "hall/lamp": {"gateway": "gw-1"},
    }, "nobody is registered, and nobody is refused"


@pytest.mark.parametrize("user", [None, "citypatrol"])
def test_nobody_is_anonymous_and_the_city_only_reads(shipped: Shipped, user: str | None) -> None:
    client = Client(shipped.broker.port, user)
    _wait(lambda: client.connected)
    if user is None:
        assert client.connected[0] == NOT_AUTHORISED
    else:
        assert client.connected[0] == 0
        assert not client.may_publish("city/gc/water/ws-1/level", "9")
    client.close()


def test_the_tls_listener_shows_a_certificate_that_checks_strictly(shipped: Shipped) -> None:
    """As Python 3.13 and later do by default."""
    context = ssl.create_default_context(cafile=shipped.broker.folder / "tls" / "ca.pem")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    address = ("127.0.0.1", shipped.tls_port)
    with (
        socket.create_connection(address, timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
