"""From Parquet to tickets: `python -m bench.backtest`.

A tenth of a city-day: 219,300 devices, one sample a minute, 144 minutes, as hourly files of the
history with a registry of all of them, judged by the rules that `citypatrol init` writes. The
backtest is a process of its own, started once its city is read; `samples_per_second` is from the
first row group to the last ticket (it reads and files, a process for each core judges: their start
counts), `cpu_us_per_sample` the processor time of all of them, `samples_per_cpu_second` one over
it, and `city_day_s` ten times the measured tenth: computed, not measured. `memory_mb` is the most
that the process had (`city_mb` of it before the first sample) and so many times the most that one
which judges had; `memory_mb_tenth` the same for a tenth of the samples: it must not grow with
length.

Floors: 3 million samples a second on 2 cores.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from app.backtest.judging import processes_for
from app.backtest.reckoning import Question, reckon_each
from app.backtest.rulefiles import read_ground, read_rules
from bench.report import arguments, report
from citypatrol.history.layout import SCHEMA, Footer
from citypatrol.history.parquet import parquet_writer, write_table

DEVICES = 219_300
MINUTES = 144
START = 1_778_655_600_000  # 2026-05-13T07:00:00Z
FLOOR = 3e6
_CHILDREN = resource.RUSAGE_CHILDREN
KINDS = ("underpass", "air", "noise", "lamp", "manhole")
METRICS = ("water_level", "pm25", "noise_db", "traffic_light.lit", "tilt")
STARTER = Path(__file__).parents[1] / "app" / "starter"
PACKS = Path(__file__).parents[1] / "rules" / "packs"
CITY = """\
city: {name: Bench, timezone: Asia/Shanghai}
registry: registry.csv
units: units.yaml
grid: grid.geojson
journal: {type: sqlite}
inputs: []
"""


def write_city(folder: Path) -> None:
    """With a row in the registry for each device."""
    (folder / "city.yaml").write_text(CITY)
    for name in ("units.yaml", "grid.geojson"):
        (folder / name).write_bytes((STARTER / name).read_bytes())
    with (folder / "registry.csv").open("w") as file:
        file.write("id,name,kind,site,lat,lon,district,gateway,flood_limit\n")
        for n in range(DEVICES):
            kind, limit = KINDS[n % 5], "12" if n % 15 == 0 else ""
            place = f"site-{n // 4},34.{700 + n % 90},113.{600 + n % 97},d{n % 6}"
            file.write(f"dev-{n:06},Device {n},{kind},{place},gw-{n // 200},{limit}\n")


def write_history(folder: Path, *, minutes: int) -> int:
    """Hourly files; how many samples. One device in a thousand floods, or is dark, for a while."""
    chance = np.random.default_rng(8)
    names = pa.array([f"dev-{n:06}" for n in range(DEVICES)])
    metrics = pa.array(METRICS)
    folder.mkdir()
    level = np.array([3.0, 60.0, 55.0, 1.0, 2.0])[np.arange(DEVICES) % 5]
    samples = 0
    for hour in range(-(-minutes // 60)):
        footer = Footer.new([(hour + 1, hour + 1)], journal="bench", late=0)
        path = folder / f"2026-05-13T{7 + hour:02}.parquet"
        with parquet_writer(path, footer, values_repeat=True) as writer:
            for minute in range(60 * hour, min(60 * (hour + 1), minutes)):
                who = chance.permutation(DEVICES).astype(np.int32)
                value = np.round(level[who] + chance.normal(0, 0.2, DEVICES), 1)
                ill = (who % 1000 == minute // 20) & (who % 5 == 0)
                value[ill] = 40.0
                ts = START + 60_000 * minute + np.sort(chance.integers(0, 60_000, DEVICES))
                columns = [
                    pa.DictionaryArray.from_arrays(pa.array(who), names),
                    pa.DictionaryArray.from_arrays(pa.array(who % 5), metrics),
                    pa.array(ts, pa.timestamp("ms", "UTC")),
                    pa.array(value),
                    pa.nulls(DEVICES, pa.string()),
                    pa.array(np.zeros(DEVICES, np.bool_)),
                ]
                write_table(writer, pa.table(columns, schema=SCHEMA))
                samples += DEVICES
    return samples


def judge(folder: Path) -> None:
    """The measured process: prints what it took."""
    rules = read_rules([PACKS])
    ground = read_ground(folder / "city.yaml")
    assert ground is not None
    before_mb = _most_mb()
    question = Question(rules, folder / "h", ground, ground.opener)
    count = processes_for([rules], rows=MINUTES * DEVICES)
    cpu, wall = _cpu_s(), time.perf_counter()
    said = reckon_each(question, [rules], tell=_fails, progress=lambda *_: None, processes=count)
    with said as (answer,):
        took = {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": _cpu_s() - cpu,
            "before_mb": before_mb,
            "most_mb": _most_mb() + count * _most_mb(_CHILDREN),
            "processes": count,
            "samples": answer.samples,
            **answer.found.totals(),
        }
    print(json.dumps(took))


def _fails(path: Path, error: Exception) -> None:
    raise RuntimeError(path) from error


def _cpu_s() -> float:
    """Of this process, and of those that it has waited for."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, _CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def _most_mb(who: int = resource.RUSAGE_SELF) -> float:
    """Of this process, or of the largest that it has waited for."""
    return resource.getrusage(who).ru_maxrss / 1e3


def measure(minutes: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="citypatrol-bench-") as name:
        folder = Path(name)
        write_city(folder)
        samples = write_history(folder / "h", minutes=minutes)
        done = subprocess.run(
            [sys.executable, "-m", "bench.backtest", "--judge", name],
            capture_output=True,
            text=True,
            check=True,
            timeout=1800,
        )
        took: dict[str, float] = json.loads(done.stdout)
        assert took["samples"] == samples
        return took


def main() -> int:
    if sys.argv[1:2] == ["--judge"]:
        judge(Path(sys.argv[2]))
        return 0
    args = arguments(__doc__ or "").parse_args()
    minutes = 30 if args.quick else MINUTES
    short, whole = measure(minutes // 10), measure(minutes)
    rate = whole["samples"] / whole["wall_s"]
    figures = {
        "samples_per_second": round(rate),
        "samples_per_cpu_second": round(whole["samples"] / whole["cpu_s"]),
        "cpu_us_per_sample": round(1e6 * whole["cpu_s"] / whole["samples"], 3),
        "memory_mb": round(whole["most_mb"]),
        "memory_mb_tenth": round(short["most_mb"]),
        "city_mb": round(whole["before_mb"]),
        "measured_s": round(whole["wall_s"], 1),
        "city_day_s": round(DEVICES * 1440 / rate),
        "samples": int(whole["samples"]),
        "incidents": int(whole["incidents"]),
        "tickets": int(whole["tickets"]),
    }
    conditions = {
        "series": DEVICES,
        "minutes": minutes,
        "rules": "rules/packs",
        "processes": int(whole["processes"]),
    }
    report("backtest", figures, conditions=conditions, as_json=args.json)
    return 0 if rate >= FLOOR or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
