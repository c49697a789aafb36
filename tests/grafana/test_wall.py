"""The wall: the file is what the code writes, and every query runs on a real InfluxDB."""

import json
from pathlib import Path

import pytest

from bench.servers.influx import Influx, influxdb
from grafana import queries
from grafana.wall import FOLDER, as_json, city_wall


def test_the_committed_dashboard_is_what_the_code_writes() -> None:
    written = (FOLDER / "city.json").read_text(encoding="utf-8")
    assert written == as_json(city_wall()), "run `make dashboards`"


def test_every_panel_asks_one_known_query_and_every_query_is_asked() -> None:
    panels = json.loads(as_json(city_wall()))["panels"]
    asked = [target["query"] for panel in panels for target in panel["targets"]]
    assert sorted(asked) == sorted(queries.ALL.values())


def test_panels_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in json.loads(as_json(city_wall()))["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert x < 24
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_provisioning_reads_where_compose_mounts() -> None:
    root = Path(__file__).parent.parent.parent
    provider = (root / "grafana/provisioning/dashboards/citypatrol.yaml").read_text()
    compose = (root / "docker-compose.yml").read_text()
    assert "path: /etc/grafana/dashboards" in provider
    assert "./grafana/dashboards:/etc/grafana/dashboards:ro" in compose


@pytest.fixture(scope="module")
def server() -> "object":
    with influxdb() as influx:
        yield influx


@pytest.mark.parametrize("name", queries.ALL)
def test_a_query_is_valid_where_nothing_was_written_yet(server: Influx, name: str) -> None:
    assert server.query(queries.runnable(queries.ALL[name])) == []
