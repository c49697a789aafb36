"""A real InfluxDB 1.x: Debian's `influxd`."""

import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.servers.free_port import free_port
from bench.servers.need import need
from bench.servers.process import running

INFLUXD_CONF = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
"""


@dataclass(frozen=True, slots=True)
class Influx:
    """A running InfluxDB 1.x with one database."""

    url: str
    db: str
    pid: int = 0

    def query(self, text: str) -> list[dict[str, object]]:
        """The series of one InfluxQL statement's result; RuntimeError where the server refuses."""
        query = urllib.parse.urlencode({"db": self.db, "q": text, "epoch": "ms"})
        request = urllib.request.Request(f"{self.url}/query?{query}", method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            result = orjson.loads(answer.read())["results"][0]
        if "error" in result:
            raise RuntimeError(result["error"])
        series: list[dict[str, object]] = result.get("series", [])
        return series


@contextmanager
def influxdb(*, db: str = "city") -> Iterator[Influx]:
    """Starts `influxd` with an empty database; ends it and its data."""
    program = need("influxd")
    with tempfile.TemporaryDirectory(prefix="influx-") as name:
        port, rpc = free_port(), free_port()
        conf = Path(name, "influxdb.conf")
        conf.write_text(INFLUXD_CONF.format(folder=name, port=port, rpc=rpc))
        url = f"http://127.0.0.1:{port}"
        with running([str(program), "-config", str(conf)], log=Path(name, "log")) as process:
            until_answers(f"{url}/ping")
            server = Influx(url, db, process.pid)
            server.query(f'CREATE DATABASE "{db}"')
            yield server


def until_answers(url: str, *, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
