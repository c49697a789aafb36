"""``citypatrol test``: plays rule tests and says what came otherwise."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.outcome import FINE, FOUND_WRONG, UsageError
from app.terminal import complain, printable, say, say_json

if TYPE_CHECKING:
    from app.testing.suite import Suite, Verdict
    from citypatrol.errors import Problem


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+", type=Path, help="test files, or folders of them"
    )
    parser.add_argument(
        "--coverage", action="store_true", help="a rule that no test names is an error"
    )


def execute(args: argparse.Namespace) -> int:
    from app.testing.suite import run_suite

    suites = [run_suite(path) for path in _files(args.files)]
    named = {name for suite in suites for name in suite.touched}
    untouched = sorted({name for suite in suites for name in suite.rules} - named)
    if args.json:
        say_json(_as_json(suites, untouched))
    else:
        _as_text(suites, untouched, args)
    wrong = any(suite.problems for suite in suites) or any(_failed(suites))
    return FOUND_WRONG if wrong or (args.coverage and untouched) else FINE


def _files(paths: Sequence[Path]) -> list[Path]:
    from app.check import test_files

    found: list[Path] = []
    for path in paths:
        if not path.exists():
            message = f"{path}: there is no such file or folder"
            raise UsageError(message)
        some = test_files(path) if path.is_dir() else [path]
        if not some:
            message = f"{path}: there is no file with tests"
            raise UsageError(message)
        found += [one for one in some if one not in found]
    return found


def _failed(suites: "Sequence[Suite]") -> "Iterator[Verdict]":
    return (one for suite in suites for one in suite.verdicts if one.failures)


def _as_text(suites: "Sequence[Suite]", untouched: Sequence[str], args: argparse.Namespace) -> None:
    for suite in suites:
        for problem in suite.problems:
            complain(printable(str(problem)))
        for verdict in suite.verdicts:
            for failure in verdict.failures:
                complain(printable(str(failure.problem)))
                for line in failure.picture.splitlines():
                    complain(f"    {line}")
            if args.verbose:
                say(f"{'failed' if verdict.failures else 'passed'}  {verdict.name}")
    if untouched and (args.coverage or not args.quiet):
        complain(f"no test names {', '.join(untouched)}")
    if not args.quiet:
        tests, failed = sum(len(s.verdicts) for s in suites), len(list(_failed(suites)))
        errors = sum(len(suite.problems) for suite in suites)
        words = [_count(tests, "test"), f"{failed or 'none'} failed"]
        say(", ".join(words + ([_count(errors, "error")] if errors else [])))


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


def _as_json(suites: "Sequence[Suite]", untouched: Sequence[str]) -> dict[str, Any]:
    verdicts = [one for suite in suites for one in suite.verdicts]
    failed = list(_failed(suites))
    return {
        "passed": len(verdicts) - len(failed),
        "failed": len(failed),
        "problems": [_place(problem) for suite in suites for problem in suite.problems],
        "tests": [_verdict(one) for one in verdicts],
        "untouched": list(untouched),
    }


def _verdict(verdict: "Verdict") -> dict[str, Any]:
    return {
        "path": str(verdict.path),
        "line": verdict.line,
        "name": verdict.name,
        "passed": not verdict.failures,
        "failures": [
            {**_place(one.problem), "expected": one.expected, "got": one.got}
            for one in verdict.failures
        ],
    }


def _place(problem: "Problem") -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }
