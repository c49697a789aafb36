"""Tickets a day by rule: rows, text, picture, and where they are shown."""

import json
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from app.backtest.bars import bars
from app.backtest.days import ROWS, Chart, Row, binned, chart
from app.backtest.plot import WIDTH, picture
from app.terminal import BLOCKS, SIGNS
from tests.app.a_backtest import Backtest, fill, flood

MAY = date(2026, 5, 1)
DAY = 24 * 60


def day(n: int) -> date:
    return date(2026, 5, n)


def count(rule: str, on: int, tickets: int, *, shadow: int = 0) -> dict[str, object]:
    return {"rule": rule, "shadow": shadow, "day": f"{day(on)}", "tickets": tickets}


def test_days_without_a_ticket_are_days() -> None:
    found = chart([count("b", 2, 3), count("a", 3, 1)], first=MAY, last=day(4))
    assert found.rows == (Row("b", False, (0, 3, 0, 0)), Row("a", False, (0, 0, 1, 0)))
    assert (found.span, found.tickets) == ("2026-05-01 to 2026-05-04", 4)
    assert chart([], first=MAY, last=MAY).span == "2026-05-01"


def test_a_ticket_from_outside_widens_the_days() -> None:
    found = chart([count("a", 1, 1), count("a", 5, 2)], first=day(2), last=day(3))
    assert (found.first, found.last, found.rows[0].counts) == (MAY, day(5), (1, 0, 0, 0, 2))


def test_shadows_have_rows_of_their_own() -> None:
    found = chart([count("a", 1, 2, shadow=1), count("a", 1, 5)], first=MAY, last=MAY)
    assert found.rows == (Row("a", False, (5,)), Row("a", True, (2,)))
    assert (found.tickets, found.shadows) == (5, 2)


@pytest.mark.parametrize(
    ("shadows", "last"),
    [
        ((), [("4 others", False, 10)]),
        ((14,), [("4 others", False, 13), ("1 other", True, 2)]),
        ((12, 13, 14, 15), [("4 others", True, 10)]),
        ((1,), [("4 others", False, 10)]),
    ],
    ids=["tickets", "of both kinds", "shadows", "a shadow among the first"],
)
def test_a_dozen_rows(shadows: tuple[int, ...], last: list[tuple[str, bool, int]]) -> None:
    counts = [count(f"r{n:02}", 1, 16 - n, shadow=n in shadows) for n in range(1, 16)]
    found = chart(counts, first=MAY, last=day(2))
    assert [(row.name, row.shadow, row.total) for row in found.rows[-len(last) :]] == last
    assert len(found.rows) == ROWS
    assert found.tickets + found.shadows == sum(range(1, 16))


def test_few_bins_hold_more_days() -> None:
    whole = Chart(MAY, day(7), (Row("a", False, (1, 2, 3, 4, 5, 6, 7)),))
    assert binned(whole, most=7) == whole
    found = binned(whole, most=3)
    assert (found.rows[0].counts, found.each, found.bins) == ((6, 15, 7), 3, 3)
    assert (found.begins(2), found.what) == (day(7), "tickets in 3 days")


@pytest.mark.parametrize(
    ("signs", "drawn"),
    [(BLOCKS, "    ▁▁▁ ███ ▄▄▄ "), (SIGNS, "    ... @@@ === ")],
    ids=["unicode", "ascii"],
)
def test_bars(signs: str, drawn: str) -> None:
    found = Chart(
        MAY, day(4), (Row("积水", False, (0, 1, 90, 45)), Row("night", True, (0, 0, 0, 2)))
    )
    assert bars(found, columns=60, heights=signs, paint=lambda text: f"<{text}>") == [
        "tickets a day, 2026-05-01 to 2026-05-04",
        f"积水            |<{drawn}>|  136, most 90 on 05-03",
        f"night (shadow)  |<{' ' * 12}{drawn[9] * 3} >|  2, most 2 on 05-04",
    ]


