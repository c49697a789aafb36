import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.cli import main
from app.guard import Guard
from citypatrol.secret import Secret
from tests.app.a_command import Done, Run
from tests.app.a_desk import TheDesk, make_desk, serving


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
