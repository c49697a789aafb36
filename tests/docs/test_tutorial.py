"""The walk of docs/tutorial.md, as it is written: its files, its commands, what they print."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from bench.docs import ROOT

PAGE = (ROOT / "docs/tutorial.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WALK = {"init", "check", "test", "history", "backtest", "diff", "promote", "explain"}


def commands(body: str) -> list[tuple[str, str]]:
    """What is typed, and what is printed before the next one."""
    parts = re.split(r"^\$ (.*)\n", body, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


class Walker:
    """Somebody who does what the page says, in a folder of their own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.status = 0
        self._chdir = monkeypatch.chdir
        self._chdir(folder)
        for name in [name for name in os.environ if name.startswith(("CITYPATROL", "GIT_"))]:
            monkeypatch.delenv(name)
        theirs = {"GIT_CONFIG_GLOBAL": os.devnull, "COLUMNS": "80"}
        for who in ("AUTHOR", "COMMITTER"):
            theirs |= {f"GIT_{who}_NAME": "Author", f"GIT_{who}_EMAIL": "author@city.example"}
        theirs["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        for name, value in theirs.items():
            monkeypatch.setenv(name, value)

    def write(self, body: str) -> None:
        Path(body.splitlines()[0].removeprefix("# ")).write_text(body, "utf-8")

    def edit(self, body: str) -> None:
        """A file's name, then lines that stay, lines that go and lines that come."""
        name, *lines = body.splitlines(keepends=True)
        path = Path(name.strip().removeprefix("# "))
        old, new = ("".join(one[1:] for one in lines if one[0] in kept) for kept in (" -", " +"))
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"these lines stand {text.count(old)} times in {path}:\n{old}"
        path.write_text(text.replace(old, new), "utf-8")

    def type(self, line: str) -> str:
        """What is printed, both streams as a terminal mixes them."""
        words = shlex.split(line)
        if words[0] == "cd":
            self._chdir(words[1])
            return ""
        if line == "echo $?":
            return f"{self.status}\n"
        if words[0] == "citypatrol":
            said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                try:
                    self.status = main(words[1:])
                except SystemExit as left:  # wrong usage
                    self.status = int(left.code or 0)
            said.seek(0)
            return said.read()
        done = subprocess.run(
            ["/bin/sh", "-c", line], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout + done.stderr


def as_the_page_has_it(printed: str, expected: str) -> bool:
    """A line `...` of the page stands for lines that are left out."""
    parts = re.split(r"^\.\.\.\n", expected, flags=re.MULTILINE)
    return re.fullmatch("(?:.*\n)*".join(map(re.escape, parts)), printed) is not None


def test_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walker = Walker(tmp_path, monkeypatch)
    for kind, body in BLOCK.findall(PAGE):
        if kind == "diff":
            walker.edit(body)
        elif kind != "console":
            walker.write(body)
        for typed, expected in commands(body) if kind == "console" else ():
            printed = walker.type(typed)
            assert as_the_page_has_it(printed, expected), f"$ {typed}\n{printed}"


def test_it_goes_all_the_way() -> None:
    consoles = [body for kind, body in BLOCK.findall(PAGE) if kind == "console"]
    typed = [line.split() for body in consoles for line, _ in commands(body)]
    assert {words[1] for words in typed if words[0] == "citypatrol"} == WALK


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        pytest.param("a\nb\n", "a\nb\n", True, id="all of it"),
        pytest.param("a\nb\n", "a\n", False, id="a line too few"),
        pytest.param("a.\n", "ab\n", False, id="no sign has a meaning"),
        pytest.param("a\nb\nc\nd\n", "a\n...\nd\n", True, id="left out"),
        pytest.param("a\nb\nc\n", "a\n...\nd\n", False, id="wrong after what is left out"),
    ],
)
def test_what_counts_as_the_same(printed: str, expected: str, same: bool) -> None:
    assert as_the_page_has_it(printed, expected) is same
