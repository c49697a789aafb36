"""Do the tests of the rules notice a fault? `uv run --with cosmic-ray python -m bench.mutants`.

Faults of one operator, number or word each, made by cosmic-ray, in the pure files of `rules/`: a
seeded sample of each file, one at a time in a copy of the tracked and the changed files, judged by
the tests below. `killed`: a test failed, or did not end; `survived`: all passed; `broken`: the file
could not be imported any more, which counts for nobody. What differs in annotations only is passed
over. Files take turns, so that `--minutes` cut none off; `whole_rounds` is how many each had.

Floor: 80 % killed of those killed and survived.
"""

import ast
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.report import arguments, report

ROOT = Path(__file__).parents[1]
FLOOR = 80.0
FOLDER = "tests/rules"
QUICK = ("sentences", "joined_rules")
SLOW = ("windows_kept", "rules_reload", "equal_reference", "equal_joins")
FIRST: Mapping[str, tuple[str, ...]] = {
    "alarm": ("alarm",),
    "spans": ("spans", "lint", "load_rules"),
    "levels": (),
    "window": ("windows_kept",),
    "gate": (),
    "veto": ("veto",),
    "waiting": (),
    "silence": ("silence_scale",),
    "threshold": ("engine",),
    "walk": (),
    "compound": (),
    "conditions": (),
    "tree": (),
    "during": ("hours",),
}
"""The files, and the tests that are about each."""
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
_PATIENCE_S = 600.0


class Fault(NamedTuple):
    file: str
    code: str
    line: str
    """What was changed, as a diff has it."""


def faults(name: str, *, chance: random.Random) -> Iterator[Fault]:
    """All of a file, in a random order."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    path = ROOT / "rules" / f"{name}.py"
    nodes = list(ast_nodes(get_ast_from_path(path)))
    operators = [get_operator(one) for one in operator_names()]
    made = [
        (operator, at)
        for operator in (one() for one in operators if not one.arguments())
        for at in range(sum(len(list(operator.mutation_positions(node))) for node in nodes))
    ]
    chance.shuffle(made)
    code = path.read_text()
    meant = _meaning(code)
    for operator, at in made:
        changed = mutate_code(code, operator, at)
        try:
            if changed is None or _meaning(changed) == meant:
                continue
        except SyntaxError:
            continue  # a list in more than one line: no Python comes of it
        lines = difflib.unified_diff(code.splitlines(), changed.splitlines(), n=0, lineterm="")
        parts = [line for line in lines if line[:2] not in ("--", "++")]
        yield Fault(name, changed, "  ".join(part.strip() for part in parts))


def _meaning(code: str) -> str:
    """Without annotations."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def tests(name: str) -> list[str]:
    """In the order in which they run: what is about the file, the quick ones, the slow ones."""
    named = ("rules_sentences" if one == "sentences" else one for one in QUICK)
    order = dict.fromkeys([*FIRST[name], *named, *SLOW])
    return [f"{FOLDER}/test_{one}.py" for one in order]


class Judge:
    """A copy of the project, in which the tests run with one file changed."""

    def __init__(self, folder: Path, *, python: str) -> None:
        self._folder = folder
        self._python = python
        self._patience_s = _PATIENCE_S
        listed = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True, text=True,
        ).stdout  # fmt: skip
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file() and (name.endswith(".py") or not name.startswith("det")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)
        with (folder / "tests/conftest.py").open("a") as conftest:
            conftest.write(_HASTY)

    def __call__(self, fault: Fault) -> str:
        path = self._folder / "rules" / f"{fault.file}.py"
        sound = path.read_text()
        path.write_text(fault.code)
        try:
            return self.run(tests(fault.file))
        finally:
            path.write_text(sound)

    def tried(self, files: list[str]) -> bool:
        """Whether all pass without a fault; a fault may make them three times as slow."""
        begun = time.monotonic()
        fate = self.run(files)
        self._patience_s = 3 * (time.monotonic() - begun)
        return fate == "survived"

    def run(self, files: list[str]) -> str:
        """``survived`` where all pass."""
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env |= {"CITYPATROL_EXAMPLES": _EXAMPLES, "PYTHONDONTWRITEBYTECODE": "1"}
        words = [self._python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files]
        try:
            done = subprocess.run(
                words, cwd=self._folder, env=env, capture_output=True, timeout=self._patience_s
            )
        except subprocess.TimeoutExpired:
            return "killed"
        if b"ERROR collecting" in done.stdout:
            return "broken"
        return {0: "survived", 1: "killed"}.get(done.returncode, "broken")


def main() -> int:
    parser = arguments("Do the tests of the rules notice a fault?")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=20, help="faults of each file")
    parser.add_argument("--minutes", type=float, default=60.0, help="begins none after that")
    parser.add_argument("--files", default=",".join(FIRST), help="of rules/, without .py")
    parser.add_argument("--python", default=sys.executable, help="that runs the tests")
    args = parser.parse_args()
    try:
        import cosmic_ray  # noqa: F401
    except ImportError:
        parser.exit(2, "no cosmic-ray here: uv run --with cosmic-ray python -m bench.mutants\n")
    names = args.files.split(",")
    each = 3 if args.quick else args.each
    end = time.monotonic() + 60 * args.minutes
    with tempfile.TemporaryDirectory(prefix="citypatrol-mutants-") as folder:
        judge = Judge(Path(folder), python=args.python)
        if not judge.tried(sorted({test for name in names for test in tests(name)})):
            parser.exit(2, "the tests fail without a fault\n")
        found, rounds = _judged(
            judge, names, seed=args.seed, each=each, end=end, show=not args.json
        )
    return _told(found, names, rounds=rounds, seed=args.seed, as_json=args.json)


def _judged(
    judge: Judge, names: list[str], *, seed: int, each: int, end: float, show: bool
) -> tuple[Counter[tuple[str, str]], int]:
    """How often what came of which file; files take turns, so that time cuts none off."""
    found: Counter[tuple[str, str]] = Counter()
    made = {name: faults(name, chance=random.Random(f"{seed} {name}")) for name in names}
    for done in range(each):
        for name in names:
            if time.monotonic() > end:
                return found, done
            fault = next(made[name], None)
            if fault is None:
                continue
            fate = judge(fault)
            found[name, fate] += 1
            if show:
                print(f"{fate}  rules/{name}.py {fault.line}", flush=True)
    return found, each


def _told(
    found: Counter[tuple[str, str]], names: list[str], *, rounds: int, seed: int, as_json: bool
) -> int:
    figures: dict[str, float | int | None] = {}
    for name in names:
        for fate in ("killed", "survived"):
            figures[f"{name}_{fate}"] = found[name, fate]
    sums = {
        fate: sum(found[name, fate] for name in names) for fate in ("killed", "survived", "broken")
    }
    judged = sums["killed"] + sums["survived"]
    share = 100 * sums["killed"] / judged if judged else 0.0
    figures |= {**sums, "killed_percent": round(share, 1)}
    conditions = {"seed": seed, "files": len(names), "whole_rounds": rounds}
    report("mutants", figures, conditions=conditions, as_json=as_json)
    return 0 if share >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
