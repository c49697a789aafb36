"""A real server of the second API's writes: VictoriaMetrics takes `/api/v2/write`."""

import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from bench.servers.free_port import free_port
from bench.servers.influx import until_answers
from bench.servers.need import need
from bench.servers.process import running


@contextmanager
def victoria_metrics() -> Iterator[str]:
    """Starts VictoriaMetrics, which takes `/api/v2/write`; gives its address."""
    program = need("victoria-metrics")
    with tempfile.TemporaryDirectory(prefix="victoria-") as name:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [
            str(program),
            f"-storageDataPath={name}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-memory.allowedBytes=128MB",
            "-retentionPeriod=100y",
        ]
        with running(command, log=Path(name, "log")):
            until_answers(f"{url}/health")
            yield url


def exported(url: str, match: str) -> list[dict[str, object]]:
    """VictoriaMetrics' series that match, newest samples included."""
    urllib.request.urlopen(f"{url}/internal/force_flush", timeout=10).close()
    everything = {"start": "1", "end": str(int(time.time()) + 86_400)}
    query = urllib.parse.urlencode({"match[]": match, **everything})
    with urllib.request.urlopen(f"{url}/api/v1/export?{query}", timeout=10) as answer:
        return [orjson.loads(line) for line in answer.read().splitlines()]