def test_narrow_terminals_have_fewer_bars_and_shorter_names() -> None:
    found = Chart(MAY, day(30), (Row("underpass-flooded-for-long", False, (0,) * 29 + (7,)),))
    assert bars(found, columns=60, heights=SIGNS, paint=str) == [
        "tickets in 2 days, 2026-05-01 to 2026-05-30",
        "underpass-flood~  |              @|  7, most 7 from 05-29",
    ]


def test_the_picture_is_as_wide_as_said_and_its_bars_are_as_tall() -> None:
    rows = (Row("积水", False, (0, 8, 4)), Row("night", True, (2, 0, 0)))
    png = picture(Chart(MAY, day(3), rows), title="rules/water.yaml", zone="Asia/Shanghai")
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape[1] == WIDTH
    blue, grey = ((pixels == colour).all(axis=2) for colour in ((180, 110, 30), (175, 175, 175)))
    tall = blue.sum(axis=0)
    assert tall.max() == 2 * tall[350 + 216 - 20]  # the third day has half of the second
    assert tall[:408].sum() == 0
    assert grey[:, :408].sum() > 1000 > grey[:, 416:].sum()  # letters have grey edges


@pytest.mark.parametrize("days", [1, 31, 366, 4000])
@pytest.mark.parametrize("rules", [0, 1, 30])
def test_any_span_has_a_picture(days: int, rules: int) -> None:
    counts = [count(f"r{n}", 1 + n, 5) for n in range(rules)]
    last = date.fromordinal(MAY.toordinal() + days - 1)
    assert picture(chart(counts, first=MAY, last=last), title="t" * 500, zone="UTC")[1:4] == b"PNG"


def test_bars_come_with_the_second_day(backtest: Backtest, tmp_path: Path) -> None:
    first, last = flood("wl-1", 5, 10, until=30), flood("wl-2", 2 * DAY, 2 * DAY + 9, until=3 * DAY)
    fill(tmp_path / "h", *sorted([*first, *last], key=lambda level: level[1]))
    lines = backtest().stdout.splitlines()
    assert lines[2:4] == [
        "tickets a day, 2026-05-13 to 2026-05-16",
        "flooded  |@@@@@       @@@@@       |  2, most 1 on 05-13",
    ]


def test_shadow_tickets_stand_apart(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    rules = tmp_path / "city/rules/water.yaml"
    rules.write_text(
        rules.read_text().replace("- name: flooded\n", "- name: flooded\n    shadow: true\n")
    )
    done = backtest("--parquet", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:4] == [
        "31 samples until 2026-05-13T07:30:00.000Z: 1 incident, 0 tickets and 1 shadow ticket",
        "",
        "rule     tickets  shadows  incidents  sources",
        "flooded  0        1        1          1",
    ]
    found = json.loads(backtest("--json").stdout)
    assert [one["shadow"] for one in found["tickets"]] == [True]
    assert found["by"][0]["shadows"] == 1
    assert pq.read_table(tmp_path / "out/tickets.parquet")["shadow"].to_pylist() == [True]


def test_a_plot_is_a_file(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    file = tmp_path / "new/out.png"
    done = backtest("--plot", str(file))
    assert done.stdout.splitlines()[-1] == f"wrote {file}"
    assert file.read_bytes()[1:4] == b"PNG"
    done = backtest("--json", "--plot", str(file))
    assert json.loads(done.stdout)["samples"] == 31


@pytest.mark.parametrize(
    ("file", "status", "says"),
    [
        ("out.svg", 2, "--plot out.svg: the picture is a PNG; write a name that ends in .png"),
        ("/dev/null/out.png", 3, "/dev/null"),
    ],
    ids=["no PNG", "no folder"],
)
def test_a_plot_that_cannot_be(
    backtest: Backtest, tmp_path: Path, file: str, status: int, says: str
) -> None:
    fill(tmp_path / "h", ("wl-1", 0, 1.0))
    done = backtest("--plot", file)
    assert done.returncode == status
    assert says in done.stderr
