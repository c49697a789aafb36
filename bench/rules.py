"""What judging costs: `python -m bench.rules`, the engine alone, on one core.

One evaluation is one sample of a series that one rule selects. 219,300 series, each a sample a
minute in an order that changes every minute; one sample in fifty comes again, or late, and does not
count. 100 rules select 5 % of the series each, by lists of cells that overlap; one device in two
hundred is in trouble. Batches of 500 and of 20,000 rows with dictionaries of their own, a tick a
second. `threshold_*`: above, below, outside. `timers_*`: with `for`, `at_least` and `clear`.
`windows_*`: means of 15 minutes; `p95_*`: their 95th percentile; windows are full before the clock
starts. `metrics_10_*`: thresholds over ten metrics in place of one. `quiet_1000_ratio`: 1,000 rules
that select nothing beside 10 of them; `quiet_1000_start_ratio` the same for the first minute, in
which every series is new. Each figure is of a process of its own; seconds are CPU seconds.
`memory_mb`: 100 threshold rules, the whole process; `state_mb_*`: what the engine added.

Peers on the same samples: a plain Python loop over thresholds, and VictoriaMetrics with vmalert
where they are installed (`python -m bench.rules_peer` says how they are asked).

Floors: 1 million evaluations/s at 500 rows, 20 million at 20,000; windows 0.5 million; 1,000 quiet
rules less than twice what 10 cost; under 1 GB.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import arguments, report
from bench.rules_city import SERIES, City, choices, ticks
from bench.rules_peer import plain_loop, vmalert
from rules.engine import Engine
from rules.load import load_rules
from rules.ruleset import RuleSet

RULES = 100
FLOORS = {"threshold_500": 1e6, "threshold_20000": 20e6, "windows_500": 0.5e6, "p95_500": 0.5e6}
KINDS = {"threshold": "threshold", "timers": "timers", "windows": "mean", "p95": "p95"}
MOST_RATIO, MOST_MB = 2.0, 1000.0
FULL_MINUTES = 16  # until a window of 15 minutes is full


def rule_set(text: str) -> RuleSet:
    with TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text("rules:\n" + text)
        rules, problems = load_rules([path])
    assert rules is not None, problems
    return rules


def measure(kind: str, *, size: int, count: int, metrics: int, nothing: bool) -> dict[str, float]:
    """In a process of its own."""
    quick = "--quick" in sys.argv
    rules = choices(kind, count=count, metrics=metrics, nothing=nothing)
    city = City(metrics=metrics)
    judged_by = city.judged_by(rules)
    engine = Engine(rule_set("".join(rule.yaml() for rule in rules)))
    engine.fold(city.seen())
    began = _mb()
    now = 0
    start = time.process_time()
    for batch, _, at in city.minute(20_000, odd_share=0):
        engine.fold([batch, *ticks(now or at - 1, at)])
        now = at
    start = time.process_time() - start
    windows = kind in ("mean", "p95")
    for _ in range(FULL_MINUTES - 1 if windows else 1):
        for batch, _, at in city.minute(20_000):
            engine.fold([batch, *ticks(now, at)])
            now = at
    most = {500: 100 if quick else 400, 20_000: 8 if quick else 22}[size]
    spent, evaluations, batches, incidents = 0.0, 0, 0, 0
    while batches < most:
        for batch, devices, at in city.minute(size):
            records = [batch, *ticks(now, at)]
            begin = time.process_time()
            incidents += len(engine.fold(records))
            spent += time.process_time() - begin
            now = at
            evaluations += int(judged_by[devices].sum())
            batches += 1
            if batches == most:
                break
    samples = batches * size
    return {
        "evaluations_per_second": evaluations / spent,
        "samples_per_second": samples / spent,
        "ms_a_batch": 1000 * spent / batches,
        "start_s": start,
        "incidents": incidents,
        "memory_mb": _mb(),
        "state_mb": _mb() - began,
    }


def apart(
    kind: str, *, size: int, count: int = RULES, metrics: int = 1, nothing: bool = False
) -> dict[str, float]:
    asked = {"kind": kind, "size": size, "count": count, "metrics": metrics, "nothing": nothing}
    command = [sys.executable, "-m", "bench.rules", "--measure", json.dumps(asked)]
    quick = ["--quick"] if "--quick" in sys.argv else []
    done = subprocess.run([*command, *quick], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> int:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(**json.loads(sys.argv[2]))))
        return 0
    args = arguments(__doc__ or "").parse_args()
    figures: dict[str, float | int | None] = {}
    for name, kind in (
        ("threshold", "threshold"),
        ("timers", "timers"),
        ("windows", "mean"),
        ("p95", "p95"),
    ):
        for size in (500, 20_000):
            took = apart(kind, size=size)
            figures[f"{name}_{size}"] = round(took["evaluations_per_second"])
            figures[f"{name}_{size}_samples"] = round(took["samples_per_second"])
        figures[f"memory_mb_{name}"] = round(took["memory_mb"])
        figures[f"state_mb_{name}"] = round(took["state_mb"])
    for size in (500, 20_000):
        took = apart("threshold", size=size, metrics=10)
        figures[f"metrics_10_{size}"] = round(took["evaluations_per_second"])
    ten = apart("threshold", size=500, count=10, nothing=True)
    thousand = apart("threshold", size=500, count=1000, nothing=True)
    figures["quiet_1000_ratio"] = round(thousand["ms_a_batch"] / ten["ms_a_batch"], 2)
    figures["quiet_1000_start_ratio"] = round(thousand["start_s"] / ten["start_s"], 2)
    figures["quiet_10_ms_a_batch"] = round(ten["ms_a_batch"], 3)
    figures["memory_mb"] = figures["memory_mb_threshold"]
    loop, theirs = plain_loop(quick=args.quick), vmalert(quick=args.quick)
    figures["python_loop"] = round(loop)
    figures["python_ratio"] = round(float(figures["threshold_20000"] or 0) / loop, 1)
    figures["vmalert"] = None if theirs is None else round(theirs)
    figures["peer_ratio"] = None
    if theirs is not None:
        figures["peer_ratio"] = round(float(figures["threshold_20000"] or 0) / theirs, 1)
    conditions = {"series": SERIES, "rules": RULES, "selects": "5 %", "cores_used": 1}
    report("rules", figures, conditions=conditions, as_json=args.json)
    met = all(float(figures[name] or 0) >= floor for name, floor in FLOORS.items())
    met &= float(figures["quiet_1000_ratio"] or 9) < MOST_RATIO
    met &= max(float(figures[f"memory_mb_{n}"] or 0) for n in ("threshold", "windows")) < MOST_MB
    return 0 if met or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
