"""``python -m detectors.train.card``: puts the measured figures into the model cards."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parent.parent / "models"
CARDS = Path(__file__).parents[2] / "docs" / "models"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def street_table(report: Mapping[str, Any]) -> str:
    """A row a source and class of the validation side."""
    rows = [
        "| source | class | pictures | labels | found | false | precision | recall | AP50 |"
        " AP50 of the baseline |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for key, entry in report["validation"].items():
        source, label = key.rsplit(" ", 1)
        if "ap50" not in entry:
            continue
        before = report["baseline"].get(key, {}).get("ap50", 0.0)
        counts = [entry[name] for name in ("pictures", "labels", "found", "false")]
        shares = [_number(entry[name]) for name in ("precision", "recall", "ap50")]
        cells = [source, label, *map(str, counts), *shares, _number(before)]
        rows.append(f"| {' | '.join(cells)} |")
    rows += ["", "False findings where a source has no label of the class:", ""]
    rows += ["| source | class | pictures | pictures with a false finding | false |"]
    rows += ["|---|---|---|---|---|"]
    for key, entry in report["validation"].items():
        source, label = key.rsplit(" ", 1)
        if "ap50" not in entry:
            counts = [entry[name] for name in ("pictures", "pictures_with_false", "false")]
            rows.append(f"| {' | '.join([source, label, *map(str, counts)])} |")
    return "\n".join(rows)


def traffic_light_table(report: Mapping[str, Any]) -> str:
    """A row a source, true state and size of the validation side: what it was read as."""
    said = ("red", "yellow", "green", "off", "back_or_side", "unreadable")
    rows = [
        f"| source | is | size | heads | {' | '.join(said)} |",
        f"|---|---|---|---|{'---|' * len(said)}",
    ]
    for key, entry in report["validation"].items():
        source, state, size = key.split(" ", 2)
        counts = [str(entry.get(name, 0)) for name in said]
        rows.append(f"| {' | '.join([source, state, size, str(entry['count']), *counts])} |")
    return "\n".join(rows)


TABLES = {"street": street_table, "traffic_light": traffic_light_table}


def with_figures(card: str, table: str) -> str:
    """The card with ``table`` between its two marks."""
    before, rest = card.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> None:
    for name, table in TABLES.items():
        report = json.loads((MODELS / f"{name}.json").read_text())
        path = CARDS / f"{name}.md"
        path.write_text(with_figures(path.read_text(encoding="utf-8"), table(report)))


if __name__ == "__main__":
    main()
