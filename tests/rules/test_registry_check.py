"""Rules against a real registry: thresholds by label."""

from pathlib import Path

import pytest

from citypatrol.registry import Registry
from rules.registry_check import check_registry
from tests.rules.story import ruleset

HEAD = "id,name,kind,site,lat,lon,flood_limit,dry_limit\n"
CSV = (
    HEAD
    + """up-1,First,underpass,,,,20,
up-2,Second,underpass,,,,high,
up-3,Third,underpass,,,,,
up-4,Fourth,underpass,,,,8,
up-5,Fifth,underpass,,,,,16
lamp-1,Lamp,lamp,,,,tall,
"""
)
LIMIT = "above: {label: flood_limit, default: 15}"


def check(tmp_path: Path, words: str, csv: str = CSV) -> list[str]:
    path = tmp_path / "registry.csv"
    path.write_text(csv)
    registry, problems = Registry.read(path)
    assert problems == []
    rules = ruleset(
        f"rules:\n  - {{name: r, select: {{metric: x, where: {{kind: underpass}}}}, {words}}}\n"
    )
    return [str(one) for one in check_registry(rules, registry, path="registry.csv")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("when: {above: 15}, clear: {below: 10}", [], id="no labels"),
        pytest.param("when: {missing: 10m}", [], id="no comparison"),
        pytest.param(
            f"when: {{{LIMIT}}}",
            [
                "registry.csv: source 'up-2': flood_limit 'high' is no number; "
                "rule 'r' compares with it"
            ],
            id="no number, and the lamp is not selected",
        ),
        pytest.param(
            f"when: {{{LIMIT}}}, clear: {{below: 10}}",
            [
                "registry.csv: source 'up-2': flood_limit 'high' is no number; "
                "rule 'r' compares with it",
                "registry.csv: source 'up-4': with flood_limit 8 rule 'r' begins and clears at "
                "once, by what lies between 8 and 10",
            ],
            id="overlap",
        ),
        pytest.param(
            f"when: {{{LIMIT}}}, clear: {{below: {{label: dry_limit, default: 5}}}}",
            [
                "registry.csv: source 'up-2': flood_limit 'high' is no number; "
                "rule 'r' compares with it",
                "registry.csv: source 'up-5': with dry_limit 16 rule 'r' begins and clears at "
                "once, by what lies between 15 and 16",
            ],
            id="overlap of two labels",
        ),
    ],
)
def test_check_registry(tmp_path: Path, words: str, expected: list[str]) -> None:
    assert check(tmp_path, words) == expected


def test_many_are_shortened(tmp_path: Path) -> None:
    rows = "".join(f"up-{n},,underpass,,,,x,\n" for n in range(9))
    found = check(tmp_path, f"when: {{{LIMIT}}}", HEAD + rows)
    assert len(found) == 6
    assert found[-1] == "registry.csv: 4 more sources like these (rule 'r')"
