"""Who judges the same samples beside us in `python -m bench.rules`.

`plain_loop`: thresholds as a dict of lists, a row at a time, as one would write it first.
`vmalert`: VictoriaMetrics holds the samples of some minutes; vmalert replays 100 alerting rules of
the same thresholds and selections over them, one evaluation a minute. Its seconds are the CPU
seconds of both processes during the replay; writing the samples in is not counted.
"""

import shutil
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from bench.load import cpu_seconds
from bench.rules_city import START, Choice, City, choices
from bench.servers.free_port import free_port
from bench.servers.influx import until_answers
from bench.servers.process import running

RULES: Final = 100
_STATES: Final = ("above", "below", "outside")


def plain_loop(*, quick: bool) -> float:
    """Evaluations a second of a Python loop over rows, rules found by source."""
    city, rules = City(), choices("threshold", count=RULES)
    judged_by = city.judged_by(rules)
    by_cell: dict[str, list[tuple[int, str, float, float]]] = {}
    for n, rule in enumerate(rules):
        low, high = 20.0 + n % 10, 85.0 - n % 10
        for cell in rule.cells:
            by_cell.setdefault(cell, []).append((n, _STATES[n % 3], low, high))
    name = [f"dev-{n:06}" for n in range(len(city.cell))]
    rules_of = {
        source: by_cell.get(f"c{cell}", [])
        for source, cell in zip(name, city.cell.tolist(), strict=True)
    }
    newest: dict[str, int] = {}
    firing: set[tuple[int, str]] = set()
    spent, evaluations = 0.0, 0
    for at, (batch, devices, _) in enumerate(city.minute(20_000)):
        columns = (batch.source.tolist(), batch.ts.tolist(), batch.value.tolist())
        begin = time.process_time()
        for code, ts, value in zip(*columns, strict=True):
            source = batch.sources[code]
            if ts <= newest.get(source, 0):
                continue
            newest[source] = ts
            for n, word, low, high in rules_of[source]:
                holds = (word != "below" and value > high) or (word != "above" and value < low)
                key = (n, source)
                if holds:
                    firing.add(key)
                elif key in firing:
                    firing.discard(key)
        spent += time.process_time() - begin
        evaluations += int(judged_by[devices].sum())
        if quick and at == 2:
            break
    return evaluations / spent


def vmalert(*, quick: bool) -> float | None:
    """Evaluations a second of vmalert with VictoriaMetrics; None where they are not installed."""
    programs = [shutil.which("victoria-metrics"), shutil.which("vmalert")]
    if None in programs:
        print("vmalert is left out: `apt-get install victoria-metrics` brings both")
        return None
    store, alerts = map(str, programs)
    minutes = 2 if quick else 4
    city, rules = City(), choices("threshold", count=RULES)
    per_step = int(city.judged_by(rules).sum())
    with TemporaryDirectory(prefix="vmalert-") as name:
        folder, port = Path(name), free_port()
        url = f"http://127.0.0.1:{port}"
        command = [
            store,
            f"-storageDataPath={folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-search.maxUniqueTimeseries=1000000",
        ]
        with running(command, log=folder / "store.log") as process:
            until_answers(f"{url}/health")
            for _ in range(minutes):
                for batch, _, _ in city.minute(20_000, odd_share=0):
                    _write(url, batch.sources, batch.ts, batch.value, city)
            urllib.request.urlopen(f"{url}/internal/force_flush", timeout=60).close()
            (folder / "rules.yaml").write_text(_rules(rules))
            before = cpu_seconds(process.pid)
            replay = [
                alerts,
                f"-rule={folder / 'rules.yaml'}",
                f"-datasource.url={url}",
                f"-remoteWrite.url={url}",
                "-replay.rulesDelay=1ms",
                f"-replay.timeFrom={_rfc(START + 60_000)}",
                f"-replay.timeTo={_rfc(START + 60_000 * minutes)}",
            ]
            done = subprocess.run(
                ["/usr/bin/env", "bash", "-c", 'time "$@"', "replay", *replay],
                capture_output=True,
                text=True,
                timeout=900,
            )
            theirs = _times(done.stderr)
            spent = cpu_seconds(process.pid) - before + theirs
            assert done.returncode == 0, done.stderr[-2000:]
    steps = minutes  # both ends of the replay
    return per_step * steps / spent


def _write(url: str, names: tuple[str, ...], ts: np.ndarray, value: np.ndarray, city: City) -> None:
    cells = city.cell
    lines = [
        f'm0{{source="{name}",cell="c{cells[int(name[4:])]}"}} {number} {at}'
        for name, number, at in zip(names, value.tolist(), ts.tolist(), strict=True)
    ]
    body = "\n".join(lines).encode()
    request = urllib.request.Request(f"{url}/api/v1/import/prometheus", body, method="POST")
    urllib.request.urlopen(request, timeout=60).close()


def _rules(rules: Sequence[Choice]) -> str:
    said = ["groups:", "- name: bench", "  interval: 1m", "  rules:"]
    for n, rule in enumerate(rules):
        series = f'm0{{cell=~"{"|".join(rule.cells)}"}}'
        low, high = 20 + n % 10, 85 - n % 10
        word = _STATES[n % 3]
        expression = {
            "above": f"{series} > {high}",
            "below": f"{series} < {low}",
            "outside": f"{series} > {high} or {series} < {low}",
        }[word]
        said += [f"  - alert: {rule.name}", f"    expr: '{expression}'"]
    return "\n".join(said) + "\n"


def _times(text: str) -> float:
    """The user and system seconds that bash's ``time`` says."""
    spent = 0.0
    for line in text.splitlines():
        if line.startswith(("user", "sys")):
            minutes, _, seconds = line.split()[1].rstrip("s").partition("m")
            spent += 60 * int(minutes) + float(seconds)
    return spent


def _rfc(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
