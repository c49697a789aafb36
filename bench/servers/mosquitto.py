"""A real Mosquitto: ``with mosquitto() as broker: ...``; stopped, killed and started at will."""

import base64
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.servers.free_port import free_port
from bench.servers.need import need

STURDY = """persistence true
autosave_interval 30
max_inflight_messages 1000
max_queued_messages 1000000
max_queued_bytes 1073741824
"""
"""What a city's broker should be given: it keeps what its subscribers have not acknowledged."""

STOCK = "persistence true\n"
"""In-flight window of 20, queue of 1,000, and silence about what does not fit."""

_DEPLOY = Path(__file__).parent.parent.parent / "deploy" / "mosquitto"
_STARTS_S = 20.0
_STOPS_S = 10.0


@dataclass(slots=True)
class Mosquitto:
    """One broker in one folder; its port stays the same over a restart."""

    folder: Path
    port: int
    program: Path
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Returns when it takes connections."""
        command = [str(self.program), "-c", str(self.folder / "mosquitto.conf")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _STARTS_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.kill()
        message = f"mosquitto does not answer on port {self.port}: {self.log[-2000:]}"
        raise RuntimeError(message)

    def stop(self) -> None:
        """SIGTERM: it saves what it holds and ends."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: what it had not saved is gone."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, sign: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(sign)
        self._process.send_signal(signal.SIGCONT)  # it may be frozen
        try:
            self._process.wait(_STOPS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _passwords(users: dict[str, str]) -> str:
    """Lines of a password file: PBKDF2 with SHA-512, as mosquitto_passwd writes them."""
    lines = []
    for user, password in users.items():
        salt = os.urandom(12)
        key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
        fields = [base64.b64encode(part).decode() for part in (salt, key)]
        lines.append(f"{user}:$7$101${fields[0]}${fields[1]}\n")
    return "".join(lines)


@contextmanager
def as_shipped(*, folder: Path, users: dict[str, str]) -> Iterator[tuple[Mosquitto, int]]:
    """A broker on the files of ``deploy/mosquitto``, ports and paths adapted, with its certificates
    in ``folder/tls``; and the port of its TLS listener."""
    program, openssl = need("mosquitto"), need("openssl")
    tls = folder / "tls"
    tls.mkdir(parents=True)
    subprocess.run(
        ["sh", str(_DEPLOY / "certificates.sh"), str(tls)],
        check=True,
        timeout=30,
        env=os.environ | {"PATH": f"{openssl.parent}:{os.environ['PATH']}"},
    )
    (folder / "passwords").touch(mode=0o600)
    (folder / "passwords").write_text(_passwords(users))
    broker, tls_port = Mosquitto(folder=folder, port=free_port(), program=program), free_port()
    text = (_DEPLOY / "mosquitto.conf").read_text(encoding="utf-8")
    for shipped, here in (
        ("listener 1883", f"listener {broker.port} 127.0.0.1"),
        ("listener 8883", f"listener {tls_port} 127.0.0.1"),
        ("/mosquitto/tls", str(tls)),
        ("/mosquitto/data", str(folder)),
        ("/mosquitto/config", str(_DEPLOY)),
    ):
        if shipped not in text:
            message = f"deploy/mosquitto/mosquitto.conf has no {shipped}"
            raise RuntimeError(message)
        text = text.replace(shipped, here)
    user = "user root\n" if os.geteuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(f"{user}{text}")
    try:
        broker.start()
        yield broker, tls_port
    finally:
        broker.stop()


@contextmanager
def mosquitto(
    *,
    folder: Path | None = None,
    conf: str = STURDY,
    users: dict[str, str] | None = None,
    listener: str = "",
) -> Iterator[Mosquitto]:
    """Runs while the block does. Skips by name where there is no Mosquitto.

    ``conf``: ``STURDY``, ``STOCK`` or lines of your own; ``users``: names and passwords, none is
    anonymous; ``listener``: further lines of its one listener, such as certificates.
    """
    program = need("mosquitto")
    home = Path(tempfile.mkdtemp(prefix="citypatrol-mosquitto-")) if folder is None else folder
    home.mkdir(parents=True, exist_ok=True)
    broker = Mosquitto(folder=home, port=free_port(), program=program)
    access = "allow_anonymous true\n"
    if users is not None:
        passwords = home / "passwords"
        passwords.touch(mode=0o600)
        passwords.write_text(_passwords(users))
        access = f"allow_anonymous false\npassword_file {passwords}\n"
    user = "user root\n" if os.geteuid() == 0 else ""
    text = f"listener {broker.port} 127.0.0.1\n{listener}{access}{user}"
    place = f"persistence_location {home}/\n" if "persistence true" in conf else ""
    (home / "mosquitto.conf").write_text(f"{text}{conf}{place}")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)
