"""Reading a file into a model, right or wrong; its messages are in test_yaml_keys and _values."""

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from citypatrol.secret import Secret
from citypatrol.yamlfile import load_model
from tests.citypatrol.a_yaml_city import (
    ENV,
    GOOD,
    City,
    File,
    Http,
    Kind,
    Limit,
    Mqtt,
    Rule,
    Town,
    load,
)


def test_a_good_file(tmp_path: Path) -> None:
    text = """\
city: {name: 郑州, timezone: Asia/Shanghai}
kinds: {water: &slow {lateness: 30s, stale: 10m}, 410104: *slow}
inputs:
  - {type: mqtt, url: "mqtt://u:${TOKEN}@h:1883", topics: [on, 22:00]}
http: {token: "${TOKEN}", debug: true}
rules: [{name: a, above: {label: flood_limit}, box: [0, 0.5, 1, 1], not: {label: x}, every: off}]
hook: whsec_abc
size: 2GB
"""
    city, problems, _ = load(tmp_path, text)
    assert problems == []
    assert city is not None
    assert city.kinds["410104"] == city.kinds["water"] == Kind(lateness=30_000, stale=600_000)
    source = city.inputs[0]
    assert isinstance(source, Mqtt)
    assert source.url.reveal() == "mqtt://u:canary-9b1f@h:1883"
    assert source.url.origin == "${TOKEN}"
    assert source.topics == ("on", "22:00")
    assert city.rules[0].not_ == Limit(label="x")
    assert city.rules[0].every == "off"
    assert city.http.token == Secret("canary-9b1f")


def test_bom_is_accepted_and_moves_no_column(tmp_path: Path) -> None:
    city, problems, _ = load(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())
    assert city is not None
    assert problems == []
    _, problems, _ = load(tmp_path, b"\xef\xbb\xbfhtpp: 1\n" + GOOD.encode())
    assert problems == ["city.yaml:1:1: unknown key 'htpp'; did you mean 'http'?"]


def test_checks_across_files_can_go_on_after_an_unknown_key(tmp_path: Path) -> None:
    city, problems, _ = load(tmp_path, GOOD + "htpp: 1\nhttp: {xyz: 2, port: 81}\n")
    assert len(problems) == 2
    assert city is not None
    assert city.http.port == 81


def test_no_model_where_a_value_is_wrong(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD + "ratio: 2\n")[0] is None
    assert load(tmp_path, "city: {nmae: Z, timezone: UTC}\n")[0] is None


def test_a_secret_file_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("whsec_from-file\n", encoding="utf-8")
    city, problems, _ = load(tmp_path, GOOD + "hook: ${file:token}\n")
    assert problems == []
    assert city is not None
    assert city.hook == Secret("whsec_from-file")


@pytest.mark.parametrize(
    ("make", "message"),
    [("nothing", "No such file or directory"), ("folder", "Is a directory")],
    ids=["nothing", "folder"],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, make: str, message: str) -> None:
    path = tmp_path / "city.yaml"
    if make == "folder":
        path.mkdir()
    city, problems, document = load_model(path, City, env=ENV)
    assert city is None
    assert [str(problem) for problem in problems] == [f"{path}: cannot be read: {message}"]
    assert document.place("city") == (1, 1)


def test_places_for_later_checks(tmp_path: Path) -> None:
    text = GOOD + "rules:\n  - name: a\n    box: [1, 2, 3, 4]\nhttp: {token: '${TOKEN}'}\n"
    _, problems, document = load(tmp_path, text)
    assert problems == []
    assert document.place() == (1, 1)
    assert document.place("city", "name") == (1, 14)
    assert document.place("rules", 0, "box", 2) == (4, 17)
    assert document.place("rules", 0, "clear", "for") == (3, 5)
    assert document.place("rules", 7) == (3, 3)
    problem = document.problem("unit 'x' is not in units.yaml: canary-9b1f", "rules", 0, "name")
    assert (problem.line, problem.column) == (3, 11)
    assert problem.message == "unit 'x' is not in units.yaml: ***"


def test_not_built_keys_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(GOOD + "evidence: {}\n", encoding="utf-8")
    _, problems, _ = load_model(path, City, env={}, unbuilt={"evidence": "comes with Eyes"})
    assert [problem.message for problem in problems] == [
        "'evidence' is documented but not built yet: comes with Eyes"
    ]


def test_models_of_others_and_aliases_of_fields(tmp_path: Path) -> None:
    class Plain(BaseModel):
        size: int = Field(alias="Size")
        fmt: str = "x"

    path = tmp_path / "plain.yaml"
    path.write_text("- 1\n", encoding="utf-8")
    _, problems, _ = load_model(path, Plain, env={})
    assert problems[0].message == "expected a map with the keys Size"
    path.write_text("Size: 5\nextra: 1\n", encoding="utf-8")
    plain, problems, _ = load_model(path, Plain, env={})
    assert plain is not None
    assert problems == []


def test_models_are_frozen_and_hide_their_input(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        Http().port = 2
    with pytest.raises(ValueError, match="token") as caught:
        Http.model_validate({"token": 827_112})
    assert "827112" not in str(caught.value)


KEYS_OF_ALL = sorted(
    {
        field.alias or name
        for model in (City, Town, Kind, Mqtt, File, Http, Limit, Rule)
        for name, field in model.model_fields.items()
    }
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["mqtt", "file", "90s", "2GB", "plain", "jsno", "off", "${TOKEN}", "x${NO}"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS_OF_ALL) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(list(City.model_fields)), VALUES))
def test_no_file_breaks_the_reader_or_shows_a_secret(content: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "city.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        city, problems, document = load_model(path, City, env=ENV)
    assert problems or city is not None
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "canary" not in str(problem)
        assert "pydantic" not in str(problem)
        assert "Input should" not in str(problem)
    assert "canary" not in repr(city)
    assert document.path == path
