"""The city wall as code: `python -m grafana.wall` writes `grafana/dashboards/city.json`.

Read from across a control room: four big numbers on top, then what is open and whose it is, then
the city's own signals.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from grafana import queries

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = model.DataSourceRef(type_val="influxdb", uid="citypatrol")

GREEN, AMBER, RED = "green", "orange", "red"


@dataclass(frozen=True, slots=True)
class InfluxQuery(variants.Dataquery):
    """One InfluxQL target; the SDK has no type of its own for it."""

    query: str
    alias: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "refId": "A",
            "datasource": SOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": "time_series",
            "alias": self.alias,
        }


@dataclass(slots=True)
class _Target(builder.Builder[variants.Dataquery]):
    query: str
    alias: str = ""

    def build(self) -> variants.Dataquery:
        return InfluxQuery(self.query, self.alias)


@dataclass(slots=True)
class _Grid:
    """Places panels left to right in rows of 24 columns."""

    x: int = 0
    y: int = 0
    tallest: int = field(default=0)

    def place(self, width: int, height: int) -> model.GridPos:
        if self.x + width > 24:
            self.x, self.y, self.tallest = 0, self.y + self.tallest, 0
        at = model.GridPos(x=self.x, y=self.y, w=width, h=height)
        self.x += width
        self.tallest = max(self.tallest, height)
        return at


def _steps(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    values = [model.Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(values)


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _number(title: str, query: str, at: model.GridPos, *, warn: float, alarm: float) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .datasource(SOURCE)
        .grid_pos(at)
        .with_target(_Target(query))
        .reduce_options(_newest())
        .color_mode(common_model.BigValueColorMode.BACKGROUND)
        .thresholds(_steps((None, GREEN), (warn, AMBER), (alarm, RED)))
    )


def _bars(title: str, query: str, alias: str, at: model.GridPos) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .title(title)
        .datasource(SOURCE)
        .grid_pos(at)
        .with_target(_Target(query, alias))
        .reduce_options(_newest())
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .min(0)
        .thresholds(_steps((None, GREEN), (5, AMBER), (20, RED)))
    )


def _lines(
    title: str, query: str, alias: str, at: model.GridPos, *, unit: str = "short"
) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title(title)
        .datasource(SOURCE)
        .grid_pos(at)
        .with_target(_Target(query, alias))
        .unit(unit)
        .fill_opacity(10)
        .span_nulls(True)
    )


def _states(title: str, query: str, at: model.GridPos) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .title(title)
        .datasource(SOURCE)
        .grid_pos(at)
        .with_target(_Target(query, "$tag_source"))
        .thresholds(_steps((None, GREEN), (0.5, RED)))
    )


def city_wall() -> model.Dashboard:
    """The wall that hangs in the operations centre."""
    grid = _Grid()
    wall = (
        dashboard.Dashboard("citypatrol: the city")
        .uid("citypatrol-city")
        .description("Open incidents, whose they are, and what the city's sensors and cameras say.")
        .tags(["citypatrol"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .readonly()
    )
    q = queries
    panels: list[builder.Builder[model.Panel]] = [
        _number("Open tickets", q.OPEN_TICKETS, grid.place(6, 5), warn=5, alarm=20),
        _bars("Open, by category", q.OPEN_BY_CATEGORY, "$tag_category", grid.place(9, 5)),
        _bars("Open, by responsible unit", q.OPEN_BY_UNIT, "$tag_unit", grid.place(9, 5)),
        _lines("Opened and closed", q.OPENED_AND_CLOSED, "$col", grid.place(12, 7)),
        _lines("Readings taken in, by kind", q.READINGS, "$tag_kind", grid.place(12, 7)),
        _lines("Water levels", q.WATER_LEVELS, "$tag_source", grid.place(12, 8), unit="lengthcm"),
        _lines(
            "Traffic lights: probability that a lamp is lit",
            q.TRAFFIC_LIGHTS,
            "$tag_source",
            grid.place(12, 8),
            unit="percentunit",
        ),
        _lines("Litter seen", q.LITTER, "$tag_label at $tag_source", grid.place(8, 7)),
        _states("Cameras at fault", q.CAMERA_FAULTS, grid.place(8, 7)),
        _lines("Camera sharpness", q.CAMERA_SHARPNESS, "$tag_source", grid.place(8, 7)),
        _lines("Pipeline: done a minute", q.PIPELINE_THROUGHPUT, "$tag_stage", grid.place(6, 7)),
        _lines("Pipeline: waiting", q.PIPELINE_LAG, "$tag_stage", grid.place(6, 7)),
        _lines("Late and set aside", q.PIPELINE_LEFT_OUT, "$col: $tag_stage", grid.place(6, 7)),
        _lines("From reading to webhook", q.PIPELINE_LATENCY, "$col", grid.place(6, 7), unit="s"),
    ]
    for panel in panels:
        wall = wall.with_panel(panel)
    return wall.build()


def as_json(board: model.Dashboard) -> str:
    return json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "city.json").write_text(as_json(city_wall()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
