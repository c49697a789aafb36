"""Broker, InfluxDB and webhook receiver on the far side of a router, each to be taken away at will:
stopped, so that connections are refused, or behind a router that loses every packet.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, Protocol

from bench.hooks import Hooks
from bench.servers.influx import INFLUXD_CONF, Influx
from bench.servers.mosquitto import Mosquitto, mosquitto
from bench.servers.need import need
from bench.servers.network import Network

MQTT_PORT, INFLUX_PORT, HOOKS_PORT = 1883, 8086, 9000
_STARTS_S: Final = 60.0


class Server(Protocol):
    """``start`` and ``stop`` run on the servers' side."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(slots=True)
class Influxd:
    """InfluxDB 1.x; what it has stays over a stop."""

    folder: Path
    address: str
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def server(self) -> Influx:
        return Influx(f"http://{self.address}:{INFLUX_PORT}", "city")

    def start(self) -> None:
        conf = self.folder / "influxdb.conf"
        if not conf.exists():
            self.folder.mkdir(parents=True)
            text = INFLUXD_CONF.format(folder=self.folder, port=INFLUX_PORT, rpc=8088)
            own = f"127.0.0.1:{INFLUX_PORT}"
            conf.write_text(text.replace(own, f"{self.address}:{INFLUX_PORT}"))
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(need("influxd")), "-config", str(conf)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + _STARTS_S
        while True:
            try:
                self.server.query('CREATE DATABASE "city"')
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None


@dataclass(slots=True)
class Receiver:
    """A unit's endpoint."""

    address: str
    hooks: Hooks
    _server: ThreadingHTTPServer | None = field(default=None, init=False)

    def start(self) -> None:
        hooks = self.hooks

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hooks.take(self.headers["webhook-id"], body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet: the account at the end speaks."""

        self._server = ThreadingHTTPServer((self.address, HOOKS_PORT), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass(frozen=True, slots=True)
class Far:
    """The three, by name, and the addresses that they have."""

    network: Network
    addresses: dict[str, str]
    servers: dict[str, Server]
    broker: Mosquitto
    influx: Influx
    hooks: Hooks

    def refuse(self, name: str) -> None:
        self.network.there(self.servers[name].stop)

    def answer(self, name: str) -> None:
        self.network.there(self.servers[name].start)

    def lose(self, name: str) -> None:
        self.network.lose(self.addresses[name])

    def find(self, name: str) -> None:
        self.network.pass_on(self.addresses[name])


@contextmanager
def far_away(network: Network, folder: Path) -> Iterator[Far]:
    names = ("broker", "influx", "hooks")
    addresses = {name: network.address(number) for number, name in enumerate(names, start=3)}
    listener = f"listener {MQTT_PORT} {addresses['broker']}\n"
    with ExitStack() as stack:
        broker = network.there(
            lambda: stack.enter_context(mosquitto(folder=folder / "broker", listener=listener))
        )
        influxd = Influxd(folder / "influx", addresses["influx"])
        receiver = Receiver(addresses["hooks"], Hooks())
        for server in (influxd, receiver):
            stack.callback(network.there, server.stop)
            network.there(server.start)
        yield Far(
            network=network,
            addresses=addresses,
            servers={"broker": broker, "influx": influxd, "hooks": receiver},
            broker=broker,
            influx=influxd.server,
            hooks=receiver.hooks,
        )
