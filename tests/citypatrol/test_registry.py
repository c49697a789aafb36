import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from citypatrol.registry import Place, Registry

HEAD = "id,name,kind,site,lat,lon,gateway,flood_limit\n"
FIELDS = "id,name,kind,site,lat,lon"


def read(tmp_path: Path, text: str | bytes) -> tuple[Registry, list[str]]:
    path = tmp_path / "registry.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    registry, problems = Registry.read(path)
    return registry, [str(problem).replace(f"{tmp_path}/", "") for problem in problems]


GOOD = (
    HEAD
    + "cam-1,航海东路/紫辰路,camera,hanghai-zichen,34.7155,113.7411,,\n"
    + 'pump,"Pump ""A"", east",water,,,,gw-7,15\n'
    + "bare,,,,,,,\n"
    + "cam-1/south,South,camera,other, 34.8 ,113.8,,\n"
)


def test_labels_are_the_cells_that_are_not_empty(tmp_path: Path) -> None:
    registry, problems = read(tmp_path, GOOD)
    assert problems == []
    assert len(registry) == 4
    assert registry.ids() == ["cam-1", "pump", "bare", "cam-1/south"]
    assert registry.labels("pump") == {
        "name": 'Pump "A", east', "kind": "water", "gateway": "gw-7", "flood_limit": "15",
    }  # fmt: skip
    assert registry.labels("bare") == {}
    assert registry.labels("unknown") is None


@pytest.mark.parametrize("times", [1, 4], ids=["few", "many"])
def test_the_labels_of_many_are_those_of_each(tmp_path: Path, times: int) -> None:
    registry, _ = read(tmp_path, GOOD)
    asked = ["nobody", "cam-1", "cam-1/south"] * times + ["cam-1/north", "bare", "pump"][
        : times - 1
    ]
    assert registry.labels_of(asked) == [registry.labels(source) for source in asked]
    assert Registry.empty().labels_of(asked) == [None] * len(asked)


def test_a_region_has_its_cameras_labels_and_place(tmp_path: Path) -> None:
    registry, _ = read(tmp_path, GOOD)
    camera = registry.labels("cam-1")
    assert camera is not None
    region = registry.labels("cam-1/north")
    assert region == {**camera, "name": "航海东路/紫辰路 north"}
    assert registry.place("cam-1/north") == Place(34.7155, 113.7411, "hanghai-zichen")
    assert registry.labels("bare/x") == {}
    assert registry.labels("/north") is None
    assert registry.labels("nobody/north") is None


def test_a_region_with_a_row_of_its_own_has_that(tmp_path: Path) -> None:
    registry, _ = read(tmp_path, GOOD)
    assert registry.place("cam-1/south") == Place(34.8, 113.8, "other")
    labels = registry.labels("cam-1/south")
    assert labels is not None
    assert labels["name"] == "South"


def test_places_and_membership(tmp_path: Path) -> None:
    registry, _ = read(tmp_path, GOOD)
    assert registry.place("pump") is None
    assert registry.place("unknown") is None
    assert "pump" in registry
    assert "cam-1/north" in registry
    assert "unknown" not in registry
    assert 5 not in registry


def test_columns_for_checks(tmp_path: Path) -> None:
    registry, _ = read(tmp_path, GOOD)
    assert registry.columns == (
        "id",
        "name",
        "kind",
        "site",
        "lat",
        "lon",
        "gateway",
        "flood_limit",
    )
    assert list(registry.values("flood_limit")) == [("pump", "15")]
    assert list(registry.values("nothing")) == []
    assert registry.distinct("kind") == 2
    assert registry.distinct("nothing") == 0


def test_empty_registries(tmp_path: Path) -> None:
    for registry in (Registry.empty(), read(tmp_path, HEAD)[0]):
        assert len(registry) == 0
        assert registry.ids() == []
        assert registry.labels("a") is None
        assert registry.place("a") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"\xef\xbb\xbf" + HEAD.encode() + b"a,,,,1,2,,\n", "bom"),
        (HEAD.replace("\n", "\r\n").encode() + b"a,,,,1,2,,\r\n", "crlf"),
        (b"\n\n" + HEAD.encode() + b"\na,,,,1,2,,\n\n\n", "blank lines"),
        (HEAD.encode() + b"a,,,,1,2,,", "no end of line"),
        (b"flood_limit, lon,lat,site,kind,name,id ,gateway\n,2,1,,,,a,\n", "any order"),
    ],
    ids=["bom", "crlf", "blank lines", "no end of line", "any order"],
)
def test_accepted_forms(tmp_path: Path, text: bytes, line: str) -> None:
    registry, problems = read(tmp_path, text)
    assert problems == []
    assert registry.place("a") == Place(1.0, 2.0, None)


