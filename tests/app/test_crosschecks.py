"""What is checked between files: notes on what may not be meant, and errors that no file shows."""

from pathlib import Path

import pytest

from app.check import check
from tests.app.a_city import FILES, change, write_city

UNREGISTERED = FILES["cameras.yaml"].replace("id: cam-1", "id: cam-9")


@pytest.mark.parametrize(
    ("changed", "notes"),
    [
        pytest.param(
            change("units", "road.flooding, ", ""),
            [
                "city.yaml:5:8: no unit handles 'road.flooding': "
                "its tickets stay open and nobody is told"
            ],
            id="no unit",
        ),
        pytest.param(
            change("water", "group: gateway", "group: gatway"),
            ["city.yaml:6:8: rule 'silent': no registry column or topic has the label 'gatway'"],
            id="group's label is misspelt",
        ),
        pytest.param(
            change("water", "where: {kind: underpass}", "where: {knd: underpass}"),
            ["city.yaml:6:8: rule 'flooded': no registry column or topic has the label 'knd'"],
            id="where's label is misspelt",
        ),
        pytest.param(
            change("water", "where: {kind: underpass}", "where: {kind: [underpas, tunnel]}"),
            [
                "city.yaml:6:8: rule 'flooded': no source of the registry has kind 'underpas'; "
                "did you mean 'underpass'?"
            ],
            id="where's value is misspelt, and one is of sources to come",
        ),
        pytest.param(
            change("water", "{label: flood_limit, default: 15}", "{label: flood_limit}"),
            [
                "city.yaml:6:8: rule 'flooded': 1 source has no flood_limit and there is no "
                "default, so it judges nothing there: wl-2"
            ],
            id="no threshold",
        ),
        pytest.param(
            change(
                "water",
                "select: {metric: water_level, where: {kind: underpass}}\n"
                "    when: {above: {label: flood_limit, default: 15}, for: 2m}",
                "select: {metric: water_level}\n    when: {above: {label: flood_limit}}",
            ),
            [
                "city.yaml:6:8: rule 'flooded': 2 sources have no flood_limit and there is no "
                "default, so it judges nothing there: cam-1, wl-2"
            ],
            id="no threshold, and any source may be meant",
        ),
        pytest.param(
            change(
                "water",
                "when: {above: {label: flood_limit, default: 15}, for: 2m}\n"
                "    clear: {below: 10, for: 5m}",
                "when: {all: [{above: 15}, {not: {below: {label: flood_limit}}}]}",
            ),
            [
                "city.yaml:6:8: rule 'flooded': 1 source has no flood_limit and there is no "
                "default, so it judges nothing there: wl-2"
            ],
            id="no threshold in a part",
        ),
        pytest.param(
            change(
                "water",
                "severity: critical",
                "mode: {flood: {when: {above: {label: flood_limit}}}}",
            ),
            [
                "city.yaml:6:8: rule 'flooded': 1 source has no flood_limit and there is no "
                "default, so it judges nothing there: wl-2"
            ],
            id="no threshold in a mode",
        ),
        pytest.param(
            change(
                "city",
                "url: mqtt://127.0.0.1:1883",
                "url: mqtts://127.0.0.1:8883\n    ca: tls/ca.pem",
            ),
            [
                "city.yaml:15:9: ca: there is no file 'tls/ca.pem' here, and no way to "
                "mqtts://127.0.0.1:8883 then"
            ],
            id="no certificate",
        ),
        pytest.param(
            {"cameras": UNREGISTERED},
            [
                "cameras.yaml: camera 'cam-9' is not in the registry: its tickets have no "
                "district, and registering it later begins a second InfluxDB series"
            ],
            id="camera not registered",
        ),
        pytest.param(
            change("city", "rules: [rules/*.yaml]\n", ""),
            ["city.yaml:1:1: no rules: samples are kept, and nothing is judged"],
            id="no rules",
        ),
    ],
)
def test_notes(tmp_path, monkeypatch, changed, notes):
    write_city(tmp_path, **changed)
    monkeypatch.chdir(tmp_path)
    found = check([Path("city.yaml")], env={})
    assert found.problems == []
    assert [str(note) for note in found.notes] == notes


def test_a_city_with_errors_gets_no_notes(tmp_path):
    write_city(tmp_path, **change("units", "level: city", "level: country"))
    found = check([tmp_path], env={})
    assert len(found.problems) == 1
    assert found.notes == []


def test_many_bad_thresholds_are_named_in_part_and_counted(tmp_path):
    rows = [f"w-{n:02},,underpass,s,34.7,113.7,d,,deep" for n in range(12)]
    other = "x-1,,camera,s,34.7,113.7,d,,deep"  # a source that the rule does not judge
    header = FILES["registry.csv"].splitlines()[0]
    cam = FILES["registry.csv"].splitlines()[3]
    write_city(tmp_path, registry="\n".join([header, cam, *rows, other]) + "\n")
    said = [str(problem) for problem in check([tmp_path], env={}).problems]
    named = [one for one in said if "flood_limit 'deep' is no number" in one]
    assert len(named) == 5
    assert any("7 more sources like these" in one for one in said)
    assert len(said) == 6


