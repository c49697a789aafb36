"""Values that are wrong: the exact message that a person who mends a file reads."""

from pathlib import Path

import pytest

from tests.citypatrol.a_yaml_city import GOOD, load

WRONG: dict[str, tuple[str | bytes, list[str]]] = {
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
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG.keys())
def test_wrong_value(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    _, problems, _ = load(tmp_path, text)
    assert problems == [f"city.yaml:{line}" for line in expected]
