"""Wrong files and exactly what ``citypatrol check`` says of them, each message at its line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.check import check
from tests.app.a_city import FILES, change, write_city

TABLES = sorted(Path(__file__).with_name("wrong_files").glob("*.yaml"))


def _cases() -> list[Any]:
    cases = []
    for table in TABLES:
        for case in yaml.safe_load(table.read_text("utf-8")):
            shown = case["to"] or f"without {case['change']}"
            name = f"{table.stem}: {shown.strip().splitlines()[0]}"
            cases.append(pytest.param(table.stem, case, id=name))
    return cases


@pytest.mark.parametrize(("name", "case"), _cases())
def test_exactly_this_is_said(tmp_path, monkeypatch, name, case):
    write_city(tmp_path, **change(name, case["change"], case["to"]))
    monkeypatch.chdir(tmp_path)
    assert [str(problem) for problem in check([Path()], env={}).problems] == case["says"]


def test_there_are_enough_and_of_every_file():
    assert len(_cases()) >= 60
    assert {table.stem for table in TABLES} == {Path(name).stem for name in FILES}


def test_the_city_is_right_before_it_is_made_wrong(tmp_path):
    write_city(tmp_path)
    found = check([tmp_path], env={})
    assert (found.problems, found.notes, found.files) == ([], [], len(FILES))
