"""Random rules and random streams, as small as they can be and still meet at every edge.

Times are half seconds and durations whole ones, values are 0 to 5: so that timers, samples,
deaths and thresholds often fall on one instant.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample

START = 1_700_000_000_000
STEP = 500
LAST = START + 40 * STEP
END = LAST + 7_200_000
LABELS = {
    "a": {"kind": "plain", "limit": "3", "gateway": "g1"},
    "b": {"kind": "plain", "limit": ""},
    "cam": {"kind": "camera", "gateway": "g2"},
    "cam/north": {"kind": "camera", "gateway": "g2"},
}
METRICS = {
    "a": ("x", "y", "online"),
    "b": ("x", "y"),
    "cam": ("fault",),
    "cam/north": ("x", "fault"),
}

_WORD = re.compile(r"([\w/]+)\(L(\d+) S(\d+)\)|\bT(-?\d+)|([\w/]+\.\w+@-?\d+=[-\d.]+)")

durations = st.sampled_from(["0s", "1s", "2s", "3s", "5s"])
gaps = st.sampled_from(["1s", "2s", "3s", "5s"])
values = st.integers(0, 5).map(float)
limits = st.integers(1, 4)


@st.composite
def thresholds(draw: st.DrawFn) -> dict[str, Any]:
    word = draw(st.sampled_from(["above", "above", "below", "between", "outside", "equals"]))
    if word == "equals":
        return {word: draw(limits)}
    if word in ("between", "outside"):
        low = draw(st.integers(0, 4))
        return {word: [low, draw(st.integers(low, 5))]}
    limit = limits.map(lambda n: n) | st.just({"label": "limit"})
    return {word: draw(limit | limits.map(lambda n: {"label": "limit", "default": n}))}


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """A window and what it is compared with; a count that no window has is no rule."""
    word = draw(st.sampled_from(["mean", "max", "min", "sum", "count", "p95", "rate", "change"]))
    compared = {"above": draw(st.integers(1, 3))} if word == "count" else draw(thresholds())
    return {word: draw(gaps), **compared}


@st.composite
def clears(draw: st.DrawFn, when: dict[str, Any]) -> dict[str, Any]:
    """``for`` alone, or a threshold of its own that leaves room for hysteresis."""
    clear: dict[str, Any] = {}
    if draw(st.booleans()):
        if isinstance(when.get("above"), int):
            clear["below"] = draw(st.integers(0, when["above"]))
        elif isinstance(when.get("below"), int):
            clear["above"] = draw(st.integers(when["below"], 5))
        elif "between" in when:
            clear["outside"] = when["between"]
        elif "outside" in when:
            clear["between"] = when["outside"]
        elif "equals" in when:
            clear["outside"] = [when["equals"]] * 2
    if "missing" in when or "count" in when:
        clear = {}
    elif draw(st.integers(0, 5)) == 0:
        clear = draw(windows())
        if clear.keys() & when.keys():  # the same window, and they may overlap
            clear = {}
    if not clear or draw(st.booleans()):
        clear["for"] = draw(durations)
    return clear


@st.composite
def rules(draw: st.DrawFn, *, name: str = "r", steady: bool = False) -> dict[str, Any]:
    """``steady``: no value dies early, and a silence clears at once."""
    rule: dict[str, Any] = {"name": name}
    if draw(st.integers(0, 2)) == 0:
        rule["select"] = {"metric": draw(st.sampled_from(["x", "*", "online"]))}
        rule["when"] = {"missing": draw(gaps)}
    else:
        rule["select"] = {"metric": draw(st.sampled_from(["x", "x", "x", "x", "y"]))}
        rule["when"] = draw(thresholds() | windows())
        if draw(st.booleans()):
            rule["when"]["for"] = draw(durations)
        if draw(st.integers(0, 3)) == 0:
            rule["when"]["at_least"] = draw(st.sampled_from(["2 samples", "3 samples"]))
        if not steady and draw(st.integers(0, 3)) == 0:
            rule["stale"] = draw(gaps)
    if not (steady and "missing" in rule["when"]) and draw(st.booleans()):
        rule["clear"] = draw(clears(rule["when"]))
    if draw(st.booleans()):
        rule["unless"] = {
            "metric": "fault",
            draw(st.sampled_from(["above", "below"])): draw(limits),
        }
    if draw(st.booleans()):
        rule["group"] = "gateway"
    if draw(st.integers(0, 5)) == 0:
        rule["select"]["where"] = {"kind": draw(st.sampled_from(["plain", "camera"]))}
    return rule


@dataclass(frozen=True)
class Scene:
    """Sources with their bounds, and samples that nobody has sent yet."""

    sources: tuple[SourceSeen, ...]
    samples: tuple[Sample, ...]

    def lateness(self, source: str) -> int:
        return next(seen.lateness for seen in self.sources if seen.source == source)


@st.composite
def scenes(draw: st.DrawFn, *, stale: Sequence[int] = (2000, 5000, 7_200_000)) -> Scene:
    lateness = {kind: draw(st.sampled_from([0, 1000, 2500])) for kind in ("plain", "camera")}
    stales = {kind: draw(st.sampled_from(stale)) for kind in ("plain", "camera")}
    sources = [
        SourceSeen(START, source, labels, lateness[labels["kind"]], stales[labels["kind"]])
        for source, labels in LABELS.items()
    ]
    often = [("a", "x"), ("cam/north", "x"), ("cam", "fault")] * draw(st.sampled_from([0, 2, 6]))
    series = [(source, metric) for source, metrics in METRICS.items() for metric in metrics]
    series += often
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(series), st.integers(0, 40), values),
            min_size=draw(st.sampled_from([0, 6, 16])),
            max_size=40,
            unique_by=lambda one: (one[0], one[1]),
        )
    )
    samples = [
        Sample(*key, START + n * STEP, value, f"{n:02}" * 32 if value > 2 else None)
        for key, n, value in drawn
    ]
    return Scene(tuple(sources), tuple(samples))


def arrange(
    scene: Scene, *, waits: Sequence[int], ticks: Sequence[int], again: Sequence[Sample] = ()
) -> list[Record]:
    """One order of arrival: sample n comes ``waits[n]`` after its time, ``ticks`` at theirs.

    What comes with a tick comes before it: a sample may wait up to its lateness, a tick at that
    instant closes it. ``again`` comes where it fits by its own time.
    """
    timed: list[tuple[int, int, Record]] = [
        (sample.ts + wait, 0, Batch.of([sample]))
        for sample, wait in zip(scene.samples, waits, strict=True)
    ]
    timed += [(sample.ts + 1, 1, Batch.of([sample])) for sample in again]
    timed += [(ts, 2, Tick(ts)) for ts in ticks]
    timed.sort(key=lambda one: one[:2])
    return [*scene.sources, *(record for _, _, record in timed), Tick(END)]


@st.composite
def prompt_streams(draw: st.DrawFn, scene: Scene) -> list[Record]:
    """No sample waits longer than its lateness."""
    waits = [draw(st.integers(0, scene.lateness(s.source) // STEP)) * STEP for s in scene.samples]
    return arrange(scene, waits=waits, ticks=draw(tick_times()))


@st.composite
def rough_streams(draw: st.DrawFn, scene: Scene) -> list[Record]:
    """Samples that come late, twice, and with another value for the same millisecond."""
    return without_tardy(draw(tardy_streams(scene)))


@st.composite
def tardy_streams(draw: st.DrawFn, scene: Scene) -> list[Record]:
    """Besides, samples that a tick has overtaken and that are not late all the same."""
    waits = [draw(st.sampled_from([0, 0, 500, 1000, 2500, 6000])) for _ in scene.samples]
    again = []
    if scene.samples:
        for sample in draw(st.lists(st.sampled_from(scene.samples), max_size=4)):
            again.append(sample._replace(value=draw(st.sampled_from([sample.value, 0.0, 5.0]))))
    return arrange(scene, waits=waits, ticks=draw(tick_times()), again=again)


def without_tardy(records: Sequence[Record]) -> list[Record]:
    """The stream less the samples whose instant a tick has closed before they came, unless they
    are late by their series' own newest timestamp (then they must change nothing)."""
    lateness: dict[str, int] = {}
    newest: dict[tuple[str, str], int] = {}
    kept: list[Record] = []
    now = 0
    for record in records:
        if isinstance(record, SourceSeen):
            lateness[record.source] = record.lateness
        elif isinstance(record, Tick):
            now = max(now, record.ts)
        elif isinstance(record, Batch):
            (sample,) = record.samples()
            key, wait = (sample.source, sample.metric), lateness[sample.source]
            late = newest.get(key, sample.ts) - sample.ts > wait
            if sample.ts + wait <= now and not late:
                continue
            newest[key] = max(sample.ts, newest.get(key, sample.ts))
        kept.append(record)
    return kept


