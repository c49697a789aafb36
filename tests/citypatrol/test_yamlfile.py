"""Wrong files and the exact message of each: what a person who mends a file reads."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from citypatrol.secret import Secret
from citypatrol.units import DurationMs, SizeBytes
from citypatrol.yamlfile import Document, Model, load_model, wrong

ENV = {"TOKEN": "canary-9b1f", "EMPTY": ""}


def whsec(secret: Secret) -> Secret:
    if not secret.reveal().startswith("whsec_"):
        message = f"'{secret.reveal()}' does not begin with whsec_"
        raise ValueError(message)
    return secret


class Town(Model):
    name: Annotated[str, Field(min_length=1, max_length=9)]
    timezone: str
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$", min_length=2)] = "ZZ"


class Kind(Model):
    lateness: DurationMs = 0
    stale: DurationMs = 7_200_000


class Mqtt(Model):
    type: Literal["mqtt"]
    url: Secret
    qos: Literal[0, 1] = 1
    topics: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)] = ("x",)
    unbuilt: ClassVar[Mapping[str, str]] = {"cert": "comes with TLS", "ca": ""}


class File(Model):
    type: Literal["file"]
    path: Path


class Http(Model):
    listen: str = "127.0.0.1:8080"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    token: Secret | None = None
    debug: bool = False


class Limit(Model):
    label: str
    default: float | None = None


class Rule(Model):
    noun: ClassVar[str] = "rule"
    unbuilt: ClassVar[Mapping[str, str]] = {"payload: senml": "comes with Formats"}
    name: str
    above: float | Limit | None = None
    every: DurationMs | Literal["off"] | None = None
    payload: Literal["plain", "json"] = "plain"
    box: tuple[float, float, float, float] | None = None
    not_: Limit | None = Field(default=None, alias="not")
    low: float = 0
    high: float = 1

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.low >= self.high:
            message = f"must be above low ({self.low:g}), found {self.high:g}"
            raise wrong(message, "high")
        if self.low < 0:
            message = "nothing is below 0"
            raise ValueError(message)
        return self


class City(Model):
    unbuilt: ClassVar[Mapping[str, str]] = {"history": "", "type: kafka": "comes with Streams"}
    city: Town
    kinds: dict[Annotated[str, StringConstraints(max_length=8)], Kind] = Field(default={})
    inputs: list[Annotated[Mqtt | File, Field(discriminator="type")]] = Field(default=[])
    http: Http = Http()
    rules: tuple[Rule, ...] = ()
    hook: Annotated[Secret, AfterValidator(whsec)] | None = None
    size: SizeBytes = 0
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    hours: Annotated[list[int], Field(min_length=2)] = Field(default=[8, 18])


GOOD = "city: {name: Z, timezone: UTC}\n"


def load(tmp_path: Path, text: str | bytes) -> tuple[City | None, list[str], Document]:
    path = tmp_path / "city.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    city, problems, document = load_model(path, City, env=ENV)
    assert all(problem.path == str(path) for problem in problems)
    return city, [str(problem).replace(f"{tmp_path}/", "") for problem in problems], document


KEYS = "expected a map with the keys city"
WRONG: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", [f"1:1: the file is empty; {KEYS}"]),
    "comment only": ("# nothing\n", [f"1:1: the file is empty; {KEYS}"]),
    "a list": ("- a\n", [f"1:1: {KEYS}"]),
    "a text": ("hello\n", [f"1:1: {KEYS}"]),
    "missing": ("size: 1GB\n", ["1:1: missing key 'city'"]),
    "missing below": ("city:\n  name: Z\n", ["2:3: missing key 'timezone' in city"]),
    "nothing there": ("city:\n", ["1:6: city: expected a map, found nothing"]),
    "list for a map": ("city: []\n", ["1:7: city: expected a map, found a list"]),
    "map for a list": (GOOD + "rules: {}\n", ["2:8: rules: expected a list, found a map"]),
    "number for text": (
        "city: {name: 5, timezone: UTC}\n",
        ["1:14: name: expected text, found 5; put it in quotes"],
    ),
    "map for text": (
        "city: {name: {value}, timezone: UTC}\n",
        ["1:14: name: expected text, found a map; put text that begins with '{' in quotes"],
    ),
    "list for text": (
        "city: {name: [Z], timezone: UTC}\n",
        ["1:14: name: expected text, found a list"],
    ),
    "empty text": ("city: {name: '', timezone: UTC}\n", ["1:14: name: must not be empty"]),
    "long text": (
        "city: {name: Zhengzhou-East, timezone: UTC}\n",
        ["1:14: name: must have at most 9 characters, found 'Zhengzhou-East'"],
    ),
    "short text": (
        "city: {name: Z, timezone: UTC, code: Z}\n",
        ["1:38: code: must have at least 2 characters, found 'Z'"],
    ),
    "pattern": (
        "city: {name: Z, timezone: UTC, code: zz9}\n",
        ["1:38: code: 'zz9' does not fit ^[A-Z]{2}$"],
    ),
    "unknown key": (
        GOOD + "http:\n  lissten: 127.0.0.1:80\n",
        ["3:3: unknown key 'lissten' in http; did you mean 'listen'?"],
    ),
    "unknown key, nothing near": (
        GOOD + "http:\n  xyz: 1\n",
        ["3:3: unknown key 'xyz' in http; known: listen, port, token, debug"],
    ),
    "unknown key at the top": (
        GOOD + "htpt: {}\n",
        ["2:1: unknown key 'htpt'; did you mean 'http'?"],
    ),
    "a misspelt key is not missing too": (
        "city: {nmae: Z, timezone: UTC}\n",
        ["1:8: unknown key 'nmae' in city; did you mean 'name'?"],
    ),
    "duplicate key": (
        GOOD + "http:\n  port: 1\n  port: 2\n",
        ["4:3: duplicate key 'port' in http; the first is at line 3"],
    ),
    "duplicate key at the top": (
        GOOD + "city: {}\n",
        ["2:1: duplicate key 'city'; the first is at line 1"],
    ),
    "not built": (GOOD + "history: {}\n", ["2:1: 'history' is documented but not built yet"]),
    "not built below": (
        GOOD + 'inputs: [{type: mqtt, url: "x", cert: a.pem}]\n',
        ["2:33: 'cert' in inputs is documented but not built yet: comes with TLS"],
    ),
    "value not built": (
        GOOD + "rules:\n  - {name: a, payload: senml}\n",
        ["3:24: rule 'a': payload: 'senml' is documented but not built yet: comes with Formats"],
    ),
    "type not built": (
        GOOD + "inputs: [{type: kafka}]\n",
        ["2:17: type 'kafka' is documented but not built yet: comes with Streams"],
    ),
    "type unknown": (
        GOOD + "inputs: [{type: mqt}]\n",
        ["2:17: unknown type 'mqt' in inputs; did you mean 'mqtt'?"],
    ),
    "type unknown, nothing near": (
        GOOD + "inputs: [{type: x}]\n",
        ["2:17: unknown type 'x' in inputs; known: mqtt, file"],
    ),
    "type missing": (GOOD + "inputs: [{url: x}]\n", ["2:10: missing key 'type' in inputs"]),
    "type's own key missing": (
        GOOD + "inputs:\n  - type: mqtt\n",
        ["3:5: missing key 'url' in inputs"],
    ),
    "a key named like the type": (
        GOOD + "inputs: [{type: file, path: x, file: 3}]\n",
        ["2:32: unknown key 'file' in inputs; known: type, path"],
    ),
    "scalar for an input": (
        GOOD + "inputs: [mqtt]\n",
        ["2:10: inputs: expected a map, found 'mqtt'"],
    ),
    "text for a number": (
        GOOD + "http: {port: high}\n",
        ["2:14: port: expected a whole number, found 'high'"],
    ),
    "quoted number": (
        GOOD + 'http: {port: "80"}\n',
        ["2:14: port: expected a whole number, found '80'; take the quotes away"],
    ),
    "quoted huge number": (
        GOOD + f'http: {{port: "{"9" * 70}"}}\n',
        [f"2:14: port: expected a whole number, found '{'9' * 60}...'"],
    ),
    "true for a number": (
        GOOD + "http: {port: true}\n",
        ["2:14: port: expected a whole number, found true"],
    ),
    "fraction for a whole number": (
        GOOD + "http: {port: 80.5}\n",
        ["2:14: port: expected a whole number, found 80.5"],
    ),
    "nothing for a number": (
        GOOD + "http: {port: }\n",
        ["2:14: port: expected a whole number, found nothing"],
    ),
    "too small": (GOOD + "http: {port: 0}\n", ["2:14: port: must be at least 1, found 0"]),
    "too large": (
        GOOD + "http: {port: 65536}\n",
        ["2:14: port: must be at most 65535, found 65536"],
    ),
    "beyond 64 bits": (
        GOOD + "http: {port: 99999999999999999999}\n",
        [
            "2:14: port: 99999999999999999999 is too large; "
            "whole numbers go up to 9223372036854775807"
        ],
    ),
    "not more": (GOOD + "ratio: 0\n", ["2:8: ratio: must be more than 0, found 0"]),
    "not less": (GOOD + "ratio: 1.5\n", ["2:8: ratio: must be less than 1, found 1.5"]),
    "infinite": (GOOD + "ratio: .inf\n", ["2:8: ratio: must be a finite number, found inf"]),
    "YAML 1.1's on": (
        GOOD + "http: {debug: on}\n",
        ["2:15: debug: expected true or false, found 'on'"],
    ),
    "one for true": (GOOD + "http: {debug: 1}\n", ["2:15: debug: expected true or false, found 1"]),
    "no duration": (
        GOOD + "kinds:\n  water:\n    lateness: 5 minutes\n",
        ["4:15: lateness: '5 minutes' is no duration; write one like 90s, 10m, 4h or 7d"],
    ),
    "a number is no duration": (
        GOOD + "kinds: {water: {stale: 90}}\n",
        ["2:24: stale: '90' is no duration; write one like 90s, 10m, 4h or 7d"],
    ),
    "no size": (
        GOOD + "size: 20 GB\n",
        ["2:7: size: '20 GB' is no size; write one like 512MB or 20GB"],
    ),
    "a name too long": (
        GOOD + "kinds: {streetlight: {}}\n",
        ["2:9: streetlight: must have at most 8 characters, found 'streetlight'"],
    ),
    "too few": (GOOD + "hours: [8]\n", ["2:8: hours: expected at least 2 items, found 1"]),
    "too few, one wanted": (
        GOOD + 'inputs: [{type: mqtt, url: "x", topics: []}]\n',
        ["2:41: topics: expected at least 1 item, found 0"],
    ),
    "wrong items are not too few": (
        GOOD + 'inputs: [{type: mqtt, url: "x", topics: [5]}]\n',
        ["2:42: topics: expected text, found 5; put it in quotes"],
    ),
    "too many": (
        GOOD + 'inputs: [{type: mqtt, url: "x", topics: [a, b, c]}]\n',
        ["2:41: topics: expected at most 2 items, found 3"],
    ),
    "a fixed list too short": (
        GOOD + "rules: [{name: a, box: [1]}]\n",
        ["2:24: rule 'a': box: expected 4 items, found 1"],
    ),
    "a fixed list too long": (
        GOOD + "rules: [{name: a, box: [1, 2, 3, 4, 5]}]\n",
        ["2:24: rule 'a': box: expected at most 4 items, found 5"],
    ),
    "an item of a list": (
        GOOD + "rules: [{name: a, box: [1, 2, 3, true]}]\n",
        ["2:34: rule 'a': box: expected a number, found true"],
    ),
    "none of a few": (
        GOOD + "rules: [{name: a, payload: jsno}]\n",
        ["2:28: rule 'a': payload: 'jsno' is none of plain, json; did you mean 'json'?"],
    ),
    "none of a few numbers": (
        GOOD + 'inputs: [{type: mqtt, url: "x", qos: 2}]\n',
        ["2:38: qos: 2 is none of 0, 1"],
    ),
    "neither form": (
        GOOD + "rules: [{name: a, above: high}]\n",
        ["2:26: rule 'a': above: expected a number or a map, found 'high'"],
    ),
    "one form, wrong inside": (
        GOOD + "rules: [{name: a, above: {lable: x}}]\n",
        ["2:27: rule 'a': unknown key 'lable' in above; did you mean 'label'?"],
    ),
    "a duration or a word": (
        GOOD + "rules: [{name: a, every: 5 m}]\n",
        [
            "2:26: rule 'a': every: '5 m' is no duration; "
            "write one like 90s, 10m, 4h or 7d; or 'off'"
        ],
    ),
    "under an alias": (
        GOOD + "rules: [{name: a, not: {default: 1}}]\n",
        ["2:24: rule 'a': missing key 'label' in not"],
    ),
    "the rule itself": (
        GOOD + "rules:\n  - name: flooded\n    hihg: 1\n",
        ["4:5: rule 'flooded': unknown key 'hihg'; did you mean 'high'?"],
    ),
    "a rule without a name": (GOOD + "rules: [{low: 0}]\n", ["2:9: missing key 'name' in rules"]),
    "a check of two keys": (
        GOOD + "rules: [{name: a, low: 5, high: 3}]\n",
        ["2:33: rule 'a': high: must be above low (5), found 3"],
    ),
    "a check of the whole": (
        GOOD + "rules: [{name: a, low: -1}]\n",
        ["2:9: rule 'a': nothing is below 0"],
    ),
    "environment not set": (
        GOOD + 'http: {token: "${NOPE}"}\n',
        ["2:15: token: environment variable NOPE is not set"],
    ),
    "environment empty, and no second message": (
        GOOD + "hook: ${EMPTY}\n",
        ["2:7: hook: environment variable EMPTY is empty"],
    ),
    "secret where it would be printed": (
        GOOD + 'http: {listen: "${TOKEN}:80"}\n',
        ["2:16: listen: ${TOKEN} cannot stand here, it would be printed; write the value itself"],
    ),
    "secret for a duration": (
        GOOD + 'kinds: {water: {stale: "${TOKEN}"}}\n',
        ["2:24: stale: ${TOKEN} cannot stand here, it would be printed; write the value itself"],
    ),
    "secret for one of two forms": (
        GOOD + 'rules: [{name: a, above: "${TOKEN}"}]\n',
        [
            "2:26: rule 'a': above: ${TOKEN} cannot stand here, it would be printed; "
            "write the value itself"
        ],
    ),
    "a number for a secret is not shown": (
        GOOD + "http: {token: 8271}\n",
        ["2:15: token: expected text; put it in quotes"],
    ),
    "a secret in a validator's message": (
        GOOD + "hook: ${TOKEN}\n",
        ["2:7: hook: '***' does not begin with whsec_"],
    ),
    "a written secret in a validator's message": (
        GOOD + "hook: s3cret-written\n",
        ["2:7: hook: '***' does not begin with whsec_"],
    ),
    "every problem at once": (
        "city: {name: 5}\nhttp: {prot: 1, debug: yes}\nrules: [{name: a, hihg: 2}, 7]\nrules: []\n",
        [
            "1:7: missing key 'timezone' in city",
            "1:14: name: expected text, found 5; put it in quotes",
            "2:8: unknown key 'prot' in http; did you mean 'port'?",
            "2:24: debug: expected true or false, found 'yes'",
            "3:19: rule 'a': unknown key 'hihg'; did you mean 'high'?",
            "3:29: rules: expected a map, found 7",
            "4:1: duplicate key 'rules'; the first is at line 3",
        ],
    ),
    "broken": ("city: [1\n", ["1:7: the list that opens here is never closed"]),
    "not UTF-8": (
        "city: {name: Z, timezone: UTC}\n# 中".encode() + b"\xff\n",
        ["2:4: not UTF-8 (byte 0xff); save it as UTF-8"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG.keys())
def test_wrong_file(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    _, problems, _ = load(tmp_path, text)
    assert problems == [f"city.yaml:{line}" for line in expected]


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
