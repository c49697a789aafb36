"""What ``check`` warns of: rules with tickets and without patience."""

from pathlib import Path

import pytest

from app.cli import main
from rules.load import load_rules

RULE = "rules:\n  - name: r\n    select: {{metric: x}}\n    {words}\n"
TICKET = "ticket: {category: a.b, title: t}"


def warned(folder: Path, words: str) -> list[str]:
    path = folder / "r.yaml"
    path.write_text(RULE.format(words=words))
    found: list[str] = []
    assert load_rules([path], warn=lambda one: found.append(str(one)))[1] == []
    return [one.removeprefix(f"{path}:").partition(";")[0].partition(": a ")[0] for one in found]


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        pytest.param(f"when: {{above: 1}}\n    {TICKET}", ["for", "clear"], id="nothing"),
        pytest.param(
            f"when: {{above: 1, for: 1m}}\n    clear: {{below: 0}}\n    {TICKET}", [], id="both"
        ),
        pytest.param(
            f"when: {{above: 1, for: 0s}}\n    clear: {{for: 0s}}\n    {TICKET}", [], id="meant"
        ),
        pytest.param(
            f"when: {{above: 1, at_least: 3 samples}}\n    {TICKET}", ["clear"], id="counted"
        ),
        pytest.param(f"when: {{mean: 5m, above: 1}}\n    {TICKET}", ["clear"], id="a window"),
        pytest.param(f"when: {{missing: 5m}}\n    {TICKET}", [], id="a silence"),
        pytest.param("when: {above: 1}", [], id="no ticket"),
    ],
)
def test_what_a_rule_lacks(tmp_path: Path, words: str, lacks: list[str]) -> None:
    found = warned(tmp_path, words)
    assert [one.split(" no ")[1].split(":")[0] for one in found] == lacks
    assert all(one.startswith("4:11: rule 'r': when: no ") for one in found)


def test_strict_makes_them_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(RULE.format(words=f"when: {{above: 1}}\n    {TICKET}"))
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().err.count("warning: ") == 2
    assert main(["check", "-q", str(path)]) == 0
    assert capsys.readouterr().err == ""
    assert main(["check", "--strict", str(path)]) == 1