def test_a_cell_may_go_over_lines(tmp_path: Path) -> None:
    text = HEAD + 'a,"two\nlines",,,,,,\nb,,,,,,,\nb,,,,,,,\n'
    registry, problems = read(tmp_path, text)
    assert registry.labels("a") == {"name": "two\nlines"}
    assert problems == ["registry.csv:5:1: duplicate id 'b'; the first is at line 4"]


NO_HEAD = f"the first line must name the columns {FIELDS}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [f"1:1: the file is empty; {NO_HEAD}"]),
        ("\n\n", [f"1:1: the file is empty; {NO_HEAD}"]),
        (
            "id,name,kind,site,lat,long\n",
            ["1:1: column 'lon' is missing; is it 'long'?"],
        ),
        (
            "name,kind,site,lat,lon\n",
            [f"1:1: no column id; {NO_HEAD}"],
        ),
        ("dev-1,Pump,water,s,1,2\n", [f"1:1: no column id, name, kind, site, lat, lon; {NO_HEAD}"]),
        (f"{FIELDS},gw,gw\n", ["1:1: column 'gw' stands twice"]),
        (f"{FIELDS},\n", ["1:1: a column has no name"]),
        (FIELDS.replace(",", ";") + "\n", ["1:1: cells are separated by ';'; use ','"]),
        (FIELDS.replace(",", "\t") + "\n", ["1:1: cells are separated by tabs; use ','"]),
        (
            HEAD + "a,,,,,,,\nb,,,\nc,,,,,,,,\n",
            ["3:1: 4 cells; the first line has 8", "4:1: 9 cells; the first line has 8"],
        ),
        (
            HEAD + "a,,,,,,,\n\nb,,,,,,,\n,,,,,,,\na,,,,,,,\n",
            ["5:1: no id", "6:1: duplicate id 'a'; the first is at line 2"],
        ),
        (
            HEAD + "b\nb\na,,,,,,,\nb\na,,,,,,,\na,,,,,,,\n",
            [
                "2:1: 1 cells; the first line has 8",
                "3:1: 1 cells; the first line has 8",
                "5:1: 1 cells; the first line has 8",
                "6:1: duplicate id 'a'; the first is at line 4",
                "7:1: duplicate id 'a'; the first is at line 4",
            ],
        ),
        (HEAD + " a,,,,,,,\n", ["2:1: spaces around the id ' a'"]),
        (
            HEAD + "a,,,,91,2,,\n",
            ["2:1: lat '91' is no place; write degrees like 34.7155, from -90 to 90"],
        ),
        (
            HEAD + "a,,,,1,-180.5,,\n",
            ["2:1: lon '-180.5' is no place; write degrees like 34.7155, from -180 to 180"],
        ),
        (
            HEAD + "a,,,,N34,2,,\nb,,,,1,2,,\n",
            ["2:1: lat 'N34' is no place; write degrees like 34.7155, from -90 to 90"],
        ),
        (
            HEAD + "a,,,,nan,inf,,\n",
            [
                "2:1: lat 'nan' is no place; write degrees like 34.7155, from -90 to 90",
                "2:1: lon 'inf' is no place; write degrees like 34.7155, from -180 to 180",
            ],
        ),
        (HEAD + "a,,,,1,,,\nb,,,,,2,,\n", ["2:1: lat without lon", "3:1: lon without lat"]),
        (
            HEAD.encode() + b"a,\xd6\xd0\xb9\xfa,,,,,,\n",
            ["2:3: not UTF-8 (byte 0xd6); save it as UTF-8"],
        ),
        (b"id,\xd6\xd0\n", ["1:4: not UTF-8 (byte 0xd6); save it as UTF-8"]),
    ],
)
def test_wrong(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    assert read(tmp_path, text)[1] == [f"registry.csv:{line}" for line in expected]


@pytest.mark.parametrize(
    ("rows", "most", "ids"),
    [
        ([True, True, True, True], 2, ["bare", "cam-1"]),
        ([True, True, False, True], 9, ["cam-1", "cam-1/south", "pump"]),
        ([False, False, False, False], 2, []),
    ],
    ids=["the first by name", "fewer than asked for", "none"],
)
def test_the_first_ids_of_some_rows(
    tmp_path: Path, rows: list[bool], most: int, ids: list[str]
) -> None:
    registry, _ = read(tmp_path, GOOD)
    assert registry.first_ids(np.array(rows), most=most) == ids


def test_what_is_right_is_there_beside_what_is_wrong(tmp_path: Path) -> None:
    registry, problems = read(tmp_path, HEAD + "a,A,,,95,2,,\nb\nc,C,,,1,2,,\nc,D,,,3,4,,\n")
    assert len(problems) == 3
    assert registry.ids() == ["a", "c"]
    assert registry.place("a") is None
    assert registry.labels("c") == {"name": "C", "lat": "1", "lon": "2"}


def test_a_file_that_is_all_wrong_is_not_told_line_by_line(tmp_path: Path) -> None:
    _, problems = read(tmp_path, HEAD + "x,,,,999,,,\n" * 500 + "y\n" * 300)
    assert len(problems) == 84
    assert problems[-4:] == [
        "registry.csv: 280 further lines have a wrong number of cells",
        "registry.csv: 479 further lines have a duplicate id",
        "registry.csv: 480 further lines have a wrong lat",
        "registry.csv: 480 further lines have lat without lon",
    ]


@pytest.mark.parametrize(
    ("kind", "message"),
    [("none", "No such file or directory"), ("folder", "Is a directory")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, kind: str, message: str) -> None:
    path = tmp_path / "registry.csv"
    if kind == "folder":
        path.mkdir()
    registry, problems = Registry.read(path)
    assert len(registry) == 0
    assert [str(problem) for problem in problems] == [f"{path}: cannot be read: {message}"]


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    registry, problems = read(tmp_path, HEAD + 'a,"open,,,,,,\nb,,,,,,,\n')
    assert problems
    assert len(registry) == 0


def test_a_quote_that_swallows_a_large_file(tmp_path: Path) -> None:
    rows = "".join(f"dev-{n},,,,,,,\n" for n in range(30_000))
    registry, problems = read(tmp_path, HEAD + 'a,,,,99,,,\nb,"open,,,,,,\n' + rows)
    assert len(registry) <= 1
    assert problems[0].startswith("registry.csv")
    registry, problems = read(tmp_path, '"id,name' + rows)
    assert problems == [
        "registry.csv: cannot be read as CSV: field larger than field limit (131072)"
    ]


def test_bytes_that_are_no_text_far_into_the_file(tmp_path: Path) -> None:
    rows = "".join(f"dev-{n},,,,,,,\n" for n in range(5_000))
    _, problems = read(tmp_path, (HEAD + rows).encode() + b"x,\xd6\xd0,,,,,,\n")
    assert problems == ["registry.csv:5002:3: not UTF-8 (byte 0xd6); save it as UTF-8"]


LARGE = """
import resource, sys, time
from pathlib import Path
from citypatrol.registry import Registry
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
before, begun = resident(), time.process_time()
registry, problems = Registry.read(Path(sys.argv[1]))
print(len(registry), len(problems), time.process_time() - begun, (resident() - before) / 1e6)
"""


def test_a_whole_city_is_read_quickly_and_small(tmp_path: Path) -> None:
    path = tmp_path / "registry.csv"
    rows = (
        f"dev-{n:06d},航海东路传感器{n},{'water' if n % 3 else 'air'},site-{n // 3},"
        f"34.{n:06d},113.{n:06d},gw-{n // 200},15"
        for n in range(349_300)
    )
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", LARGE, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"PYTHONPATH": "."},
    )
    count, problems, seconds, megabytes = map(float, ran.stdout.split())
    assert (count, problems) == (349_300, 0)
    assert seconds < 6, "2 s on a quiet machine"
    assert megabytes < 150
