"""Files that are no map, and keys that are wrong, missing or there twice: the exact message that a
person who mends a file reads."""

from pathlib import Path

import pytest

from tests.citypatrol.a_yaml_city import GOOD, load

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
