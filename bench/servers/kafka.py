"""A real Apache Kafka, one KRaft node from the Maven jars: ``with kafka() as broker: ...``.

The jars (43 MB) are fetched once by Maven into ``CITYPATROL_CACHE``, by default
``~/.cache/citypatrol``.
"""

import base64
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench.servers.free_port import free_port
from bench.servers.need import need

VERSION = "4.3.0"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>citypatrol</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>{VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
<version>1.7.36</version></dependency>
</dependencies></project>
"""
_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/logs
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=4194304
"""
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""The request that every broker answers: size, key 18, version 0, correlation 1, no client id."""


def jars() -> Path:
    """The folder of Kafka's jars, fetched when it is not there yet."""
    root = Path(os.environ.get("CITYPATROL_CACHE") or Path.home() / ".cache" / "citypatrol")
    folder = root / "kafka" / VERSION
    if folder.is_dir():
        return folder
    maven = need("mvn")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as aside:
        Path(aside, "pom.xml").write_text(_POM)
        fetched = subprocess.run(
            [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs"],
            cwd=aside,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if fetched.returncode:
            message = f"Maven could not fetch Kafka {VERSION}: {fetched.stdout[-2000:]}"
            raise RuntimeError(message)
        # Another process may have been first: its folder is as good.
        with contextlib.suppress(OSError):
            Path(aside, "libs").rename(folder)
    return folder


class Kafka:
    """One node on one free port. ``stop`` and ``start`` again keep its data: an outage."""

    def __init__(self, folder: Path, *, java: Path, libs: Path) -> None:
        self._folder = folder
        self._java = [str(java), "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self._java += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{libs}/*"]
        self._port, controller = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._properties = folder / "server.properties"
        self._properties.write_text(
            _PROPERTIES.format(port=self._port, controller=controller, folder=folder)
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def format(self) -> None:
        tool = [*self._java, "kafka.tools.StorageTool"]
        new = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        subprocess.run(
            [*tool, "format", f"--cluster-id={new}", "-c", str(self._properties)],
            capture_output=True,
            timeout=60,
            check=True,
        )

    def start(self, *, timeout_s: float = 60) -> None:
        """Returns when the broker answers a request."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self._folder / "server.log").read_text(errors="replace")[-2000:]
                self.stop()
                message = f"Kafka did not start within {timeout_s} s; it said: {said}"
                raise RuntimeError(message)
            time.sleep(0.1)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after 15 s."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(15)
        self._process = None

    def kill(self) -> None:
        """SIGKILL: nothing is written any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(15)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as wire:
                wire.sendall(_API_VERSIONS)
                return len(wire.recv(8)) > 0
        except OSError:
            return False


@contextlib.contextmanager
def kafka() -> Iterator[Kafka]:
    """A fresh, empty broker; skips where there is no Java or Maven."""
    java = need("java")
    libs = jars()
    folder = Path(tempfile.mkdtemp(prefix="citypatrol-kafka-"))
    broker = Kafka(folder, java=java, libs=libs)
    try:
        broker.format()
        broker.start()
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)
