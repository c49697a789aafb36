"""Samples as InfluxDB line protocol (DOORS: InfluxDB). Pure: a batch and tags in, a body out.

Every sample is one `sensor` point. What a camera says about itself or counts is a field of a
`camera` or `detection` point too, and the city's own series (`ticket.*`, `pipeline.*`) are the
measurements that the walls read. Lines are joined column by column in Arrow: a Python string a
line costs twenty times as much.
Source: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from citypatrol.samples import Batch
from sinks.tags import OWN_TAGS, Tags

CAMERA_FIELDS: Final = frozenset({"fps", "sharpness", "brightness", "fault", "age"})
DETECTION_FIELDS: Final = frozenset({"count", "score"})

_SPECIAL: Final = r"[,= \n\r\\]"
_BREAK: Final = re.compile(r"[\n\r]")
_EATS: Final = re.compile(r"\\+(?=[,= ]|$)")
_SEPARATOR: Final = re.compile(r"[,= ]")


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines of line protocol, one behind the other: line ``n`` begins at byte ``starts[n]`` and
    ends before ``starts[n + 1]``, its line break included."""

    text: memoryview
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, part: slice) -> "Lines":
        start, stop, _ = part.indices(len(self))
        return Lines(self.text, self.starts[start : max(stop, start) + 1])

    def first(self, most: int, *, most_bytes: int) -> "Lines":
        """At most so many lines and bytes from the beginning on, but one in any case."""
        fits = int(np.searchsorted(self.starts, self.starts[0] + most_bytes, side="right")) - 1
        return self[: max(1, min(most, fits))]

    @property
    def body(self) -> memoryview:
        return self.text[self.starts[0] : self.starts[-1]]

    def each(self) -> Iterator[bytes]:
        """Every line by itself, without its line break."""
        for start, stop in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            yield bytes(self.text[start : stop - 1])


def lines(batch: Batch, *, tags: Tags) -> Lines:
    """One or two lines a sample, timestamps in milliseconds, fields all floats.

    Values are finite: line protocol has no word for others.
    """
    page = _Page(batch, tags)
    parts = [page.sensors(), page.cameras(), page.detections()]
    parts += [page.own(measurement) for measurement in OWN_TAGS]
    filled = [part for part in parts if part is not None]
    if not filled:
        return Lines(memoryview(b""), np.zeros(1, np.int64))
    joined = filled[0] if len(filled) == 1 else pa.concat_arrays(filled)
    _, offsets, text = joined.buffers()
    starts = np.frombuffer(offsets, np.int32, len(joined) + 1, offset=4 * joined.offset)
    return Lines(memoryview(text), starts.astype(np.int64))


@dataclass(frozen=True, slots=True)
class _Metric:
    """``litter.count``: ``first`` litter, ``last`` count; ``own``: a measurement of OWN_TAGS."""

    name: str
    first: str
    last: str
    own: str | None

    @classmethod
    def of(cls, name: str) -> "_Metric":
        first, _, last = name.rpartition(".")
        return cls(name, first, last, first if first in OWN_TAGS and last else None)

    @property
    def is_camera(self) -> bool:
        return self.first == "camera" and self.last in CAMERA_FIELDS

    @property
    def is_count(self) -> bool:
        return self.own is None and self.first != "" and self.last in DETECTION_FIELDS


class _Page:
    """The columns of one batch, and the lines of one measurement after the other."""

    def __init__(self, batch: Batch, tags: Tags) -> None:
        self._batch = batch
        self._metrics = [_Metric.of(name) for name in batch.metrics]
        self._tags = tags
        self._combination = tags.numbers(batch.sources)[batch.source]
        self._used = np.unique(self._combination).tolist()
        self._sources = _source_tags(batch.sources)
        self._last = [metric.last for metric in self._metrics]

    def sensors(self) -> Any:
        return self._written(
            self._of(lambda metric: metric.own is None),
            measurement="sensor",
            tags=("district", "kind"),
            metric_tags=[_tag("metric", metric.name) for metric in self._metrics],
            fields=["value"] * len(self._metrics),
        )

    def cameras(self) -> Any:
        rows = self._of(lambda metric: metric.is_camera)
        return self._written(rows, measurement="camera", tags=("district",), fields=self._last)

    def detections(self) -> Any:
        rows = self._of(lambda metric: metric.is_count)
        if rows.any():
            kinds = {number: self._tags.of(number).get("kind") for number in self._used}
            cameras = [number for number, kind in kinds.items() if kind == "camera"]
            rows &= np.isin(self._combination, cameras)
        return self._written(
            rows,
            measurement="detection",
            tags=("district",),
            metric_tags=[_tag("label", metric.first) for metric in self._metrics],
            fields=self._last,
        )

    def own(self, measurement: str) -> Any:
        return self._written(
            self._of(lambda metric: metric.own == measurement),
            measurement=measurement,
            tags=sorted(OWN_TAGS[measurement]),
            fields=self._last,
            sources="",
        )

    def _of(self, wanted: Callable[[_Metric], bool]) -> NDArray[np.bool_]:
        return np.array([wanted(metric) for metric in self._metrics], np.bool_)[self._batch.metric]

    def _written(
        self,
        rows: NDArray[np.bool_],
        *,
        measurement: str,
        tags: Sequence[str],
        fields: Sequence[str],
        metric_tags: Sequence[str] | None = None,
        sources: str | None = None,
    ) -> Any:
        """The lines of these rows, None where there is none. Tags stand sorted by name, as the
        server likes them: those of the labels, of the metric, then the source."""
        if not rows.any():
            return None
        batch, every = self._batch, rows.all()

        def chosen(column: NDArray[Any]) -> Any:
            return pa.array(column if every else column[rows])

        heads = [""] * (self._used[-1] + 1)
        for number in self._used:
            labels = self._tags.of(number)
            heads[number] = measurement + "".join(_tag(tag, labels.get(tag, "")) for tag in tags)
        metric = chosen(batch.metric)
        words = [
            pa.array(heads).take(chosen(self._combination)),
            "" if metric_tags is None else pa.array(metric_tags).take(metric),
            self._sources.take(chosen(batch.source)) if sources is None else sources,
            pa.array([f" {escape(field)}=" for field in fields]).take(metric),
            pc.cast(chosen(batch.value), pa.string()),
            " ",
            pc.cast(chosen(batch.ts), pa.string()),
            "\n",
        ]
        return pc.binary_join_element_wise(*words, "")


def _tag(name: str, value: str) -> str:
    """An empty tag value is no tag."""
    return f",{name}={escape(value)}" if value else ""


def _source_tags(sources: Sequence[str]) -> Any:
    names = pa.array(sources, pa.string())
    if pc.any(pc.match_substring_regex(names, _SPECIAL)).as_py():
        names = pa.array([escape(source) for source in sources], pa.string())
    written = pc.binary_join_element_wise(",source=", names, "")
    if "" in sources:
        return pc.if_else(pc.equal(names, ""), "", written)
    return written


def escape(text: str) -> str:
    """Commas, equals signs and blanks take a backslash; a line break would end the line.

    A backslash in front of one of them, or at the end, would join with what follows: it is dropped.
    """
    if not _needs_care(text):
        return text
    clean = _EATS.sub("", _BREAK.sub(" ", text))
    return _SEPARATOR.sub(r"\\\g<0>", clean)


_needs_care = re.compile(_SPECIAL).search
