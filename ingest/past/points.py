"""A point of InfluxDB (measurement, tags, fields) as samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from citypatrol.clock import Ts
from ingest.past.reading import Part

_SOURCES: Final = ("source", "device", "device_id", "sensor", "id", "host", "topic")
_TEXT: Final = "a text; only numbers and booleans are samples"


@dataclass(frozen=True, slots=True)
class Tags:
    """Which tag names the source, and which the metric; None: those that are usual."""

    source: str | None = None
    metric: str | None = None


def take_point(
    part: Part,
    measurement: str,
    tags: Mapping[str, str],
    fields: Mapping[str, float | bool | str | None],
    ts: Ts,
    *,
    named: Tags,
) -> None:
    """The metric is the tag ``metric`` where there is one, else the measurement for a field
    ``value``, else ``MEASUREMENT.FIELD``. ValueError, in words, where there is no sample."""
    source = _source(tags, named)
    metric = tags.get(named.metric or "metric")
    taken = 0
    for name, value in fields.items():
        if isinstance(value, bool | int | float):
            whole = metric or measurement
            part.add(source, whole if name == "value" else f"{whole}.{name}", ts, float(value))
            taken += 1
    if not taken:
        message = f"{', '.join(fields) or 'nothing'}: {_TEXT}"
        raise ValueError(message)


def _source(tags: Mapping[str, str], named: Tags) -> str:
    wanted = _SOURCES if named.source is None else (named.source,)
    for name in wanted:
        if tags.get(name):
            return tags[name]
    message = (
        f"no tag names the source: there are {', '.join(tags) or 'none'}; write --source-tag NAME"
    )
    raise ValueError(message)
