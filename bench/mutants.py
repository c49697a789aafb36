"""Do the tests of the rules notice a fault? `uv run --with cosmic-ray python -m bench.mutants`.

Faults of one operator, number or word each, made by cosmic-ray, in the pure files of `rules/`: a
seeded sample of each file, one at a time in a copy of the tracked and the changed files, judged by
those of the tests below that ran the changed statement when nothing was wrong (`mutants_trial`).
`killed`: a test failed, or did not end; `survived`: all passed; `broken`: the file could not be
imported any more, which counts for nobody. What differs in annotations only, or in the `*` of a
signature, is passed over. Files take turns, so that `--minutes` cut none off.

`killed_percent` is of those killed and survived; `weighted_percent` gives each file the weight of
its number of faults, and `low` and `high` are its 95 % interval. Floor: 80 % weighted.
"""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.mutants_made import Fault, File, faults
from bench.report import arguments, report

ROOT = Path(__file__).parents[1]
FLOOR = 80.0
IMPURE = {
    "gauges", "incidents_kafka", "owner", "owners", "pages", "runner", "stream",
}  # fmt: skip
"""They read or write a journal, Kafka or the metrics' registry."""
TESTS = (
    "tests/rules/test_*.py",
    *(f"tests/app/test_{name}.py" for name in (
        "authors_mistakes", "backtest", "backtest_idle", "crosschecks", "diff", "explain_past",
        "packs", "rule_tests", "rule_test_errors", "schemas", "starter_lights", "wrong_files",
    )),
    "tests/tickets/test_first_load.py",
)  # fmt: skip
WITH_KAFKA = {"test_stream_kafka", "test_stream_stages", "test_stream_worker"}
_EXAMPLES = "15"
_HASTY = """
from hypothesis import Phase

settings.register_profile(
    "hasty",
    settings(
        settings.get_profile("patient"),
        phases=(Phase.explicit, Phase.generate),
        derandomize=True,
        database=None,
    ),
)
settings.load_profile("hasty")
"""
"""That an example fails is enough: the smallest one is not looked for."""
_LONG_AGO = 1_000_000_000


def pure() -> list[str]:
    names = sorted(path.relative_to(ROOT / "rules") for path in (ROOT / "rules").rglob("*.py"))
    return [str(name)[:-3] for name in names if name.stem not in {*IMPURE, "__init__"}]


class Judge:
    """A copy of the project, in which the tests run with one file changed."""

    def __init__(self, folder: Path, *, trial: "subprocess.Popen[str]", budget_s: float) -> None:
        self._folder = folder
        self._trial = trial
        self._budget_s = budget_s

    def learned(self) -> dict[str, float]:
        """How many tests there are, and what they cost."""
        found: dict[str, float] = self._told()
        return found

    def __call__(self, fault: Fault) -> dict[str, Any]:
        path = self._folder / "rules" / f"{fault.name}.py"
        sound = path.read_text()
        path.write_text(fault.code)
        try:
            lines = {"file": f"rules/{fault.name}.py", "lines": fault.lines}
            assert self._trial.stdin is not None
            self._trial.stdin.write(json.dumps({**lines, "budget_s": self._budget_s}) + "\n")
            self._trial.stdin.flush()
            found: dict[str, Any] = self._told()
            return found
        finally:
            path.write_text(sound)
            os.utime(path, (_LONG_AGO, _LONG_AGO))

    def _told(self) -> Any:
        assert self._trial.stdout is not None
        answer = self._trial.stdout.readline()
        found = json.loads(answer) if answer else {"wrong": "the trials have ended"}
        wrong = found.get("wrong") or found.get("trial")
        if wrong:
            sys.exit(wrong)
        return found


@contextmanager
def judging(*, python: str, budget_s: float) -> Iterator[Judge]:
    with tempfile.TemporaryDirectory(prefix="citypatrol-mutants-") as folder:
        _copy(Path(folder))
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with subprocess.Popen(
            [python, "-m", "bench.mutants_trial", *tests()], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=env | {"CITYPATROL_EXAMPLES": _EXAMPLES},
        ) as trial:  # fmt: skip
            try:
                yield Judge(Path(folder), trial=trial, budget_s=budget_s)
            finally:
                trial.kill()


