"""What a plain scalar means (YAML 1.2.2, section 10.3.2), and ``${NAME}`` in text."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from citypatrol.secret import Secret

Scalar = str | int | float | bool | None
Place = tuple[int, int]
"""Line and column, both from 1."""

_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_NUMBER_STARTS: Final = frozenset("-+.0123456789")
_LARGEST: Final = 2**63 - 1
_LONGEST_SECRET_FILE: Final = 65_536
_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^{}]*)(\})?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolve(text: str) -> Scalar:
    """The core schema's value of a plain scalar: ``on``, ``yes``, ``22:00`` and dates are text.

    Raises ValueError for a whole number beyond 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INT.fullmatch(text):
        if len(text.lstrip("+-0")) > 30:
            raise _too_large(text)
        number = int(text, 8 if text[:2] == "0o" else 16) if text[1:2] in "ox" else int(text)
        if abs(number) > _LARGEST:
            raise _too_large(text)
        return number
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def expand(
    text: str, *, folder: Path, env: Mapping[str, str], problem: Callable[[str], None]
) -> str | Secret:
    """``text`` with ``${NAME}`` and ``${file:PATH}`` filled in, which makes it a Secret.

    ``$${`` stands for a plain ``${``. What cannot be filled in is told to ``problem`` and left out.
    """
    origins: list[str] = []

    def fill(found: re.Match[str]) -> str:
        reference, inner, closed = found.group(0), found.group(1), found.group(2)
        if inner is None:
            return "${"
        if not closed:
            problem("'${' without '}'; for the two characters themselves write '$${'")
            return ""
        origins.append(reference)
        try:
            if inner.startswith("file:"):
                return _from_file(inner.removeprefix("file:"), folder=folder)
            return _from_environment(inner, env=env)
        except ValueError as error:
            problem(str(error))
            return ""

    filled = _REFERENCE.sub(fill, text)
    return Secret(filled, origin=" ".join(origins)) if origins else filled


def _from_environment(name: str, *, env: Mapping[str, str]) -> str:
    if not _NAME.fullmatch(name):
        message = f"'${{{name}}}' is no reference; write ${{NAME}} or ${{file:PATH}}"
        raise ValueError(message)
    value = env.get(name)
    if not value:
        how = "is not set" if value is None else "is empty"
        message = f"environment variable {name} {how}"
        raise ValueError(message)
    return value


def _from_file(name: str, *, folder: Path) -> str:
    if not name:
        message = "'${file:}' names no file; write ${file:PATH}"
        raise ValueError(message)
    try:
        with (folder / name).open("rb") as file:
            content = file.read(_LONGEST_SECRET_FILE + 1)
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        message = f"secret file {name} cannot be read: {error.strerror}"
        raise ValueError(message) from None
    except ValueError:
        message = f"secret file {name} is not UTF-8 text"  # never with its bytes
        raise ValueError(message) from None
    if len(content) > _LONGEST_SECRET_FILE:
        message = f"secret file {name} is larger than 64 kB"
        raise ValueError(message)
    if not text:
        message = f"secret file {name} is empty"
        raise ValueError(message)
    return text


def _too_large(text: str) -> ValueError:
    shown = text if len(text) <= 40 else text[:40] + "..."
    return ValueError(f"{shown} is too large; whole numbers go up to {_LARGEST}")
