"""``citypatrol influx setup``: a real InfluxDB 1.x, and the second API as it is documented."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli import main
from bench.servers.free_port import free_port
from bench.servers.influx import Influx, influxdb
from tests.sinks.an_influx2 import OPERATOR, Influx2, influx2

DAY_S = 86_400
Setup = Callable[..., int]


@pytest.fixture
def second() -> Iterator[Influx2]:
    with influx2() as server:
        yield server


def city(folder: Path, sink: str) -> Path:
    path = folder / "city.yaml"
    path.write_text(
        "city: {name: A, timezone: Asia/Shanghai}\njournal: {type: sqlite}\n"
        f"inputs: []\nsinks:\n{sink}"
    )
    return path


def second_city(folder: Path, url: str) -> Path:
    """Its token is what the command is to make: nothing holds it yet."""
    sink = f'{{type: influx, url: "{url}", org: city, bucket: city, token: "${{file:w.token}}"}}'
    return city(folder, f"  - {sink}\n")


@pytest.fixture
def setup(tmp_path: Path, second: Influx2) -> Setup:
    """``setup("--renew")``, as the operator."""
    (tmp_path / "operator").write_text(f"{OPERATOR}\n")
    path = second_city(tmp_path, second.url)

    def run(*words: str) -> int:
        token = ["--token-file", str(tmp_path / "operator")]
        return main(["influx", "setup", str(path), *token, *words])

    return run


def test_everything_is_made_and_each_token_may_do_one_thing(
    setup: Setup, second: Influx2, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setup() == 0
    said = capsys.readouterr().out
    [bucket] = second.of("buckets")
    assert bucket["retentionRules"] == [{"type": "expire", "everySeconds": 90 * DAY_S}]
    [mapping] = second.of("dbrps")
    assert (mapping["database"], mapping["bucketID"]) == ("city", bucket["id"])
    assert (mapping["retention_policy"], mapping["default"]) == ("autogen", True)
    resource = {"type": "buckets", "id": bucket["id"], "orgID": bucket["orgID"]}
    permissions = [one["permissions"] for one in second.of("authorizations")]
    assert permissions == [
        [{"action": "write", "resource": resource}],
        [{"action": "read", "resource": resource}],
    ]
    assert said.count("token-") == 2
    assert OPERATOR not in said


def test_asking_again_changes_nothing(
    setup: Setup, second: Influx2, capsys: pytest.CaptureFixture[str]
) -> None:
    setup()
    second.changes.clear()
    assert setup() == 0
    assert second.changes == []
    assert "cannot be shown again; --renew" in capsys.readouterr().out


def test_retention_changes_only_where_it_is_asked_for(setup: Setup, second: Influx2) -> None:
    setup("--retention", "30d")
    setup()
    [bucket] = second.of("buckets")
    assert bucket["retentionRules"][0]["everySeconds"] == 30 * DAY_S
    setup("--retention", "forever")
    assert bucket["retentionRules"] == [{"type": "expire", "everySeconds": 0}]


def test_a_mapping_that_the_server_makes_by_itself_is_enough(tmp_path: Path) -> None:
    with influx2(virtual_mappings=True) as server:
        path = second_city(tmp_path, server.url)
        (tmp_path / "operator").write_text(OPERATOR)
        words = ["--token-file", str(tmp_path / "operator")]
        assert main(["influx", "setup", str(path), *words]) == 0
        assert server.of("dbrps") == []


def test_tokens_go_into_files_that_only_we_may_read(
    setup: Setup, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {access: tmp_path / "secrets" / f"{access}.token" for access in ("write", "read")}
    words = [word for name, path in files.items() for word in (f"--{name}-token-file", str(path))]
    assert setup(*words) == 0
    assert "token-" not in capsys.readouterr().out
    kept = {name: path.read_text() for name, path in files.items()}
    assert all(text.startswith("token-") for text in kept.values())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert setup(*words) == 0
    assert {name: path.read_text() for name, path in files.items()} == kept


def test_renewed_tokens_replace_the_old_ones(setup: Setup, second: Influx2, tmp_path: Path) -> None:
    words = ["--write-token-file", str(tmp_path / "w.token")]
    setup(*words)
    first = (tmp_path / "w.token").read_text()
    old = {one["id"] for one in second.of("authorizations")}
    assert setup(*words, "--renew") == 0
    assert (tmp_path / "w.token").read_text() != first
    new = {one["id"] for one in second.of("authorizations")}
    assert len(new) == 2
    assert not new & old


def test_a_token_that_is_there_leaves_no_empty_file(setup: Setup, tmp_path: Path) -> None:
    setup()
    setup("--write-token-file", str(tmp_path / "w.token"))
    assert not (tmp_path / "w.token").exists()


def test_a_file_that_cannot_be_written_makes_no_token(
    setup: Setup, second: Influx2, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setup("--write-token-file", str(tmp_path)) == 3
    assert "cannot be written" in capsys.readouterr().err
    assert second.of("authorizations") == []


@pytest.mark.parametrize(
    ("token", "org", "message"),
    [
        pytest.param("other", "city", "an operator's, or one with all access", id="wrong token"),
        pytest.param(OPERATOR, "town", "sees no organisation 'town'; mend", id="wrong org"),
    ],
)
def test_what_is_refused_is_said_with_the_way_out(
    second: Influx2,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    token: str,
    org: str,
    message: str,
) -> None:
    path = second_city(tmp_path, second.url)
    path.write_text(path.read_text().replace("org: city", f"org: {org}"))
    (tmp_path / "operator").write_text(token)
    words = ["--token-file", str(tmp_path / "operator")]
    assert main(["influx", "setup", str(path), *words]) == 3
    assert message in capsys.readouterr().err
    assert second.changes == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "Set INFLUX_OPERATOR_TOKEN, or give --token-file", id="no token"),
        pytest.param(["--sink", "2"], "has 1 sinks", id="no such sink"),
        pytest.param(["--retention", "5m"], "nothing for less than 1h", id="too short"),
        pytest.param(["--retention", "long"], "is no duration", id="no duration"),
        pytest.param(["--token-file", "/nowhere"], "/nowhere cannot be read", id="no file"),
    ],
)
def test_wrong_words_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    path = second_city(tmp_path, "http://127.0.0.1:1")
    assert main(["influx", "setup", str(path), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_server_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    path = city(
        tmp_path, f'  - {{type: influx, version: 1, url: "http://127.0.0.1:{port}", db: c}}\n'
    )
    assert main(["influx", "setup", str(path)]) == 3
    assert f"127.0.0.1:{port} does not answer" in capsys.readouterr().err


@pytest.fixture(scope="module")
def first() -> Iterator[Influx]:
    with influxdb(db="other") as server:
        yield server


def policies(server: Influx, db: str) -> list[list[object]]:
    [series] = server.query(f'SHOW RETENTION POLICIES ON "{db}"')
    values = series["values"]
    assert isinstance(values, list)
    return [row[:2] + row[-1:] for row in values]


def test_the_first_version_gets_a_database_and_its_retention(
    first: Influx, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = city(tmp_path, f'  - {{type: influx, version: 1, url: "{first.url}", db: new}}\n')
    assert main(["influx", "setup", str(path), "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["done"] for one in said] == ["made", "made"]
    assert policies(first, "new") == [["autogen", "2160h0m0s", True]]
    assert main(["influx", "setup", str(path), "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["done"] for one in said] == ["there", "there"]
    assert main(["influx", "setup", str(path), "--retention", "30d"]) == 0
    assert policies(first, "new") == [["autogen", "720h0m0s", True]]


def test_a_database_that_was_there_keeps_what_it_keeps(first: Influx, tmp_path: Path) -> None:
    path = city(tmp_path, f'  - {{type: influx, version: 1, url: "{first.url}", db: other}}\n')
    assert main(["influx", "setup", str(path)]) == 0
    assert policies(first, "other") == [["autogen", "0s", True]]
