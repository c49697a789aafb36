"""Certificates for one run, made by openssl: an authority, and what it signs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.servers.need import need

_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_CONFIG: Final = """
[ca]
default_ca = this
[this]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
x509_extensions = signed
[signed]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[any]
commonName = supplied
"""
_YEARS: Final = ("20250101000000Z", "20990101000000Z")
_PAST: Final = ("20200101000000Z", "20210101000000Z")


@dataclass(frozen=True, slots=True)
class Certificate:
    pem: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs in a folder of its own; ``pem`` is what others trust."""

    folder: Path
    openssl: Path

    @property
    def pem(self) -> Path:
        return self.folder / "ca.pem"

    def server(self, name: str, *, host: str) -> Certificate:
        """For a broker at ``host``: ``IP:127.0.0.1`` or ``DNS:localhost``."""
        return self._sign(name, _YEARS, host=host, use="serverAuth")

    def expired_server(self, name: str, *, host: str) -> Certificate:
        return self._sign(name, _PAST, host=host, use="serverAuth")

    def client(self, name: str) -> Certificate:
        """Its common name is ``name``: what Mosquitto takes as the user."""
        return self._sign(name, _YEARS, host=f"DNS:{name}", use="clientAuth")

    def expired_client(self, name: str) -> Certificate:
        return self._sign(name, _PAST, host=f"DNS:{name}", use="clientAuth")

    def _sign(self, name: str, valid: tuple[str, str], *, host: str, use: str) -> Certificate:
        made = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        extensions = ("-addext", f"subjectAltName={host}", "-addext", f"extendedKeyUsage={use}")
        self._run(
            "req", *_KEY, "-subj", f"/CN={name}", *extensions, "-keyout", made.key.name,
            "-out", f"{name}.csr",
        )  # fmt: skip
        start, end = valid
        self._run(
            "ca", "-batch", "-config", "ca.cnf", "-notext", "-in", f"{name}.csr",
            "-out", made.pem.name, "-startdate", start, "-enddate", end,
        )  # fmt: skip
        return made

    def _run(self, *arguments: str) -> None:
        command = [str(self.openssl), *arguments]
        subprocess.run(command, cwd=self.folder, check=True, timeout=30, capture_output=True)


def make_authority(folder: Path) -> Authority:
    """Skips by name where there is no openssl."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder, need("openssl"))
    (folder / "ca.cnf").write_text(_CONFIG)
    (folder / "index.txt").touch()
    (folder / "serial").write_text("1000\n")
    authority._run(
        "req", "-x509", *_KEY, "-subj", f"/CN=authority {folder.name}", "-days", "3650",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out", "ca.pem",
    )  # fmt: skip
    return authority
