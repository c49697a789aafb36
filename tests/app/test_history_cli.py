"""``citypatrol history``: what is there, whether it is whole, and the exit status of each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from app.cli import main
from citypatrol.records import Tick
from tests.app.a_city import change, write_city
from tests.citypatrol.a_history import HOUR, SEVEN, batch, entries, write


class Done(NamedTuple):
    status: int
    out: list[str]
    err: list[str]


Say = Callable[..., Done]


@pytest.fixture
def history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """The command in a city whose history has two hours, the first in two files."""
    city = write_city(tmp_path) / "city.yaml"
    folder = tmp_path / "data" / "history"
    write(folder, entries(batch((SEVEN + 1, 1.0), (SEVEN, 2.0)), Tick(SEVEN)))
    write(folder, entries(batch((SEVEN + 2, 3.0), (SEVEN + HOUR, 4.0)), first=3))

    def say(*words: str) -> Done:
        capsys.readouterr()
        status = main(["history", *words, str(city)])
        said = capsys.readouterr()
        return Done(status, said.out.splitlines(), said.err.splitlines())

    return say


def test_hours_with_what_they_hold(history: Say) -> None:
    done = history("ls")
    assert done.status == 0
    lines = [line.split() for line in done.out]
    assert lines.pop(0) == ["hour", "(UTC)", "files", "rows", "late", "MB", "journal"]
    assert {float(line.pop(4)) <= 0.02 for line in lines} == {True}
    assert lines == [
        ["2026-05-13T07", "2", "3", "1", "1..3"],
        ["2026-05-13T08", "1", "1", "0", "3..3"],
        ["all", "3", "4", "1", "1..3"],
    ]


def test_files_for_programs(history: Say) -> None:
    done = history("ls", "--json")
    assert done.status == 0
    first, second, third = map(json.loads, done.out)
    assert first.pop("bytes") > 100
    assert first == {
        "file": "2026-05-13T07.parquet", "hour": "2026-05-13T07:00:00.000Z",
        "rows": 2, "late": 1, "first": 1, "last": 2,
    }  # fmt: skip
    assert second["file"] == "2026-05-13T07.1.parquet"
    assert third["hour"] == "2026-05-13T08:00:00.000Z"


def test_a_whole_history_is_said_to_be(history: Say) -> None:
    assert history("verify") == Done(0, ["3 files, 4 rows: no problems"], [])
    assert history("verify", "-q") == Done(0, [], [])
    assert history("verify", "--json") == Done(0, ['{"files": 3, "rows": 4, "problems": []}'], [])


def test_a_folder_without_a_city(
    history: Say, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data" / "history").rename(tmp_path / "elsewhere")
    assert history("ls").status == 3
    for verb, first in (("ls", "hour (UTC)"), ("verify", "3 files, 4 rows: no problems")):
        assert main(["history", verb, "--history", str(tmp_path / "elsewhere")]) == 0
        assert capsys.readouterr().out.startswith(first)
    assert main(["history", "ls", "--history", str(tmp_path / "nowhere")]) == 3
    assert "nowhere: no such folder" in capsys.readouterr().err
    assert history("ls", "--history", str(tmp_path / "elsewhere")).status == 2


def test_a_cut_file_is_named(history: Say, tmp_path: Path) -> None:
    path = tmp_path / "data" / "history" / "2026-05-13T07.1.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    done = history("verify")
    assert done.status == 1
    assert done.out == ["2 files, 3 rows: 1 problems"]
    (problem,) = done.err
    assert problem.startswith(f"{path}: is damaged: its end is missing or damaged")
    programs = history("verify", "--json")
    assert programs.status == 1
    assert json.loads(programs.out[0])["problems"][0]["path"] == str(path)
    listed = history("ls", "--json")
    assert len(listed.out) == 2
    assert str(path) in listed.err[0]


def test_a_city_without_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settled = change(
        "city", "journal: {type", "history: {path: /nowhere/h, keep: 30d}\njournal: {type"
    )
    city = write_city(tmp_path, **settled) / "city.yaml"
    assert main(["history", "ls", str(city)]) == 3
    said = capsys.readouterr().err
    assert "/nowhere/h: no such folder; the city has not run yet, or keeps it elsewhere" in said


def test_an_empty_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = write_city(tmp_path) / "city.yaml"
    (tmp_path / "data" / "history").mkdir(parents=True)
    assert main(["history", "ls", str(city)]) == 0
    assert capsys.readouterr().out == "nothing is written yet\n"
