"""docs/rules.md: every rule in it loads, and every time line in it is true."""

import re
from pathlib import Path

import pytest

from citypatrol.records import ModeSwitched, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from citypatrol.units import duration_ms
from rules.engine import Engine
from rules.ruleset import RuleSet
from tests.rules.story import DAY, ruleset

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
BLOCK = re.compile(r"^```(yaml|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WORDS = ("above", "below", "between", "outside", "for", "at_least", "clear", "missing", "unless")
WORDS += ("all", "any", "not", "during", "mode", "mean", "count", "p95", "rate", "change")
MORE = (
    "group",
    "select",
    "where",
    "severity",
    "stale",
    "ticket",
    "label",
    "default",
    "cooldown",
    "joins",
    "site",
    "days",
    "is",
)


def lines() -> list[tuple[str, RuleSet, str]]:
    """Every time line with the rule above it."""
    found = []
    rules: RuleSet | None = None
    for kind, text in BLOCK.findall(PAGE.read_text()):
        if kind == "yaml":
            rules = ruleset(text)
        elif rules is not None:
            found.append((f"{rules.rules[0].name} {len(found)}", rules, text))
    return found


LINES = lines()


@pytest.mark.parametrize(("rules", "text"), [one[1:] for one in LINES], ids=[x[0] for x in LINES])
def test_time_line(rules: RuleSet, text: str) -> None:
    rows = {
        name.strip(): cells.split()
        for name, cells in (re.split(r"\s{2,}", line, maxsplit=1) for line in text.splitlines())
    }
    times = [DAY + duration_ms(cell) for cell in rows.pop("time")]
    labels = dict(cell.split("=") for cell in rows.pop("source", []))
    lateness = 1000 * int(labels.pop("lateness", "0"))
    alarms = {name: rows.pop(name) for name in list(rows) if name.startswith("alarm")}
    severities, modes = rows.pop("severity", None), rows.pop("mode", ["-"] * len(times))
    asked = {name: name.partition(" ")[2] or rules.rules[0].name for name in alarms}
    assert len(rules.rules) == 1 or "alarm" not in alarms
    parent = any(name.startswith("parent ") for name in rows)
    source = "s/region" if parent else "s"
    senders = {"parent": "s", "other": "o"}
    assert {len(cells) for cells in (times, *alarms.values(), *rows.values())} == {len(times)}

    engine = Engine(rules)
    engine.fold([SourceSeen(DAY, one, labels, lateness, 7_200_000) for one in (source, "o")])
    graveness: list[str] = []
    found: dict[str, list[str]] = {name: [] for name in alarms}
    for column, ts in enumerate(times):
        samples = [
            Sample(senders.get(name.split()[0], source), name.split()[-1], ts, float(cells[column]))
            for name, cells in rows.items()
            if cells[column] != "-"
        ]
        switches = [ModeSwitched(ts, modes[column])] if modes[column] != "-" else []
        said = engine.fold([*switches, Batch.of(samples), Tick(ts)])
        graveness.append(said[-1].severity if said else graveness[-1] if graveness else "-")
        states = engine.alarms()
        for name, rule in asked.items():
            state = "firing" if states[rule, "firing"] else "ok"
            found[name].append("pending" if states[rule, "pending"] else state)
    assert found == alarms
    assert severities in (None, graveness)


def test_every_built_word_is_on_the_page_and_in_a_rule_of_it() -> None:
    text = PAGE.read_text()
    examples = "".join(block for kind, block in BLOCK.findall(text) if kind == "yaml")
    assert [word for word in (*WORDS, *MORE) if f"{word}:" not in examples] == []
    assert [word for word in WORDS if not re.search(rf"^##.*\b{word}\b", text, re.MULTILINE)] == []


def test_every_rule_has_a_time_line() -> None:
    shown = {
        rule.name
        for _, rules, text in LINES
        for rule in rules.rules
        if len(rules.rules) == 1 or f"alarm {rule.name}" in text
    }
    every = [
        ruleset(text).rules for kind, text in BLOCK.findall(PAGE.read_text()) if kind == "yaml"
    ]
    assert shown == {rule.name for rules in every for rule in rules}
