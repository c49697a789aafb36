"""Tries faults for `bench.mutants`: a pytest session in a copy of the project that never ends.

When the tests are collected it runs them once, and remembers which of them ran which line and their
processor time. From then on a line of JSON in, ``{"file", "lines", "budget_s"}``, says that this
file has a fault in these lines: the tests that ran one of them run again in a fork, until one
fails; a line of JSON out tells. A fault in the body of a function is put into the
functions that are there; only one in what runs at import costs a new process.
"""

import ast
import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import coverage
import pytest

_ANEW: Final = "--anew"
_PATIENCE_S: Final = 240.0
_MEMORY: Final = 4 << 30
_WORDS: Final = (
    "-q", "-p", "no:cacheprovider", "--no-header", "--assert=plain", "--basetemp=tried",
    "-o", "tmp_path_retention_policy=none",
)  # fmt: skip


class _Failed:
    """The first test that failed."""

    def __init__(self) -> None:
        self.name: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.name is None:
            self.name = report.nodeid


class Trials:
    """What was learned, and the trials that follow: a plug-in of the session."""

    def __init__(self, asked: Iterable[str], tell: Callable[[object], None]) -> None:
        self._asked = asked
        self._tell = tell
        self._failed = _Failed()
        self._items: dict[str, pytest.Item] = {}
        self._cpu_s: dict[str, float] = {}
        self._ran: Mapping[str, Mapping[str, Sequence[int]]] = {}
        self._sound: dict[str, str] = {}
        self._functions: dict[str, list[FunctionType]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        session.config.pluginmanager.register(self._failed)
        self._items = {item.nodeid: item for item in session.items}
        found = _forked(self._learn, seconds=3600.0, cpu_s=3600.0)
        if isinstance(found, str) or "trial" in found or found["failed"]:
            self._tell({"wrong": f"the tests fail without a fault: {found}"[:4000]})
            return True
        self._cpu_s, self._ran = found["cpu_s"], found["ran"]
        self._sound = {name: Path(name).read_text() for name in self._ran}
        for one in gc.get_objects():
            if isinstance(one, FunctionType):
                self._functions.setdefault(one.__code__.co_filename, []).append(one)
        gc.freeze()
        some = sorted(self._cpu_s, key=lambda one: self._cpu_s[one])[::9]
        found = _forked(lambda: _anew("rules/tree.py", some), seconds=3600.0, cpu_s=3600.0)
        if found != {"fate": "survived"}:
            self._tell({"wrong": f"the tests fail when all is imported anew: {found}"[:4000]})
            return True
        self._tell({"tests": len(self._cpu_s), "cpu_s": round(sum(self._cpu_s.values()), 1)})
        for line in self._asked:
            self._tell(self._judge(**json.loads(line)))
        return True

    def _learn(self) -> dict[str, Any]:
        tracer = coverage.Coverage(data_file=None, source=["rules"], config_file=False)
        cpu_s: dict[str, float] = {}
        tracer.start()
        for item, following in _with_next(list(self._items.values())):
            tracer.switch_context(item.nodeid)
            begun = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            cpu_s[item.nodeid] = time.process_time() - begun
            if self._failed.name is not None:
                break
        tracer.stop()
        data = tracer.get_data()
        number = {one: n for n, one in enumerate(cpu_s)}
        ran = {
            str(Path(name).relative_to(Path.cwd())): {
                line: [number[one] for one in tests if one in number]
                for line, tests in data.contexts_by_lineno(name).items()
            }
            for name in data.measured_files()
        }
        return {"cpu_s": cpu_s, "ran": ran, "failed": self._failed.name}

    def _judge(self, file: str, lines: Sequence[int], budget_s: float) -> dict[str, Any]:
        tree = ast.parse(self._sound[file])
        wanted, in_body = set[str](), True
        for line in lines:
            together, inside = _together(tree, line)
            wanted |= set(map(str, together))
            in_body &= inside
        every, ran = list(self._cpu_s), self._ran[file]
        able = {every[n] for line in wanted for n in ran.get(line, ())}
        if not able and not in_body:  # nothing but words for others
            able = set(every)
        chosen, cost = self._chosen(able, budget_s)
        told: dict[str, Any] = {"tests": len(chosen), "of": len(able), "fate": "survived"}
        if not chosen:
            return told
        work = (lambda: self._swapped(file, chosen)) if in_body else (lambda: _anew(file, chosen))
        found = _forked(work, seconds=_PATIENCE_S, cpu_s=4 + 2 * cost)
        if isinstance(found, str):
            return told | {"fate": "killed", "by": found}
        return {**told, **found}

    def _chosen(self, able: Iterable[str], budget_s: float) -> tuple[list[str], float]:
        """Cheap tests first, of examples as many as the budget allows, and at last those that look
        for examples themselves: they see most."""
        chosen: list[str] = []
        looking: list[str] = []
        cost = 0.0
        for test in sorted(able, key=lambda one: (self._cpu_s[one], one)):
            if getattr(getattr(self._items[test], "obj", None), "is_hypothesis_test", False):
                looking.append(test)
            elif not chosen or cost + self._cpu_s[test] <= budget_s:
                cost += self._cpu_s[test]
                chosen.append(test)
        return chosen + looking, cost + sum(self._cpu_s[test] for test in looking)

    def _swapped(self, file: str, chosen: Sequence[str]) -> dict[str, Any]:
        path = Path(file).resolve()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ``is 1``: a fault like others
            bodies = dict(_bodies(compile(path.read_text(), str(path), "exec")))
        for function in self._functions.get(str(path), ()):
            body = bodies.get(_name(function.__code__))
            if body is not None and body != function.__code__:
                function.__code__ = body
        for item, following in _with_next([self._items[test] for test in chosen]):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed.name is not None:
                return {"fate": "killed", "by": self._failed.name}
        return {"fate": "survived"}


def _with_next(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)


class _Chosen:
    """These tests, in this order."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._place = {one: n for n, one in enumerate(ids)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(kept, key=lambda item: self._place[item.nodeid])


def _anew(file: str, chosen: Sequence[str]) -> dict[str, Any]:
    """In a new process: all that stands on the file is to be imported again."""
    words = [sys.executable, "-m", "bench.mutants_trial", _ANEW, file]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        said, _ = run.communicate(json.dumps(chosen).encode())
    if not said:
        return {"fate": "killed", "by": "it did not end, or died"}
    found: dict[str, Any] = json.loads(said)
    return found


def _this_anew(file: str, chosen: Sequence[str]) -> dict[str, Any]:
    try:
        importlib.import_module(file.removesuffix(".py").replace("/", "."))
    except Exception:  # noqa: BLE001 - whatever a fault does
        return {"fate": "broken"}
    failed = _Failed()
    files = dict.fromkeys(one.partition("::")[0] for one in chosen)
    words = [word for word in _WORDS if not word.startswith("--basetemp")]
    words += ["-x", f"--basetemp=tried/{os.getpid()}", *files]
    if pytest.main(words, plugins=[_Chosen(chosen), failed]):
        return {"fate": "killed", "by": failed.name or "collecting"}
    return {"fate": "survived"}


def _together(tree: ast.Module, line: int) -> tuple[Iterable[int], bool]:
    """The lines that run where this one has an effect: its statement's; where that runs at import
    the whole function's, or the whole file's. And whether it is in the body of a function."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    around.sort(key=lambda node: (node.end_lineno or node.lineno) - node.lineno)
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    inside = [node for node in around if isinstance(node, functions)]
    if not inside:
        return range(1, max((n.end_lineno or 0 for n in tree.body), default=0) + 1), False
    inner = around[0]
    first, last = inner.lineno, inner.end_lineno or inner.lineno
    if isinstance(inner, functions):  # its name, its defaults, or a body in one line
        return range(first, last + 1), len(inside) > 1
    body = getattr(inner, "body", None)
    return (range(first, body[0].lineno) if body else range(first, last + 1)), True


def _bodies(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    yield _name(code), code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _bodies(one)


def _name(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _forked(work: Callable[[], dict[str, Any]], *, seconds: float, cpu_s: float) -> Any:
    """What the work gives in a child; a word where it did not end, or died."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(read)
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        with os.fdopen(write, "w") as out:
            try:
                json.dump(work(), out)
            except BaseException:  # noqa: BLE001 - of a fork that ends here
                json.dump({"trial": traceback.format_exc()}, out)
        os._exit(0)
    os.close(write)
    found = bytearray()
    end = time.monotonic() + seconds
    try:
        while select.select([read], [], [], max(0.0, end - time.monotonic()))[0]:
            part = os.read(read, 1 << 20)
            if not part:
                return json.loads(found) if found else "it did not end, or died"
            found += part
        return "it did not end"
    finally:
        os.close(read)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main() -> int:
    # from here on a file's time may be that of its fault: no compiled fault stays
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    asked = os.fdopen(os.dup(0))  # pytest has its own 0 and 1
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def tell(answer: object) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    if sys.argv[1] == _ANEW:
        tell(_this_anew(sys.argv[2], json.loads(asked.read())))
        return 0
    return pytest.main([*_WORDS, *sys.argv[1:]], plugins=[Trials(asked, tell)])


if __name__ == "__main__":
    sys.exit(main())
