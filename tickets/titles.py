"""A ticket's title from the rule's template: ``Underpass {source.name}: {value:.0f} cm``.

Fields are ``source``, ``source.LABEL``, ``value``, ``group``, ``count``, ``rule`` and ``metric``.
The template is a file's text: no attribute of any object can be reached through it.
"""

import re
from collections.abc import Iterator
from string import Formatter
from typing import Final

from rules.incidents import Incident

LONGEST: Final = 200
_SPEC: Final = re.compile(r"[<>^]?[+ ]?0?\d{0,2}[,_]?(\.\d{1,2})?[bdeEfFgGs%]?", re.ASCII)


def title_of(template: str, incident: Incident, *, count: int) -> str:
    """One line of at most 200 characters. Never fails: a field that cannot be filled in shows its
    plain value, a label that the source has not is its id, and a broken template stands as it is.
    """
    try:
        text = "".join(
            literal + ("" if name is None else _filled(name, spec, incident, count))
            for literal, name, spec in _fields(template)
        )
    except ValueError:
        text = template
    text = " ".join(text.split()) or incident.rule
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _fields(template: str) -> Iterator[tuple[str, str | None, str]]:
    for literal, name, spec, conversion in Formatter().parse(template):
        if conversion or "{" in (spec or ""):
            message = f"'{name}' has more than a name and a plain format"
            raise ValueError(message)
        yield literal, name, spec or ""


def _filled(name: str, spec: str, incident: Incident, count: int) -> str:
    if name == "value":
        value: float | int | str = incident.value
    elif name == "count":
        value = count
    elif name == "group":
        value = incident.group if incident.group is not None else incident.source
    elif name in ("rule", "metric"):
        value = incident.rule if name == "rule" else incident.metric
    elif name == "source":
        value = incident.source
    elif name.startswith("source."):
        value = incident.labels.get(name.removeprefix("source."), incident.source)
    else:
        return f"{{{name}}}"
    text = _formatted(value, name, spec)
    return _plain(value) if text is None else text


def _formatted(value: float | int | str, name: str, spec: str) -> str | None:
    """None where the format is not for this value."""
    if not spec:
        return _plain(value)
    if not _SPEC.fullmatch(spec):
        return None
    if name not in ("value", "count"):
        value = str(value)
    try:
        return format(value, spec)
    except ValueError:
        return None


def _plain(value: float | int | str) -> str:
    return format(value, ".10g") if isinstance(value, float) else str(value)
