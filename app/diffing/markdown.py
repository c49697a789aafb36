"""A comparison as a comment on a pull request: short, and what is long folds away."""

from typing import Final

from app.diffing.comparing import Comparison, Told
from app.diffing.matching import FATES, Fate
from app.diffing.report import HEADINGS, about, by_whom, opened, row, why
from app.terminal import say
from citypatrol.clock import rfc3339

_SHOWN: Final = 50
_MARK: Final = "<!-- citypatrol diff -->"
"""So that a job finds its own comment again."""


def as_markdown(result: Comparison, *, old: str, new: str) -> None:
    """GitHub and GitLab show it alike."""
    say(_MARK)
    say(f"### citypatrol: {_summary(result)}")
    say()
    until = "no sample" if result.until is None else f"until {rfc3339(result.until)}"
    say(f"`{_code(old)}` against `{_code(new)}`, {result.samples:,} samples {until}.")
    if result.changes.changes:
        say()
        _table(HEADINGS, [row(one, result) for one in result.changes.changes])
        say()
        for one in result.changes.changes:
            for part in one.parts:
                say(f"- {_cell(one.name)}: {_cell(str(part))}")
    if result.idle:
        say()
        for rule, why in result.idle.items():
            say(f"- **{_cell(rule)} judged nothing**: {_cell(why)}")
    for fate in FATES:
        if result.told[fate]:
            _folded(fate, result.told[fate], result.count(fate))


def _summary(result: Comparison) -> str:
    """Shadow tickets apart: they are nobody's work yet."""
    said = []
    for kind, shadow in (("tickets", False), ("shadow tickets", True)):
        counts = {fate: result.count(fate, shadow=shadow) for fate in FATES}
        some = [f"{count:,} {fate}" for fate, count in counts.items() if count]
        if some:
            said.append(f"{kind} {', '.join(some)}")
    return "; ".join(said) or "no ticket differs"


def _folded(fate: Fate, told: list[Told], count: int) -> None:
    say()
    say(f"<details><summary>{count:,} {fate}</summary>")
    say()
    rows = [
        [by_whom(one.difference.ticket), about(one.difference.ticket), opened(one), why(one, fate),
         one.difference.ticket.title]
        for one in told[:_SHOWN]
    ]  # fmt: skip
    _table(("rule", "source", "opened", "why", "title"), rows)
    if count > _SHOWN:
        say()
        say(f"... and {count - _SHOWN:,} more")
    say()
    say("</details>")


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> None:
    say(f"| {' | '.join(headings)} |")
    say(f"|{'---|' * len(headings)}")
    for cells in rows:
        say(f"| {' | '.join(map(_cell, cells))} |")


def _cell(text: str) -> str:
    """Names and titles come from files and from the field: none of it is markup here."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    for sign in "\\`*_[]<>|~#@":
        shown = shown.replace(sign, f"\\{sign}")
    return shown.replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\@", "&#64;")


def _code(text: str) -> str:
    return text.replace("`", "'")
