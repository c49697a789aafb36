"""Samples as InfluxDB line protocol (DOORS: InfluxDB). Pure: labels and batches in, lines out.

Every sample is one `sensor` point. What a camera says about itself or counts is a field of a
`camera` or `detection` point too, and the pipeline's own series (`ticket.*`, `pipeline.*`) are the
measurements that the walls read.
Source: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from citypatrol.samples import Batch

Labels = Callable[[str], Mapping[str, str]]
"""The labels of a source; empty where none are known."""

CAMERA_FIELDS = frozenset({"fps", "sharpness", "brightness", "fault", "age"})
DETECTION_FIELDS = frozenset({"count", "score"})
OWN_TAGS = {
    "ticket": ("category", "severity", "unit", "district", "state"),
    "pipeline": ("stage", "process"),
}
TAGS = frozenset({"kind", "district"}.union(*OWN_TAGS.values()))
"""Every label that may become a tag: few, and none with a value for each ticket or track."""


@dataclass(frozen=True, slots=True)
class _Point:
    """The part of a line that does not change: `measurement,tag=value field=`."""

    prefix: str

    def line(self, value: float, ts: int) -> str:
        return f"{self.prefix}{value!r} {ts}"


def lines(batch: Batch, *, labels: Labels) -> Iterator[str]:
    """One or two lines a sample, timestamps in milliseconds, fields all floats."""
    points: dict[tuple[int, int], tuple[_Point, ...]] = {}
    columns = (batch.source.tolist(), batch.metric.tolist(), batch.ts.tolist())
    for source, metric, ts, value in zip(*columns, batch.value.tolist(), strict=True):
        series = (source, metric)
        if series not in points:
            name = batch.sources[source]
            points[series] = tuple(_points(name, batch.metrics[metric], labels(name)))
        for point in points[series]:
            yield point.line(value, ts)


def _points(source: str, metric: str, labels: Mapping[str, str]) -> Iterator[_Point]:
    first, _, last = metric.rpartition(".")
    if first in OWN_TAGS:
        yield _point(first, {tag: labels.get(tag, "") for tag in OWN_TAGS[first]}, last)
        return
    place = {"source": source, "district": labels.get("district", "")}
    yield _point("sensor", {"metric": metric, "kind": labels.get("kind", "")} | place, "value")
    if first == "camera" and last in CAMERA_FIELDS:
        yield _point("camera", place, last)
    elif labels.get("kind") == "camera" and first and last in DETECTION_FIELDS:
        yield _point("detection", {"label": first} | place, last)


def _point(measurement: str, tags: Mapping[str, str], field: str) -> _Point:
    """Tags sorted by name, as the server likes them; an empty tag value is no tag."""
    written = "".join(
        f",{_escape(name)}={_escape(value)}" for name, value in sorted(tags.items()) if value
    )
    return _Point(f"{measurement}{written} {_escape(field)}=")


def _escape(text: str) -> str:
    """Commas, equals signs and blanks take a backslash; a line break would end the line.

    A backslash at the end of a value would escape the separator behind it: it is dropped.
    """
    clean = text.replace("\n", " ").replace("\r", " ").rstrip("\\")
    return clean.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
