"""The schemas of editors: they accept every good file, and refuse what a schema can refuse."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from app.cli import main
from app.schemas.files import MODELS, NOTES, schema
from bench.docs import ROOT
from citypatrol.secret import Secret
from citypatrol.yamltree import parse
from tests.app.a_city import FILES, change
from tests.docs.test_examples import BLOCK, PAGES

STARTER = ROOT / "app" / "starter"
RULE_FILES = ROOT / "tests" / "rules" / "files"
TABLES = Path(__file__).with_name("wrong_files")
KIND_OF_TABLE = {"water": "rules", "city": "city", "cameras": "cameras", "units": "units"}
KIND_OF_FOLDER = {"rules": "rules", "packs": "rules", "tests": "test"}

BEYOND = yaml.safe_load((Path(__file__).with_name("beyond_schemas.yaml")).read_text("utf-8"))


@cache
def validator(kind: str) -> Draft7Validator:
    made = schema(kind)
    Draft7Validator.check_schema(made)
    return Draft7Validator(made)


def plain(node: Any) -> Any:
    """As an editor sees it: text where a secret was filled in."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(one) for one in node]
    return node.origin if isinstance(node, Secret) else node


def refused(kind: str, text: str) -> list[str]:
    """What the schema says of a file; as YAML it must be sound."""
    tree = parse(text, path="f", folder=Path(), env={})
    assert not tree.broken, tree.problems
    return [error.message for error in validator(kind).iter_errors(plain(tree.root))]


def good() -> Iterator[Any]:
    for path in sorted([*STARTER.rglob("*.yaml"), *(ROOT / "rules" / "packs").rglob("*.yaml")]):
        kind = KIND_OF_FOLDER.get(path.parent.name, path.stem)
        yield pytest.param(kind, path.read_text(), id=str(path.relative_to(ROOT)))
    yield pytest.param("rules", (ROOT / "app/demo/rules.yaml").read_text(), id="demo")
    for path in sorted(RULE_FILES.glob("*.good.yaml")):
        yield pytest.param("rules", path.read_text(), id=path.name)
    for name, text in FILES.items():
        if name.endswith(".yaml"):
            yield pytest.param(KIND_OF_TABLE[Path(name).stem], text, id=name)
    for page in PAGES:
        for number, (language, body) in enumerate(BLOCK.findall(page.read_text("utf-8"))):
            kind = "test" if "tests:" in body else body.partition(":")[0]
            if language in ("yaml", "yml") and kind in MODELS:
                yield pytest.param(kind, body, id=f"{page.name}:{number}")


@pytest.mark.parametrize(("kind", "text"), list(good()))
def test_every_good_file_is_accepted(kind: str, text: str) -> None:
    assert refused(kind, text) == []


def bad() -> Iterator[tuple[str, str, str]]:
    """Name, kind and text of every wrong file that is YAML at all."""
    for path in sorted(RULE_FILES.glob("*.bad.yaml")):
        yield path.name.removesuffix(".bad.yaml"), "rules", path.read_text()
    for table, kind in KIND_OF_TABLE.items():
        for case in yaml.safe_load((TABLES / f"{table}.yaml").read_text("utf-8")):
            (text,) = change(table, case["change"], case["to"]).values()
            shown = case["to"] or f"without {case['change']}"
            yield f"{table}: {shown.strip().splitlines()[0]}", kind, text


BAD = {name: (kind, text) for name, kind, text in bad()}
WHOLE = {
    name: entry
    for name, entry in BAD.items()
    if not (tree := parse(entry[1], path="f", folder=Path(), env={})).broken
    and isinstance(tree.root, dict | list | type(None))
}


def test_what_check_refuses_is_refused_where_a_schema_can() -> None:
    passed = {name for name, (kind, text) in WHOLE.items() if not refused(kind, text)}
    assert passed == {name for names in BEYOND.values() for name in names}


@pytest.mark.parametrize(
    ("when", "more"),
    [
        pytest.param("{above: 15 furlong}", "", id="no unit"),
        pytest.param("{above: 1_000}", "", id="no number"),
        pytest.param("{above: 15,5 cm}", "", id="a comma"),
        pytest.param("{above: 15}", "mode: {Flood: off}", id="no name of a mode"),
        pytest.param("{above: 15}", 'mode: {"": off}', id="a mode without a name"),
    ],
)
def test_keys_and_amounts_have_their_form(when: str, more: str) -> None:
    rule = "rules:\n  - name: a\n    select: {metric: m}\n    when: %s\n    %s\n"
    assert refused("rules", rule % (when, more))
    for good in ("15 cm", "-3.5e1degF", ".5 mg/m³", "80 %"):
        assert refused("rules", rule % (f"{{above: {good}}}", "mode: {flood: off}")) == []


@pytest.mark.parametrize("kind", list(MODELS))
def test_every_key_has_a_sentence_and_every_sentence_a_key(kind: str) -> None:
    lacking = []
    for name, part in {**schema(kind)["definitions"], kind: schema(kind)}.items():
        keys = part.get("properties", {})
        lacking += [f"{name}.{key}" for key, one in keys.items() if "description" not in one]
    assert lacking == []


def test_no_sentence_is_left_over() -> None:
    over = [
        f"{model.__name__}.{key}"
        for model, notes in NOTES.items()
        for key in notes.keys
        if key not in {info.alias or name for name, info in model.model_fields.items()}
    ]
    assert over == []


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in MODELS:
        assert main(["schema", kind]) == 0
        assert json.loads(capsys.readouterr().out) == schema(kind)
