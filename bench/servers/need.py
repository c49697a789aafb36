"""What a test needs from the system, found or named: never skipped in silence."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Program:
    """One program: how to get it, the names it goes by, and folders (globs) asked before PATH."""

    get: str
    names: tuple[str, ...]
    folders: tuple[str, ...] = ()


PROGRAMS: Mapping[str, Program] = {
    "mosquitto": Program("apt-get install mosquitto", ("mosquitto",), ("usr/sbin",)),
    "openssl": Program("apt-get install openssl", ("openssl",)),
    "influxd": Program("apt-get install influxdb", ("influxd",)),
    "postgres": Program("apt-get install postgresql", ("postgres",), ("usr/lib/postgresql/*/bin",)),
    "java": Program("apt-get install default-jre-headless", ("java",)),
    "mvn": Program("apt-get install maven", ("mvn",)),
    "chromium": Program(
        "apt-get install chromium", ("chromium", "chromium-browser", "google-chrome")
    ),
    "ffmpeg": Program("apt-get install ffmpeg", ("ffmpeg",)),
    "victoria-metrics": Program(
        "apt-get install victoria-metrics", ("victoria-metrics", "victoria-metrics-prod")
    ),
}


def find(name: str, *, path: str | None = None, root: Path = Path("/")) -> Path | None:
    """The program, looked for in its known folders and on ``path`` (default: PATH)."""
    program = PROGRAMS[name]
    for known in program.names:
        for folder in program.folders:
            found = [p for p in root.glob(f"{folder}/{known}") if os.access(p, os.X_OK)]
            if found:
                return max(found, key=_version)
        on_path = shutil.which(known, path=path)
        if on_path:
            return Path(on_path)
    return None


def _version(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def need(
    name: str,
    *,
    env: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
) -> Path:
    """The program, or a skip that names it, the reason and how to get it; with CI=true a failure.

    KeyError for a name that is not in ``PROGRAMS``.
    """
    found = find(name, path=env.get("PATH"), root=root)
    if found is not None:
        return found
    reason = f"{name} is not installed: {PROGRAMS[name].get}"
    if env.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason} (in CI every part must be there)")
    pytest.skip(reason)
