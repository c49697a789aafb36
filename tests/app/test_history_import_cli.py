"""``citypatrol history import``, with a real InfluxDB where one is needed."""

import gzip
import json
import os
from pathlib import Path

import pytest

from app.commands import history_import
from bench.servers.influx import influxdb
from tests.app.a_city import change, write_city
from tests.app.a_command import Run
from tests.citypatrol.a_history import SEVEN, rows

CSV = f"source,metric,ts,value\na,x,{SEVEN},1\nb,x,{SEVEN + 1000},2\n"
COUNT = range(25_000)


def test_a_file_of_a_city(run: Run, tmp_path: Path) -> None:
    kept = change("city", "journal: {type", "history: {keep: 36500d}\njournal: {type")
    city = write_city(tmp_path / "city", **kept)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    words = ("history", "import", "../a.csv.gz", "--format", "csv")
    done = run(*words, cwd=city)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "2 samples into 1 file, 0 were there already,"
        " 2026-05-13T07:00:00.000Z to 2026-05-13T07:00:01.000Z\n"
    )
    again = json.loads(run(*words, "--json", cwd=city).stdout)
    assert (again["written"], again["known"], again["files"]) == (0, 2, [])
    write_city(city)
    assert "older than history.keep of the city" in run(*words, cwd=city).stderr
    assert rows(city / "data/history") == [("a", "x", SEVEN, 1.0), ("b", "x", SEVEN + 1000, 2.0)]


def test_bad_lines_are_set_aside(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV.encode() + b"c,x,now,3\nd,x,\xff,4\n")
    done = run("history", "import", "a.csv", "--format", "csv", "--history", "h", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("2 samples into 1 file")
    assert "a.csv:4: 'now' is no time" in done.stderr
    assert "2 refused, with their reasons in import-refused.tsv" in done.stderr
    lines = (tmp_path / "import-refused.tsv").read_text().splitlines()
    assert lines[0] == "line\treason\ttext"
    assert [line.split("\t")[0] for line in lines[1:]] == ["4", "5"]
    assert lines[1].endswith("\tc,x,now,3")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("none.csv", "--format", "csv"), 3, "none.csv: No such file or directory"),
        (("a.csv", "--format", "csv", "--columns", "when=ts"), 2, "is no pair like ts=time"),
        (("a.csv", "--format", "csv", "--columns", "ts=when"), 3, "no column 'when' for ts"),
        (("ftp://x?db=y", "--format", "influx"), 3, "write http://HOST:8086?db=NAME"),
        (("http://u:p@127.0.0.1:1?db=y", "--format", "influx"), 3, "to it: Connection refused"),
    ],
)  # fmt: skip
def test_what_cannot_be(
    run: Run, tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    done = run("history", "import", *words, "--history", "h", cwd=tmp_path)
    assert (done.returncode, says in done.stderr) == (status, True), done.stderr


def test_from_a_real_influxdb(run: Run, tmp_path: Path) -> None:
    assert history_import._TOKEN not in os.environ
    with influxdb() as server:
        points = "\n".join(
            [
                f"sensor,metric=pm25,source=s{n % 3} value={n} {SEVEN + 1000 * n}"
                for n in range(25_000)
            ]
            + [f'sensor,metric=note,source=s1 text="x" {SEVEN}']
        )
        _write(server.url, points)
        words = (
            "history",
            "import",
            f"{server.url}?db=city",
            "--format",
            "influx",
            "--history",
            "h",
        )
        found = run(*words, "--json", cwd=tmp_path)
        told = json.loads(found.stdout)
        assert (told["written"], told["known"], told["refused"]) == (25_000, 0, 1), found.stderr
        part = ("--since", "2026-05-13T07:00:00Z", "--until", "2026-05-13T07:00:09Z")
        again = json.loads(run(*words, *part, "--json", cwd=tmp_path).stdout)
        assert (again["written"], again["known"]) == (0, 10)
        wrong = run(*words[:2], f"{server.url}?db=nowhere", *words[3:], cwd=tmp_path)
        assert (wrong.returncode, "database not found" in wrong.stderr) == (3, True)
    assert sorted(value for *_, value in rows(tmp_path / "h")) == list(map(float, COUNT))


def _write(url: str, points: str) -> None:
    import urllib.request

    request = urllib.request.Request(
        f"{url}/write?db=city&precision=ms", points.encode(), method="POST"
    )
    urllib.request.urlopen(request, timeout=30).close()
