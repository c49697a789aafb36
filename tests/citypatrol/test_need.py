from pathlib import Path

import pytest

from bench.servers.need import PROGRAMS, find, need


def program(at: Path) -> Path:
    at.parent.mkdir(parents=True)
    at.write_text("#!/bin/sh\n", encoding="utf-8")
    at.chmod(0o755)
    return at


def test_found_on_path(tmp_path: Path) -> None:
    java = program(tmp_path / "bin" / "java")
    assert need("java", env={"PATH": str(java.parent)}, root=tmp_path) == java


def test_the_newest_postgres_is_found_beside_path(tmp_path: Path) -> None:
    program(tmp_path / "usr/lib/postgresql/9/bin/postgres")
    newest = program(tmp_path / "usr/lib/postgresql/15/bin/postgres")
    assert find("postgres", path="", root=tmp_path) == newest


def test_a_second_name_counts(tmp_path: Path) -> None:
    browser = program(tmp_path / "bin" / "google-chrome")
    assert find("chromium", path=str(browser.parent), root=tmp_path) == browser


@pytest.mark.parametrize("name", PROGRAMS)
def test_missing_is_skipped_by_name_with_the_way_out(name: str, tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception) as caught:
        need(name, env={"PATH": ""}, root=tmp_path)
    assert str(caught.value) == f"{name} is not installed: {PROGRAMS[name].get}"


def test_missing_is_a_failure_in_ci(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="mosquitto is not installed: apt-get install"):
        need("mosquitto", env={"PATH": "", "CI": "true"}, root=tmp_path)


def test_an_unknown_name_is_a_bug_of_the_test() -> None:
    with pytest.raises(KeyError):
        need("grafana")