def _copy(folder: Path) -> None:
    """All is old in it: what is changed in the same second as before is compiled anew then."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and (name.endswith(".py") or not name.startswith("det")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            os.utime(folder / name, (_LONG_AGO, _LONG_AGO))
    with (folder / "tests/conftest.py").open("a") as conftest:
        conftest.write(_HASTY)


def tests() -> list[str]:
    found = [path for pattern in TESTS for path in sorted(ROOT.glob(pattern))]
    return [str(path.relative_to(ROOT)) for path in found if path.stem not in WITH_KAFKA]


def main() -> int:
    parser = arguments("Do the tests of the rules notice a fault?")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=10, help="faults of each file")
    parser.add_argument("--minutes", type=float, default=60.0, help="begins none after that")
    parser.add_argument("--budget", type=float, default=12.0, help="seconds of examples a fault")
    parser.add_argument("--files", default=",".join(pure()), help="of rules/, without .py")
    parser.add_argument("--python", default=sys.executable, help="that runs the tests")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy and the trials go, too
    try:
        import cosmic_ray  # noqa: F401
    except ImportError:
        parser.exit(2, "no cosmic-ray here: uv run --with cosmic-ray python -m bench.mutants\n")
    files = [faults(ROOT / "rules", name, chance=random.Random(f"{args.seed} {name}"))
             for name in args.files.split(",")]  # fmt: skip
    files = [one for one in files if one.places]
    each = 1 if args.quick else args.each
    end = time.monotonic() + 60 * args.minutes
    found: Counter[tuple[str, str]] = Counter()
    with judging(python=args.python, budget_s=args.budget) as judge:
        known = judge.learned()
        for _ in range(each):  # files take turns
            for file in files:
                fault = next(file.faults, None) if time.monotonic() < end else None
                if fault is None:
                    continue
                answer = judge(fault)
                found[file.name, answer["fate"]] += 1
                if not args.json:
                    told = f"{answer['fate']}  {file.name}.py {fault.told}  [{answer['tests']}"
                    print(f"{told} of {answer['of']} tests] {answer.get('by', '')}", flush=True)
    return _told(found, files, seed=args.seed, known=known, as_json=args.json)


def _told(
    found: Counter[tuple[str, str]],
    files: Sequence[File],
    *,
    seed: int,
    known: dict[str, float],
    as_json: bool,
) -> int:
    figures: dict[str, float | int | None] = {}
    for file in files:
        for fate in ("killed", "survived"):
            figures[f"{file.name}_{fate}"] = found[file.name, fate]
    sums = {
        fate: sum(found[file.name, fate] for file in files)
        for fate in ("killed", "survived", "broken")
    }
    judged = sums["killed"] + sums["survived"]
    share = 100 * sums["killed"] / judged if judged else 0.0
    middle, half = _weighted(found, files)
    figures |= {**sums, "killed_percent": round(share, 1), "weighted_percent": round(middle, 1)}
    figures |= {"low": round(middle - half, 1), "high": round(min(100.0, middle + half), 1)}
    conditions = {"seed": seed, "files": len(files), **known}
    report("mutants", figures, conditions=conditions, as_json=as_json)
    return 0 if middle >= FLOOR else 1


def _weighted(found: Counter[tuple[str, str]], files: Sequence[File]) -> tuple[float, float]:
    """Per cent, and half the 95 % interval of a stratified sample. The variance of a file with few
    faults judged is taken from its share with one of each more, lest all of one kind be certain."""
    middle = variance = weights = 0.0
    for file in files:
        killed, judged = found[file.name, "killed"], found[file.name, "survived"]
        judged += killed
        if not judged:
            continue
        guess = (killed + 1) / (judged + 2)
        middle += file.places * killed / judged
        variance += file.places**2 * guess * (1 - guess) / judged
        weights += file.places
    if not weights:
        return 0.0, 0.0
    return 100 * middle / weights, 196 * math.sqrt(variance) / weights


if __name__ == "__main__":
    sys.exit(main())
