"""Install the system programs that the tests' real servers need: with apt, where the user is root.

Elsewhere it says what is missing and how to get it; the tests that need those are then skipped by
name. `python -m bench.servers.system_parts`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DEBIAN_PACKAGES = {
    "mosquitto": "mosquitto",
    "openssl": "openssl",
    "influxd": "influxdb",
    "/usr/lib/postgresql/*/bin/postgres": "postgresql",
    "java": "default-jre-headless",
    "mvn": "maven",
    "chromium": "chromium",
    "ffmpeg": "ffmpeg",
    "victoria-metrics": "victoria-metrics",
    "ip": "iproute2",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
}
"""A program on the PATH, or a path with wildcards, and the Debian package that brings it."""


def missing() -> list[str]:
    """Packages whose program is not here."""
    return [package for name, package in DEBIAN_PACKAGES.items() if not _present(name)]


def _present(name: str) -> bool:
    if name.startswith("/"):
        return any(Path("/").glob(name.lstrip("/")))
    return shutil.which(name) is not None or Path("/usr/sbin", name).exists()


def main() -> int:
    packages = missing()
    if not packages:
        return 0
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print("not installed, so the tests that need them are skipped by name:", *packages)
        print("to run them too, as root:", *command)
        return 0
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=environment)
    subprocess.run(command, check=True, env=environment)
    left = missing()
    if left:
        print("apt-get installed these, and their programs are still not found:", *left)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
