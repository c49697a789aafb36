"""``backtest --verdicts``: what people said of past tickets becomes precision and recall."""

import json
from dataclasses import replace
from pathlib import Path

from tests.app.a_backtest import BARE, Backtest, at, fill, flood
from tests.app.a_desk import incident, make_desk

LEVELS = (*flood("wl-1", 5, 10, until=59), *flood("wl-2", 20, 30, until=59))


def judge(data: Path, *tickets: tuple[str, int, int, bool]) -> None:
    """Tickets that the city once had: source, minutes of beginning and end, and whether real."""
    data.mkdir(parents=True, exist_ok=True)
    desk = make_desk(data)
    for source, begin, end, real in tickets:
        fired = incident("flooded", source, since=at(begin))
        cleared = replace(fired, cleared_at=at(end))
        desk.desk.apply([fired, cleared], now=at(end))
        (newest, *_) = desk.door.tickets.list(limit=1).tickets
        judged = desk.desk.verdict(newest.id, real=real, now=at(end))
        if not judged.ended:
            desk.desk.act(newest.id, "close", note=None, now=at(end))
    desk.store.close()


def test_precision_and_recall(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    judge(
        tmp_path / "city/data",
        ("wl-1", 4, 12, True),
        ("wl-2", 22, 24, False),
        ("wl-3", 30, 40, True),
    )
    (score,) = json.loads(backtest("--verdicts", "--json").stdout)["verdicts"]
    assert score == {
        "rule": "flooded", "real": 2, "real_found": 1, "false": 1, "false_found": 1,
        "precision": 0.5, "recall": 0.5,
    }  # fmt: skip
    assert backtest("--verdicts").stdout.splitlines()[2:4] == [
        "rule     precision  recall  real found  false alarms found",
        "flooded  50 %       50 %    1 of 2      1 of 1",
    ]


def test_other_times_and_nobody(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    judge(tmp_path / "city/data", ("wl-1", 20, 25, True))
    (score,) = json.loads(backtest("--verdicts", "--json").stdout)["verdicts"]
    assert (score["recall"], score["precision"]) == (0, None)
    late = backtest("--verdicts", "--since", "2026-05-13T07:30:00Z")
    assert "Nobody has judged a ticket of these rules in this time." in late.stdout


def test_whose_tickets(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    (tmp_path / "alone.yaml").write_text((tmp_path / "city/rules/water.yaml").read_text())
    done = backtest("--verdicts", rules="alone.yaml")
    assert (done.returncode, "whose tickets?" in done.stderr) == (2, True)
    (tmp_path / "city.yaml").write_text(BARE)
    done = backtest("--verdicts", rules="alone.yaml")
    assert (done.returncode, "its tickets cannot be read" in done.stderr) == (3, True)
