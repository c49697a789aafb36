"""What people get wrong in rules and rule tests, and exactly what ``citypatrol check`` says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.check import check

CASES = yaml.safe_load(Path(__file__).with_name("authors_mistakes.yaml").read_text("utf-8"))
RULE = """\
rules:
  - name: flooded
    select: {metric: water_level}
    when: {above: 15, for: 2m}
"""


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_exactly_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]
) -> None:
    (tmp_path / "r.yaml").write_text(RULE)
    content = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    (tmp_path / "f.yaml").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert [str(one) for one in check([Path("f.yaml")], env={}).problems] == case["says"]


def test_with_the_other_tables_there_are_enough() -> None:
    files = Path(__file__).parents[1] / "rules" / "files"
    assert len(CASES) + len(list(files.glob("*.bad.yaml"))) >= 80


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{n}: &{n} [{', '.join(['*' + m] * 10)}]\n" for m, n in zip("abcde", "bcdef", strict=True)
    ),
    "lists in lists": "rules: " + "[" * 100_000,
    "maps in maps": "rules: " + "{a: " * 100_000,
    "long text": "rules:\n  - name: " + "x" * 1_000_001,
    "a long number": "rules:\n  - {name: a, when: {above: " + "9" * 1_000_000 + "}}",
    "many values": "rules: [" + "[]," * 3_000 + "]",
}


@pytest.mark.parametrize("name", list(BOMBS))
def test_a_bomb_is_refused_in_few_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "f.yaml").write_text(BOMBS[name])
    problems = check([tmp_path / "f.yaml"], env={}).problems
    assert problems
    assert max(len(one.message) for one in problems) < 200


def test_a_file_of_no_text_at_all(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(bytes(100))
    (problem,) = check([tmp_path / "f.yaml"], env={}).problems
    assert problem.message == r"control character '\x00' in the text"


def test_a_file_that_is_far_too_large(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    with path.open("wb") as file:
        file.truncate(32_000_001)
    (problem,) = check([path], env={}).problems
    assert problem.message == "is larger than 32 MB; split it, or is it another kind of file?"
