from pathlib import Path

import pytest

from citypatrol.kinds import Kind, Kinds
from citypatrol.yamlfile import Model, load_model


class City(Model):
    kinds: Kinds = Kinds()


def kinds(tmp_path: Path, text: str) -> tuple[City | None, list[str]]:
    path = tmp_path / "city.yaml"
    path.write_text(text, encoding="utf-8")
    city, problems, _ = load_model(path, City, env={})
    return city, [f"{p.line}:{p.column}: {p.message}" for p in problems]


TWO = """\
kinds:
  default: {lateness: 5s, stale: 1h}
  water: {lateness: 30s}
  air: {stale: 10m}
"""


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, Kind(5_000, 3_600_000)),
        ({"kind": "tree"}, Kind(5_000, 3_600_000)),
        ({"kind": "default"}, Kind(5_000, 3_600_000)),
        ({"kind": "water"}, Kind(30_000, 3_600_000)),
        ({"kind": "air"}, Kind(5_000, 600_000)),
    ],
)
def test_by_kind(tmp_path: Path, labels: dict[str, str], expected: Kind) -> None:
    city, problems = kinds(tmp_path, TWO)
    assert problems == []
    assert city is not None
    assert city.kinds.of(labels) == expected


def test_built_in() -> None:
    assert Kinds().of({"kind": "water"}) == Kind(lateness=0, stale=7_200_000)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "kinds: {water: {lateness: 1}}",
            "1:27: lateness: '1' is no duration; write one like 90s, 10m, 4h or 7d",
        ),
        (
            "kinds: {water: {stale: 0s}}",
            "1:24: stale: must be more than 0s: a value that is dead at once judges nothing",
        ),
        ("kinds: {water: }", "1:16: water: expected a map, found nothing"),
        ("kinds: 5", "1:8: kinds: expected a map, found 5"),
    ],
)
def test_wrong(tmp_path: Path, text: str, problem: str) -> None:
    assert kinds(tmp_path, text) == (None, [problem])


def test_unknown_key(tmp_path: Path) -> None:
    _, problems = kinds(tmp_path, "kinds: {water: {latness: 1s}}")
    assert problems == ["1:17: unknown key 'latness' in water; did you mean 'lateness'?"]
