"""Telegraf beside us: the same broker configuration, load, InfluxDB and kills.

`python -m bench.peer --build` compiles it from the Go module proxy into `.cache/` with only the
plug-ins that are needed (minutes). Without it the benches leave the peer out and say so.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.load import Load, account_of, cpu_seconds, loaded, started_flood, twenty_rules
from bench.servers.influx import Influx, influxdb
from bench.servers.mosquitto import Mosquitto, mosquitto

VERSION: Final = "v1.37.2"
CACHE: Final = Path(__file__).parent.parent / ".cache"
PROGRAM: Final = CACHE / "telegraf" / "telegraf"
TAGS: Final = (
    "custom,inputs.mqtt_consumer,outputs.influxdb,parsers.json,parsers.json_v2,serializers.influx"
)
DEVICES: Final = 20_000
Figures = dict[str, float | int | None]
CONF: Final = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 1000
  metric_buffer_limit = 200000
  omit_hostname = true
  quiet = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{mqtt}"]
  topics = ["city/+/+/+/+"]
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  topic_tag = ""
  data_format = "json"
  json_time_key = "ts"
  json_time_format = "unix_ms"
  name_override = "sensor"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "city/+/+/+/+"
    tags = "_/district/kind/source/metric"
[[outputs.influxdb]]
  urls = ["{influx}"]
  database = "{db}"
  skip_database_creation = true
"""


def build() -> int:
    """Compile Telegraf; the exit status."""
    home = PROGRAM.parent
    home.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "GOFLAGS": "-mod=mod",
        "GOTOOLCHAIN": "local",
        "GOCACHE": str(CACHE / "go-build"),
        "GOMODCACHE": str(CACHE / "go-mod"),
    }
    module = f"github.com/influxdata/telegraf@{VERSION}"
    done = subprocess.run(["go", "mod", "download", module], cwd=home, env=environment)
    if done.returncode:
        return done.returncode
    source = home / "src"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(CACHE / "go-mod" / module, source)
    for path in (source, *source.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)  # the module cache is read-only
    command = ["go", "build", "-tags", TAGS, "-ldflags", "-w -s", "-o", str(PROGRAM)]
    return subprocess.run([*command, "./cmd/telegraf"], cwd=source, env=environment).returncode


class Telegraf:
    """One process after another on one configuration."""

    def __init__(self, folder: Path, *, broker: Mosquitto, influx: Influx) -> None:
        self._conf = folder / "telegraf.conf"
        text = CONF.format(mqtt=broker.port, influx=influx.url, db=influx.db)
        self._conf.write_text(text)
        self._log = folder / "telegraf.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [str(PROGRAM), "--config", str(self._conf)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)


def peer(*, conf: str, rate: float, seconds: float) -> Figures:
    """CPU-seconds a million messages of both, from broker to InfluxDB, at one rate."""
    if not PROGRAM.exists():
        print("the peer is left out: `python -m bench.peer --build` compiles Telegraf (needs Go)")
        return {}
    with tempfile.TemporaryDirectory(prefix="peer-") as name:
        theirs = _theirs(Path(name), conf=conf, rate=rate, seconds=seconds)
    with tempfile.TemporaryDirectory(prefix="peer-") as name:
        ours = _ours(Path(name), conf=conf, rate=rate, seconds=seconds)
    return {
        "peer_rate": rate,
        "telegraf_cpu_s_per_million": round(theirs, 1),
        "citypatrol_cpu_s_per_million": round(ours, 1),
        "cpu_ratio_to_telegraf": round(ours / theirs, 2),
    }


def _theirs(folder: Path, *, conf: str, rate: float, seconds: float) -> float:
    with mosquitto(folder=folder / "broker", conf=conf) as broker, influxdb() as influx:
        telegraf = Telegraf(folder, broker=broker, influx=influx)
        telegraf.start()
        try:
            time.sleep(3)
            account_of(started_flood(broker, rate=2_000, seconds=3, devices=DEVICES, first=0))
            time.sleep(2)
            before = cpu_seconds(telegraf.pid)
            flood = started_flood(broker, rate=rate, seconds=seconds, devices=DEVICES, first=10**6)
            published = account_of(flood)["published"]
            time.sleep(3)  # two flushes
            return (cpu_seconds(telegraf.pid) - before) / published * 1e6
        finally:
            telegraf.stop()


def _ours(folder: Path, *, conf: str, rate: float, seconds: float) -> float:
    rules = twenty_rules()
    with loaded(folder, conf=conf, devices=DEVICES, rules=rules, with_influx=True) as load:
        account_of(load.flood(rate=2_000, seconds=3, devices=DEVICES)[1])
        time.sleep(2)
        before = cpu_seconds(load.run.pid)
        published = account_of(load.flood(rate=rate, seconds=seconds, devices=DEVICES)[1])
        time.sleep(3)
        return (cpu_seconds(load.run.pid) - before) / published["published"] * 1e6


def kills(*, conf: str, count: int, seed: int, rate: float = 3_000) -> Figures:
    """The same seeded kills given to both; what the broker had acknowledged and is in no store."""
    with tempfile.TemporaryDirectory(prefix="peer-") as name:
        folder = Path(name)
        with mosquitto(folder=folder / "broker", conf=conf) as broker, influxdb() as influx:
            telegraf = Telegraf(folder, broker=broker, influx=influx)
            telegraf.start()
            time.sleep(3)
            flood = started_flood(broker, rate=rate, seconds=3_600, devices=DEVICES, first=0)
            _kill(count, seed=seed, kill=telegraf.kill, start=telegraf.start)
            flood.terminate()
            acknowledged = int(account_of(flood)["acknowledged"])
            time.sleep(10)
            theirs = acknowledged - _different(influx)
            telegraf.stop()
    with (
        tempfile.TemporaryDirectory(prefix="peer-") as name,
        loaded(Path(name), conf=conf, devices=DEVICES) as load,
    ):
        first, flood = load.flood(rate=rate, seconds=3_600, devices=DEVICES)
        _kill(count, seed=seed, kill=load.run.kill, start=load.run.start)
        flood.terminate()
        acknowledged = int(account_of(flood)["acknowledged"])
        ours = acknowledged - _settled(load, first=first, count=acknowledged)
    return {"peer_kills": count, "telegraf_lost": theirs, "citypatrol_lost": ours}


def _kill(count: int, *, seed: int, kill: Callable[[], None], start: Callable[[], None]) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        time.sleep(rng.uniform(2.0, 6.0))
        kill()
        start()
    time.sleep(5)


def _different(influx: Influx) -> int:
    """How many different numbers there are: a line written twice is one point, and so are two
    readings of a device in one millisecond, which the flood does not send."""
    series = influx.query('SELECT count("value") FROM "sensor"')
    values: object = series[0]["values"] if series else [[0, 0]]
    assert isinstance(values, list)
    return int(values[0][1])


def _settled(load: Load, *, first: int, count: int) -> int:
    there, deadline = -1, time.monotonic() + 60
    while time.monotonic() < deadline and there < count:
        load.seen.read_on()
        there, _ = load.seen.of(first, count)
        time.sleep(0.2)
    return there


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", action="store_true")
    return build() if parser.parse_args().build else 2


if __name__ == "__main__":
    sys.exit(main())
