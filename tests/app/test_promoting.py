"""``citypatrol promote`` takes one thing out of a file and leaves the rest."""

import pytest

from app.cli import main
from app.promoting import NoShadow, promote


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "# mine\nrules:\n  - name: a\n    shadow: true  # May\n    # keep\n    stale: 1h\n",
            "# mine\nrules:\n  - name: a\n    # keep\n    stale: 1h\n",
            id="a line of its own",
        ),
        pytest.param(
            "rules:\r\n  - name: a\r\n    shadow: true\r\n    x: 1\r\n",
            "rules:\r\n  - name: a\r\n    x: 1\r\n",
            id="line ends of Windows",
        ),
        pytest.param(
            "\ufeffrules:\n  - name: a\n    shadow: True",
            "\ufeffrules:\n  - name: a",
            id="the last line, and a mark",
        ),
        pytest.param(
            "rules:\n  - shadow: true\n    name: a\n    x: 1\n",
            "rules:\n  - name: a\n    x: 1\n",
            id="the first key",
        ),
        pytest.param(
            "rules:\n  - {name: a, shadow: true, x: 1}\n",
            "rules:\n  - {name: a, x: 1}\n",
            id="in braces",
        ),
        pytest.param(
            "rules: [{name: a, shadow: true}]  # one\n",
            "rules: [{name: a}]  # one\n",
            id="last in braces",
        ),
        pytest.param(
            "rules:\n  - name: b\n    shadow: true\n  - name: a\n    shadow: true\n",
            "rules:\n  - name: b\n    shadow: true\n  - name: a\n",
            id="of this rule alone",
        ),
    ],
)
def test_only_this_goes(before, after):
    assert promote(before, "a").after == after


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules:\n  - name: a\n", "is no shadow"),
        ("rules:\n  - name: a\n    shadow: false\n", "is no shadow"),
        ("rules:\n  - name: b\n    shadow: true\n", "there is no rule 'a'"),
        ("rules:\n  - name: a\n    shadow:\n      true\n", "in line 3 is written unusually"),
        ("x: &t {shadow: true}\nrules: 3\n", "there is no rule 'a'"),
    ],
)
def test_what_cannot_be_is_said(text, says):
    with pytest.raises(NoShadow, match=says):
        promote(text, "a")


CITY = """city: {name: X, timezone: UTC}
journal: {type: sqlite}
inputs: []
rules: [rules/*.yaml]
"""
RULES = """rules:
  - name: a
    select: {metric: x}
    when: {above: 1, for: 1m}
    shadow: true
    ticket: {category: a.b, title: t}
"""


def test_from_the_terminal(tmp_path, capsys):
    (tmp_path / "city.yaml").write_text(CITY)
    (tmp_path / "rules").mkdir()
    path = tmp_path / "rules" / "some.yaml"
    path.write_text(RULES)
    path.chmod(0o640)
    city = ["--city", str(tmp_path / "city.yaml")]
    assert main(["promote", "a", "--dry-run", *city]) == 0
    assert (path.read_text(), "-    shadow: true\n" in capsys.readouterr().out) == (RULES, True)
    assert main(["promote", "a", *city]) == 0
    assert "takes it at SIGHUP" in capsys.readouterr().out
    assert path.read_text() == RULES.replace("    shadow: true\n", "")
    assert path.stat().st_mode & 0o777 == 0o640
    assert main(["promote", "a", *city]) == 1
    assert "rule 'a' is no shadow" in capsys.readouterr().err
    assert main(["promote", "aa", *city]) == 1
    assert "has a rule 'aa'; the nearest: a\n" in capsys.readouterr().err
    assert main(["promote", "a", "--city", str(tmp_path / "none.yaml")]) == 2