def tick_times() -> st.SearchStrategy[list[int]]:
    every = st.sampled_from([1000, 1500, 5000]).map(lambda ms: list(range(START - 1, LAST, ms)))
    some = st.lists(st.integers(-1, 60).map(lambda n: START + n * STEP), max_size=8)
    return every | some.map(sorted)


@st.composite
def cuts(draw: st.DrawFn, count: int) -> list[int]:
    """Where a list of ``count`` records is cut into calls of ``fold``."""
    return sorted(set(draw(st.lists(st.integers(0, count), max_size=8))))


def merged(records: Sequence[Record]) -> list[Record]:
    """Neighbouring batches as one: the same stream in other batches."""
    out: list[Record] = []
    for record in records:
        last = out[-1] if out else None
        if isinstance(record, Batch) and isinstance(last, Batch):
            out[-1] = Batch.of([*last.samples(), *record.samples()])
        else:
            out.append(record)
    return out


def told(records: Sequence[Record]) -> str:
    """A stream in a line: ``a(L1000 S2000)`` a source, ``T999`` a tick, ``a.x@500=2`` a sample."""
    words = []
    for record in records:
        if isinstance(record, SourceSeen):
            words.append(f"{record.source}(L{record.lateness} S{record.stale})")
        elif isinstance(record, Tick):
            words.append(f"T{record.ts - START}")
        elif isinstance(record, Batch):
            words += [f"{s.source}.{s.metric}@{s.ts - START}={s.value:g}" for s in record.samples()]
    return " ".join(words)


def retold(text: str) -> list[Record]:
    """The stream that ``told`` gave, to make a test of what was found; sources have LABELS."""
    records: list[Record] = []
    for name, lateness, stale, tick, sample in _WORD.findall(text):
        if name:
            labels = LABELS.get(name, {})
            records.append(SourceSeen(START, name, labels, int(lateness), int(stale)))
        elif tick:
            records.append(Tick(START + int(tick)))
        else:
            series, _, rest = sample.partition("@")
            ts, _, value = rest.partition("=")
            source, _, metric = series.rpartition(".")
            records.append(Batch.of([Sample(source, metric, START + int(ts), float(value))]))
    return records
