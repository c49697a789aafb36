from pathlib import Path

import pytest

from citypatrol.secret import Secret
from citypatrol.yamlscalar import Scalar, expand, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nULL", "nULL"),
        ("true", True), ("False", False), ("tRUE", "tRUE"),
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("y", "y"),
        ("12", 12), ("-12", -12), ("+12", 12), ("0012", 12), ("0o17", 15), ("0x1F", 31),
        ("0", 0), ("017", 17), ("-0o17", "-0o17"), ("0b11", "0b11"), ("1_000", "1_000"),
        ("22:00", "22:00"), ("1:30:00", "1:30:00"), ("2026-05-13", "2026-05-13"),
        ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-1.5E-3", -0.0015),
        (".inf", float("inf")), ("-.Inf", float("-inf")), ("+.INF", float("inf")),
        (".", "."), ("-", "-"), ("1e", "1e"), ("1.2.3", "1.2.3"), ("٣", "٣"), ("inf", "inf"),
        ("9223372036854775807", 2**63 - 1), ("=", "="), ("<<", "<<"), ("0o8", "0o8"),
    ],
)  # fmt: skip
def test_core_schema(text: str, value: Scalar) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_not_a_number() -> None:
    value = resolve(".NaN")
    assert isinstance(value, float)
    assert value != value


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775808", "0x8000000000000000", "9" * 5_000]
)
def test_whole_numbers_beyond_64_bits(text: str) -> None:
    with pytest.raises(
        ValueError, match="is too large; whole numbers go up to 9223372036854775807"
    ):
        resolve(text)


def filled(text: str, *, folder: Path = Path()) -> tuple[str | Secret, list[str]]:
    problems: list[str] = []
    env = {"USER_NAME": "viewer", "PASS": "p$$w{d}", "EMPTY": ""}
    return expand(text, folder=folder, env=env, problem=problems.append), problems


@pytest.mark.parametrize(
    ("text", "value", "origin"),
    [
        ("${PASS}", "p$$w{d}", "${PASS}"),
        ("rtsp://${USER_NAME}:${PASS}@h", "rtsp://viewer:p$$w{d}@h", "${USER_NAME} ${PASS}"),
        ("$${PASS}${PASS}", "${PASS}p$$w{d}", "${PASS}"),
    ],
)
def test_filled_in_text_is_a_secret(text: str, value: str, origin: str) -> None:
    secret, problems = filled(text)
    assert problems == []
    assert isinstance(secret, Secret)
    assert (secret.reveal(), secret.origin) == (value, origin)


@pytest.mark.parametrize(("text", "value"), [("$${X}", "${X}"), ("$5 {x}", "$5 {x}")])
def test_plain_text_stays_text(text: str, value: str) -> None:
    assert filled(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${NOPE}", "environment variable NOPE is not set"),
        ("${EMPTY}", "environment variable EMPTY is empty"),
        ("${NOPE:-x}", "'${NOPE:-x}' is no reference; write ${NAME} or ${file:PATH}"),
        ("${}", "'${}' is no reference; write ${NAME} or ${file:PATH}"),
        ("${1A}", "'${1A}' is no reference; write ${NAME} or ${file:PATH}"),
        ("${A", "'${' without '}'; for the two characters themselves write '$${'"),
        ("${a{b}}", "'${' without '}'; for the two characters themselves write '$${'"),
        ("${file:}", "'${file:}' names no file; write ${file:PATH}"),
        ("${file:gone}", "secret file gone cannot be read: No such file or directory"),
        ("${file:.}", "secret file . cannot be read: Is a directory"),
        ("${file:empty}", "secret file empty is empty"),
        ("${file:large}", "secret file large is larger than 64 kB"),
        ("${file:latin}", "secret file latin is not UTF-8 text"),
    ],
)
def test_references_that_cannot_be_filled_in(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "large").write_bytes(b"x" * 65_537)
    (tmp_path / "latin").write_bytes(b"pass\xff")
    assert filled(text, folder=tmp_path)[1] == [problem]


def test_every_broken_reference_of_a_text_is_told() -> None:
    assert len(filled("${A} ${B} ${C")[1]) == 3