def test_too_many_sources_for_influx(tmp_path):
    header = "id,name,kind,site,lat,lon,district\n"
    rows = "".join(f"s{n},,air,,,,\n" for n in range(300_001))
    text = FILES["city.yaml"].replace("cameras: cameras.yaml\n", "")
    write_city(tmp_path, city=text, registry=header + rows)
    [problem] = check([tmp_path / "city.yaml"], env={}).problems
    assert problem.message == (
        "type 'influx': tag 'source' would have 300001 values, 300000 are the most; "
        "give each district its own registry and city"
    )
    without = text.replace(
        'sinks:\n  - {type: influx, version: 1, url: "http://127.0.0.1:8086", db: city}\n', ""
    )
    (tmp_path / "city.yaml").write_text(without)
    assert check([tmp_path / "city.yaml"], env={}).problems == []


@pytest.mark.parametrize(
    ("http", "fine"),
    [
        ("{listen: 127.0.0.1:8080}", True),
        ('{listen: "[::1]:8080"}', True),
        ("{listen: localhost:8080}", True),
        ("{listen: 0.0.0.0:8080}", False),
        ('{listen: "[::]:8080"}', False),
        ("{listen: city.example:8080}", False),
        ('{listen: 0.0.0.0:8080, token: "${TOKEN}"}', True),
        ('{listen: 127.0.0.1:8080, public_url: "https://desk.example"}', False),
        ('{listen: 127.0.0.1:8080, public_url: "https://desk.example", token: "${TOKEN}"}', True),
    ],
)
def test_beyond_this_machine_only_with_a_token(tmp_path, http, fine):
    line = FILES["city.yaml"].splitlines()[-1]
    write_city(tmp_path, city=FILES["city.yaml"].replace(line, f"http: {http}"))
    problems = check([tmp_path], env={"TOKEN": "t"}).problems
    assert bool(problems) is not fine
    assert all("set http.token" in problem.message for problem in problems)


def test_the_documented_variable_is_the_default_token(tmp_path):
    line = FILES["city.yaml"].splitlines()[-1]
    write_city(tmp_path, city=FILES["city.yaml"].replace(line, "http: {listen: 0.0.0.0:8080}"))
    assert check([tmp_path], env={"CITYPATROL_TOKEN": "t"}).problems == []


class TestWhatAFileIs:
    @pytest.mark.parametrize(
        ("name", "text", "says"),
        [
            ("a.yaml", "colour: red\n", "is neither a city nor rules, tests, cameras or units"),
            ("a.yaml", "- 1\n", "is neither a city nor rules, tests, cameras or units"),
            ("edge.yaml", "uplink: x\n", "edge agents are documented but not built yet"),
            ("units.yaml", "unit: []\n", "unknown key 'unit'; did you mean 'units'?"),
            ("city.yaml", "a: [\n", "a value is missing here"),
            ("b.yaml", "a: [\n", "a value is missing here"),
            ("any.yml", "journal: {}\n", "missing key 'city'"),
            ("r.csv", "a,b\n", "no column id"),
            ("g.geojson", "[]", "is no GeoJSON FeatureCollection"),
        ],
    )
    def test_by_its_content_or_its_name(self, tmp_path, name, text, says):
        (tmp_path / name).write_text(text)
        said = " ".join(problem.message for problem in check([tmp_path / name], env={}).problems)
        assert says in said

    def test_a_folder_is_read_to_its_bottom_but_not_its_data(self, tmp_path):
        for name in ("a/b/rules.yaml", "data/x.yaml", ".hidden/x.yaml", "notes.txt"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("rules: 3\n")
        found = check([tmp_path], env={})
        assert found.files == 1
        [problem] = found.problems
        assert problem.path.endswith("a/b/rules.yaml")

    @pytest.mark.parametrize(
        ("text", "files"),
        [
            pytest.param("time,source,temperature\n1,a,2\n", 0, id="readings"),
            pytest.param("ts,id,value\n", 0, id="a column of the same name"),
            pytest.param("id;name;kind\n", 1, id="a registry with other separators"),
            pytest.param("\ufeffid,name,lat,lon\n", 1, id="a registry that lacks columns"),
            pytest.param("", 1, id="an empty one"),
        ],
    )
    def test_a_table_of_something_else_in_a_folder_is_passed_over(self, tmp_path, text, files):
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        (tmp_path / "rules.yaml").write_text("rules: []\n")
        found = check([tmp_path], env={})
        assert found.files == files + 1
        assert [Path(one.path).name for one in found.problems] == ["t.csv"] * files

    def test_an_empty_folder_is_no_city(self, tmp_path):
        [problem] = check([tmp_path], env={}).problems
        assert "no file to check" in problem.message

    def test_files_of_a_wrong_city_are_checked_too(self, tmp_path):
        wrong = change("city", "code: ZZ", "code: zz") | change(
            "water", "severity: critical", "severity: urgent"
        )
        write_city(tmp_path, **wrong)
        said = [problem.path for problem in check([tmp_path / "city.yaml"], env={}).problems]
        assert [path.removeprefix(f"{tmp_path}/") for path in said] == [
            "city.yaml",
            "rules/water.yaml",
        ]
