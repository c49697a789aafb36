"""The form of a YAML file: what cannot be read, where, and how to mend it."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.yamlsyntax import decode
from citypatrol.yamltree import Tree, YamlList, YamlMap, parse, step


def read(text: str) -> Tree:
    return parse(text, path="f", folder=Path(), env={})


def told(text: str) -> list[str]:
    return [str(problem) for problem in read(text).problems]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"b{i}: &b{i} [{', '.join([f'*b{i - 1}' if i else '*a'] * 10)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1\n", "2:1: a tab cannot indent; use spaces"),
        ("a: 1\n\tb: 1\n", "2:1: a tab cannot indent; use spaces"),
        ("a: @x\n", "1:4: text must not begin with '@'; put it in quotes"),
        ("a: `x`\n", "1:4: text must not begin with '`'; put it in quotes"),
        ("a: %x\n", "1:4: text must not begin with '%'; put it in quotes"),
        ("a: *.yaml\n", "1:5: text must not begin with '*' or '&'; put it in quotes"),
        ("a: >x\n", "1:5: text must not begin with '|' or '>'; put it in quotes"),
        ("t: Underpass: wet\n", "1:13: a ':' cannot stand here; put text with ': ' in quotes"),
        ("a: 'x\nb: 1\n", "1:4: the quotes that open here are never closed"),
        ("a: [1, 2\nb: 3\n", "2:2: the list that opens at line 1 needs ',' or ']' here"),
        ("a: {b: 1", "1:4: the map that opens here is never closed"),
        ("a: {t: ${X}}\n", '1:9: inside { } and [ ] write "${NAME}" with quotes'),
        ('a: "C:\\data"\n', "1:7: unknown escape in double quotes; use single quotes"),
        ('a: "\\ud800"\n', "1:7: this escape is no character"),
        ("a:\n    b: 1\n  c: 2\n", "3:3: this fits nothing above it; check indentation and quotes"),
        ("a: 'x'y\n", "1:7: this fits nothing above it; check indentation and quotes"),
        (
            "a:\n  - 1\n  b: 2\n",
            "3:3: expected '- ' as in the list above; check the indentation",
        ),
        ("a: 1\nb\nc: 2\n", "2:1: what begins here is no key: it has no ': ' and no value"),
        ("a: - 1\n", "1:4: a list cannot begin here; write '- ' on a line of its own"),
        ("a: !e!x 1\n", "1:4: tags ('!...') are not read; put the text in quotes"),
        ("a: [}\n", "1:5: a value is missing here"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document ('---') begins here; one file, one document"),
        ("[" * 1_000, "1:65: nested deeper than 64 levels"),
        ("a: &a [*a]\n", "1:8: alias *a stands inside what it names"),
        ("a: *x\n", "1:4: unknown alias *x; no &x before it"),
        (BOMB, "5:45: aliases unfold to more than 100000 values"),
        ("a: |0\n x\n", "1:5: found an indentation indicator equal to 0"),
    ],
)
def test_broken(text: str, expected: str) -> None:
    assert told(text) == [f"f:{expected}"]
    assert read(text).broken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !x 1\n", "1:4: tag !x is not read; take it away"),
        ("a: !!python/none [x]\n", "1:4: tag !!python/none is not read; take it away"),
        ("a: !!int 5\n", "1:4: tag !!int is not read; take it away"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "3:3: '<<' in c is not YAML 1.2; write the keys out"),
        ("? [a, {b: c}]\n: 1\n", "1:3: a key must be plain text, not a list, map or alias"),
        ("a: &x b\n*x : {c: 1}\n", "2:1: a key must be plain text, not a list, map or alias"),
    ],
)  # fmt: skip
def test_what_is_not_taken(text: str, expected: str) -> None:
    assert told(text) == [f"f:{expected}"]
    assert not read(text).broken


def test_what_comes_after_a_wrong_key_is_read() -> None:
    tree = read("? {a: 1}\n: {b: 2}\nc: 3\na: 1\na: {x: 2}\nd: [1, {e: 2}]\n")
    assert tree.root == {"c": 3, "a": 1, "d": [1, {"e": 2}]}
    assert len(tree.problems) == 2


def test_keys_are_text_as_written() -> None:
    assert list(read("1: a\non: b\n0x1: c\n~: d\n'': e\n").root) == ["1", "on", "0x1", "~", ""]


def test_quotes_blocks_and_tags_make_text() -> None:
    text = "a: '5'\nb: \"on\"\nc: |\n  12\nd: !!str 7\nf: !!map {}\ng: !!seq []\n"
    tree = read(text)
    assert tree.problems == []
    assert tree.root == {"a": "5", "b": "on", "c": "12\n", "d": "7", "f": {}, "g": []}


def test_an_anchor_may_be_used_again_and_given_again() -> None:
    tree = read("a: &x 1\nb: *x\nc: &x [2]\nd: *x\ne: [*x, *x]\n")
    assert tree.root == {"a": 1, "b": 1, "c": [2], "d": [2], "e": [[2], [2]]}
    assert tree.root.value_places["b"] == (2, 4)


def test_an_alias_bomb_costs_no_memory() -> None:
    tracemalloc.start()
    read(BOMB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_places_count_characters_not_bytes() -> None:
    root = read("城市: 郑州\n名: [管城区, 2]\n").root
    assert root.key_places == {"城市": (1, 1), "名": (2, 1)}
    assert root.value_places == {"城市": (1, 5), "名": (2, 4)}
    assert step(root["名"], 1) == (2, (2, 10))


def test_step_finds_nothing_where_there_is_nothing() -> None:
    root = read("a: [1]\n").root
    assert isinstance(root, YamlMap)
    assert isinstance(root["a"], YamlList)
    assert step(root, "b") is None
    assert step(root, 0) is None
    assert step(root["a"], 1) is None
    assert step(root["a"], -1) is None
    assert step(1, "a") is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: 1\n\xe4\xb8\xad\xff", "f:2:2: not UTF-8 (byte 0xff); save it as UTF-8"),
        ("a: 郑".encode("utf-16"), "f:1:1: not UTF-8 (byte 0xff); save it as UTF-8"),
        (b"a: \xe9t\xe9", "f:1:4: not UTF-8 (byte 0xe9); save it as UTF-8"),
        (b"a: 1\nb: \x00", "f:2:4: control character '\\x00' in the text"),
        (b"\x1b[31m", "f:1:1: control character '\\x1b' in the text"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, expected: str) -> None:
    text, problems = decode(data, path="f")
    assert (text, [str(problem) for problem in problems]) == ("", [expected])


def test_text_with_and_without_bom() -> None:
    assert decode("a: 郑\r\n".encode("utf-8-sig"), path="f") == ("a: 郑\r\n", [])


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t$~1.<\\")))
def test_no_text_breaks_the_reader(text: str) -> None:
    tree = read(text)
    assert tree.problems or not tree.broken
    assert all(problem.line >= 1 and problem.column >= 1 for problem in tree.problems)
