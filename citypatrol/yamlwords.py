"""Pydantic's errors as sentences for the person who mends the file."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import ErrorDetails

from citypatrol.secret import Secret
from citypatrol.yamlscalar import resolve


def says(error: ErrorDetails) -> str:
    """What is wrong with this one value, without its key."""
    kind, value = error["type"], error["input"]
    form = wanted(error)
    if form:
        return f"expected {form}, found {shown(value)}{_hint(form, value)}"
    if kind in ("value_error", "assertion_error"):
        return str(error["ctx"]["error"])
    words = _WORDS.get(kind)
    return words(error.get("ctx", {}), value) if words else _plain(error["msg"])


def no_choice(error: ErrorDetails) -> str:
    """A value that is none of a fixed few."""
    value, known = error["input"], choices(error)
    return f"{shown(value)} is none of {', '.join(known)}{_near(str(value), known)}"


def instead(word: str, known: Sequence[str]) -> str:
    """The way out of an unknown word: the nearest known one, else all of them."""
    every = f"; known: {', '.join(dict.fromkeys(known))}" if known else ""
    return _near(word, known) or every


def nearest(word: str, known: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)


def _near(word: str, known: Sequence[str]) -> str:
    near = nearest(word, known)
    return f"; did you mean '{near}'?" if near else ""


def misplaced(secret: Secret) -> str:
    where = secret.origin or "a secret"
    return f"{where} cannot stand here, it would be printed; write the value itself"


def choices(error: ErrorDetails) -> list[str]:
    words = re.findall(r"'[^']*'|[^\s,']+", error["ctx"]["expected"])
    return [word.strip("'") for word in words if word != "or"]


def wanted(error: ErrorDetails) -> str | None:
    if error["type"] in ("literal_error", "enum"):
        return either([f"'{choice}'" for choice in choices(error)])
    return _FORMS.get(error["type"])


def either(forms: Sequence[str]) -> str:
    return forms[0] if len(forms) == 1 else f"{', '.join(forms[:-1])} or {forms[-1]}"


def shown(value: Any) -> str:
    """A value of a file in a message, never long, never a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    text = text if len(text) <= 60 else text[:60] + "..."
    return f"'{text}'" if isinstance(value, str) else text


def _hint(form: str, value: Any) -> str:
    if form == "text" and isinstance(value, dict):
        return "; put text that begins with '{' in quotes"
    if form == "text" and value is not None and not isinstance(value, list):
        return "; put it in quotes"
    if "number" in form and isinstance(value, str):
        try:
            number = resolve(value) if value else None
        except ValueError:
            return ""
        if isinstance(number, int | float) and not isinstance(number, bool):
            return "; take the quotes away"
    return ""


def _plain(message: str) -> str:
    return message.removeprefix("Input should be ").removeprefix("Value error, ")


_FORMS: Final[Mapping[str, str]] = {
    "string_type": "text",
    "path_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "none_required": "nothing",
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "a map"),
}


def _limit(words: str, name: str) -> Callable[[Mapping[str, Any], Any], str]:
    def say(context: Mapping[str, Any], value: Any) -> str:
        limit = context[name]
        whole = isinstance(limit, float) and limit.is_integer()
        return f"must be {words} {int(limit) if whole else limit}, found {shown(value)}"

    return say


def _items(context: Mapping[str, Any], value: Any) -> str:
    least, most = context.get("min_length"), context.get("max_length")
    words, count = ("at most", most) if least is None else ("at least", least)
    return f"expected {words} {count} item{'' if count == 1 else 's'}, found {len(value)}"


_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any], Any], str]]] = {
    "greater_than": _limit("more than", "gt"),
    "greater_than_equal": _limit("at least", "ge"),
    "less_than": _limit("less than", "lt"),
    "less_than_equal": _limit("at most", "le"),
    "finite_number": lambda _, value: f"must be a finite number, found {shown(value)}",
    "too_short": _items,
    "too_long": _items,
    "string_too_short": lambda context, value: (
        "must not be empty"
        if context["min_length"] == 1
        else f"must have at least {context['min_length']} characters, found {shown(value)}"
    ),
    "string_too_long": lambda context, value: (
        f"must have at most {context['max_length']} characters, found {shown(value)}"
    ),
    "string_pattern_mismatch": lambda context, value: (
        f"{shown(value)} does not fit {context['pattern']}"
    ),
}
