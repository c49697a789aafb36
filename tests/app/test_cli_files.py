"""The commands that make a city's files and look at them, and files that nothing starts on."""

import json
from pathlib import Path

import pytest

from app.commands.init import packs
from tests.app.a_city import change, write_city


class TestInit:
    def test_what_it_writes_is_valid_and_nothing_is_unsaid(self, run, tmp_path):
        done = run("init", "new", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout.splitlines()[-1] == (
            "next: citypatrol check new, citypatrol test new, then citypatrol run new/city.yaml"
        )
        written = {str(path.relative_to(tmp_path / "new")) for path in _files(tmp_path / "new")}
        assert {
            "city.yaml", "registry.csv", "cameras.yaml", "grid.geojson", "units.yaml", ".gitignore",
            "city.schema.json", "cameras.schema.json", "units.schema.json", "tests/owners.yaml",
            "rules/rules.schema.json", "tests/test.schema.json",
            *(f"{folder}/{pack}.yaml" for folder in ("rules", "tests") for pack in packs()),
        } == written  # fmt: skip
        done = run("check", "new", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "24 files: no error\n", "")

    def test_with_some_packs_only(self, run, tmp_path):
        assert run("init", "new", "--packs", "air,noise", cwd=tmp_path).returncode == 0
        for folder in ("rules", "tests"):
            found = [path.name for path in (tmp_path / "new" / folder).glob("*.yaml")]
            assert sorted(found) == ["air.yaml", "noise.yaml"]
        done = run("check", "new", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "9 files: no error\n", "")

    def test_a_pack_that_is_none(self, run, tmp_path):
        done = run("init", "new", "--packs", "air,flods", cwd=tmp_path)
        assert done.returncode == 2
        assert "there is no rule pack 'flods'; there are air, cameras, floods," in done.stderr
        assert _files(tmp_path) == []

    def test_it_never_overwrites(self, run, tmp_path):
        (tmp_path / "units.yaml").write_text("mine")
        done = run("init", ".", cwd=tmp_path)
        assert done.returncode == 2
        assert "nothing written, these are there already: units.yaml" in done.stderr
        assert [path.name for path in _files(tmp_path)] == ["units.yaml"]
        assert (tmp_path / "units.yaml").read_text() == "mine"

    def test_a_place_that_cannot_be_written_is_the_outside(self, run, tmp_path):
        (tmp_path / "file").write_text("")
        done = run("init", "file/city", cwd=tmp_path)
        assert done.returncode == 3
        assert "cannot write" in done.stderr

    def test_json(self, run, tmp_path):
        done = run("init", "new", "--json", cwd=tmp_path)
        assert "new/city.yaml" in json.loads(done.stdout)["written"]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


class TestCheck:
    def test_a_good_city(self, run, tmp_path):
        write_city(tmp_path)
        done = run("check", ".", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "6 files: no error\n", "")
        assert run("-q", "check", "city.yaml", cwd=tmp_path).stdout == ""

    def test_as_github_reads_it(self, run, tmp_path):
        write_city(tmp_path, **change("water", "severity: critical", "severity: 100%,\\n a"))
        done = run("check", "rules/water.yaml", "--format", "github", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout == (
            "::error file=rules/water.yaml,line=6,col=15::rule 'flooded': severity: expected "
            "'info', 'minor', 'major' or 'critical' or a list, found '100%25,\\n a'\n"
        )
        (tmp_path / "odd,name.yaml").write_bytes(b"")
        done = run("check", "odd,name.yaml", "--format", "github", cwd=tmp_path)
        assert done.stdout.startswith("::error file=odd%2Cname.yaml::is empty; write a city, or")
        good = run("check", "units.yaml", "--format", "github", cwd=tmp_path)
        assert (good.returncode, good.stdout, good.stderr) == (0, "", "")

    def test_format_json_is_the_same_as_json(self, run, tmp_path):
        write_city(tmp_path, **change("water", "severity: critical", "severity: urgent"))
        one = run("check", ".", "--format", "json", cwd=tmp_path)
        assert one.returncode == 1
        assert one.stdout == run("check", ".", "--json", cwd=tmp_path).stdout
        assert json.loads(one.stdout)["problems"][0]["line"] == 6

    def test_every_error_of_every_file_at_once(self, run, tmp_path):
        wrong = (
            change("city", "code: ZZ", "code: zz")
            | change("water", "severity: critical", "severity: urgent")
            | change("units", "level: city", "level: country")
            | change("registry", "34.76", "north")
            | change("cameras", "every: 10s", "every: 10")
            | change("grid", '"level": "city"', '"level": "town"')
        )
        write_city(tmp_path, **wrong)
        done = run("check", ".", cwd=tmp_path)
        assert done.returncode == 1
        assert [line.split(":")[0] for line in done.stderr.splitlines()] == [
            "cameras.yaml", "city.yaml", "grid.geojson", "registry.csv", "rules/water.yaml",
            "units.yaml",
        ]  # fmt: skip
        assert done.stdout == "6 files: 6 errors\n"

    def test_for_programs(self, run, tmp_path):
        write_city(tmp_path, **change("city", "code: ZZ", "code: zz"))
        done = run("--json", "check", "city.yaml", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (1, "")
        assert json.loads(done.stdout) == {
            "files": 6,
            "warnings": [],
            "problems": [
                {
                    "path": "city.yaml",
                    "line": 1,
                    "column": 31,
                    "message": "code: 'zz' cannot begin ticket ids; "
                    "write 1 to 8 of A-Z and 0-9, like ZZ",
                }
            ],
            "notes": [],
        }

    def test_notes_are_no_errors(self, run, tmp_path):
        write_city(tmp_path, **change("units", ", device.silent", ""))
        done = run("check", "city.yaml", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stderr == (
            "note: city.yaml:5:8: no unit handles 'device.silent': "
            "its tickets stay open and nobody is told\n"
        )

    @pytest.mark.parametrize(
        "name", ["cameras.yaml", "units.yaml", "registry.csv", "grid.geojson", "rules/water.yaml"]
    )
    def test_one_file_by_itself(self, run, tmp_path, name):
        write_city(tmp_path)
        done = run("check", name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, "1 file: no error\n")

    def test_it_makes_nothing(self, run, tmp_path):
        write_city(tmp_path)
        before = _files(tmp_path)
        run("check", ".", cwd=tmp_path)
        assert _files(tmp_path) == before


@pytest.mark.parametrize("command", ["run", "serve", "worker", "doctor"])
def test_nothing_starts_on_wrong_files(run, tmp_path, command):
    write_city(tmp_path, **change("water", "severity: critical", "severity: urgent"))
    done = run(command, "city.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "or a list, found 'urgent'" in done.stderr
    assert not (tmp_path / "data").exists()


def test_layouts_are_not_mixed_up(run, tmp_path):
    write_city(tmp_path)
    for command in ("serve", "worker"):
        done = run(command, "city.yaml", cwd=tmp_path)
        assert done.returncode == 2
        assert "journal.type is sqlite" in done.stderr
    kafka = "{type: kafka, brokers: [127.0.0.1:9]}"
    sqlite = "{type: sqlite, path: data/journal.db, keep: 7d, max_size: 20GB}"
    write_city(tmp_path, **change("city", sqlite, kafka))
    done = run("run", "city.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "journal.type is kafka" in done.stderr


def test_no_colour_where_it_is_not_wanted(run, tmp_path):
    write_city(tmp_path, **change("units", ", device.silent", ""))
    assert "\x1b" not in run("check", ".", cwd=tmp_path).stderr
