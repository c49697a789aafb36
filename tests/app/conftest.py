import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.cli import main
from app.guard import Guard
from app.tailing import Tailing
from citypatrol.secret import Secret
from ingest.tap import Tap
from tests.app import a_rule_test
from tests.app.a_backtest import Backtest
from tests.app.a_city import write_city
from tests.app.a_command import Done, Run
from tests.app.a_desk import TheDesk, make_desk, serving
from tests.app.a_roll import INPUT, RULES, heard, roll_of
from tests.app.a_rule_test import Try
from tests.app.a_terminal import City, Terminal, at_port


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[TheDesk]:
    """On loopback, no token."""
    async with serving(make_desk(tmp_path)) as running:
        yield running


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[TheDesk]:
    """With a token."""
    guard = Guard.of(listen_host="0.0.0.0", public_url="https://x.example", token=Secret("t0ken"))
    async with serving(make_desk(tmp_path), guard=guard) as running:
        yield running


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """One command, in this process: the same words, the same output, the same status."""
    for name in [name for name in os.environ if name.startswith("CITYPATROL")]:
        monkeypatch.delenv(name)

    def run(*words: str, cwd: Path | None = None) -> Done:
        if cwd is not None:
            monkeypatch.chdir(cwd)
        capsys.readouterr()
        try:
            status = main(words)
        except SystemExit as left:
            status = int(left.code or 0)
        out = capsys.readouterr()
        return Done(status, out.out, out.err)

    return run


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


@pytest.fixture
def heard_city(tmp_path: Path) -> Iterator[TheDesk]:
    """Running, with a heard gateway and its devices, at the address that the terminal asks."""
    data = tmp_path / "data"
    data.mkdir()
    stage = heard(data)
    tailing = Tailing(Tap(), heard=stage, inputs=[INPUT])
    with City(data, roll=roll_of(stage), rules=lambda: RULES, tailing=tailing) as desk:
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        yield desk
        tailing.tap.close()


@pytest.fixture
def backtest(tmp_path: Path, run: Run) -> Backtest:
    """The command on the rules of a small city; its history lies in ``tmp_path/h``."""
    write_city(tmp_path / "city")

    def backtest(*words: str, rules: str = "city/rules/water.yaml", history: str = "h") -> Done:
        return run("backtest", str(tmp_path / rules), "--history", str(tmp_path / history), *words)

    return backtest


@pytest.fixture
def attempt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Try:
    """The command on one file of tests; places in what it says begin with the line."""
    (tmp_path / "rules.yaml").write_text(a_rule_test.RULES)

    def run(tests: str, *words: str, head: str = a_rule_test.HEAD) -> a_rule_test.Done:
        path = tmp_path / "tests.yaml"
        path.write_text(head + tests)
        capsys.readouterr()
        status = main(["test", str(path), *words])
        out, err = capsys.readouterr()
        return a_rule_test.Done(
            status,
            out.splitlines(),
            err.replace(f"{path}:", "").replace(f"{tmp_path}/", "").splitlines(),
        )

    return run
