"""How a backtest is asked and how it answers: words, files, mistakes."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.backtest.rulefiles import find_city
from app.cli import main
from citypatrol.clock import rfc3339
from tests.app.a_backtest import Backtest, at, fill, flood
from tests.app.a_city import change, write_city


def test_for_people(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30), *flood("wl-2", 1, 4, until=30))
    done = backtest("--by", "unit,day,cell")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "62 samples until 2026-05-13T07:30:00.000Z: 2 incidents, 2 tickets",
        "",
        "unit   day         cell  tickets  incidents  sources",
        "roads  2026-05-13  ZZ    2        2          2",
        "",
        "worst source  rule     incidents  fired for",
        "wl-1          flooded  1          8 min",
        "wl-2          flooded  1          6 min",
        "",
        "Nobody closed a ticket here, so what came again joined it; --close-after 4h counts it"
        " as closed 4h after its trouble cleared.",
    ]


def test_as_parquet(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    done = backtest("--parquet", str(tmp_path / "out"))
    assert done.stdout.splitlines()[-2:] == [
        f"wrote {tmp_path}/out/incidents.parquet",
        f"wrote {tmp_path}/out/tickets.parquet",
    ]
    (row,) = pq.read_table(tmp_path / "out" / "incidents.parquet").to_pylist()
    assert (row["rule"], row["ticket"], row["value"]) == ("flooded", "ZZ-260513-0001", 20.0)
    assert rfc3339(int(row["fired_at"].timestamp() * 1000)) == rfc3339(at(7))
    (ticket,) = pq.read_table(tmp_path / "out" / "tickets.parquet").to_pylist()
    assert (ticket["unit"], ticket["grid"], ticket["witnesses"]) == ("roads", "ZZ", 1)


def test_folders_and_cities_name_their_rules(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    (tmp_path / "city/tests").mkdir()
    (tmp_path / "city/tests/water.yaml").write_text("rules: [../rules/*.yaml]\ntests: []\n")
    for rules in ("city", "city/rules", "city/city.yaml"):
        done = backtest("--json", rules=rules)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(json.loads(done.stdout)["incidents"]) == 1


def test_a_damaged_file_is_told(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    bad = tmp_path / "h" / "2026-05-13T08.parquet"
    bad.write_bytes(b"PAR1")
    done = backtest("--json")
    assert done.returncode == 0
    assert done.stderr.startswith(f"{bad}: cannot be read and is passed over: ")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--by", "rule,hour"), 2, "--by: 'hour' is none of unit, rule, day, cell"),
        (("--since", "yesterday"), 2, "--since: 'yesterday' is no duration"),
        (("--since", "13-05-2026"), 2, "--since: '13-05-2026' is no day or time"),
        (("--until", "7d"), 2, "--until: '7d' is no day or time"),
        (("--since", "2026-05-14", "--until", "2026-05-13"), 2, "is after --until"),
        (("--close-after", "soon"), 2, "--close-after: 'soon' is no duration"),
        (("--city", "/nowhere/city.yaml"), 2, "--city /nowhere/city.yaml: there is no such file"),
        (("--since", "2027-01-01"), 1, "/h: no sample from 2026-12-31T16:00:00.000Z; it has"),
        (("--history", "/nowhere"), 3, "/nowhere: no such folder; the city has not run yet"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
def test_what_is_wrong_is_said(
    backtest: Backtest, tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    fill(tmp_path / "h", ("wl-1", 0, 1.0))
    done = backtest(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr


def test_wrong_rules_and_a_wrong_city_are_placed(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", ("wl-1", 0, 1.0))
    done = backtest(rules="nothing.yaml")
    assert done.returncode == 2
    assert "nothing.yaml: there is no such file or folder" in done.stderr
    (tmp_path / "bad.yaml").write_text("rules: [{name: r, select: {metric: x}, when: {abov: 1}}]")
    done = backtest(rules="bad.yaml")
    assert done.returncode == 1
    assert f"{tmp_path}/bad.yaml:1:" in done.stderr
    (tmp_path / "empty").mkdir()
    assert "there is no file with rules" in backtest(rules="empty").stderr
    write_city(tmp_path / "city", **change("city", "city: {name", "citty: {name"))
    done = backtest()
    assert done.returncode == 1
    assert "city.yaml:1:1: unknown key 'citty'" in done.stderr


def test_the_citys_own_history_is_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = write_city(tmp_path)
    fill(city / "data" / "history", *flood("wl-1", 5, 10, until=30))
    assert main(["backtest", str(city / "rules"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["tickets"]) == 1
    lonely = tmp_path / "rules.yaml"
    lonely.write_text((city / "rules/water.yaml").read_text())
    (city / "city.yaml").unlink()
    if find_city(lonely) is not None:
        pytest.skip("somebody left a city.yaml above the folder of temporary files")
    assert main(["backtest", str(lonely)]) == 2
    assert "write --history DIR" in capsys.readouterr().err
