"""An engine's memory as bytes: columns as they lie in memory, the rest as JSON, all compressed."""

from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa

from citypatrol.columns import Floats, Ints
from citypatrol.name_table import NameTable, PackedNames
from rules.block import NEVER, Track
from rules.compound import CompoundRule
from rules.incidents import decode_incident, encode_incident
from rules.joined import Joined, Judge
from rules.ruleset import NORMAL, ONLINE, RuleSet
from rules.series import Table
from rules.state import State

_MAGIC: Final = b"citypatrol rules 1\n"
_CODEC: Final = pa.Codec("zstd", compression_level=1)

Columns = dict[str, np.ndarray]
Facts = dict[str, Any]


def save(state: State) -> bytes:
    """Everything in ``state``, for ``load``."""
    facts, columns = _shared(state)
    for judge in state.judges():
        facts["rules"][judge.rule.name] = {"condition": judge.rule.condition, **judge.save()}
    for one in state.joined:
        name = one.judge.rule.name
        facts["rules"][name]["joined"] = one.save()
        size = len(state.sources) if one.judge.table is None else one.judge.table.size
        _save_track(f"rule {name}", one.judge.track, size, facts, columns)
    for compound in state.compounds:
        name = compound.rule.name
        for at, strand in enumerate(compound.strands):
            size = len(state.sources) if strand.table is None else strand.table.size
            _save_track(f"rule {name} strand {at}", strand.track, size, facts, columns)
        mine = compound.columns()
        columns |= {f"compound {name} {part}": column for part, column in mine.items()}
    return pack(facts, columns)


def load(rules: RuleSet, data: bytes, *, mode: str | None = None) -> State:
    """The state under these rules; ``mode``: another than that in which it was saved. Raises
    ValueError where the bytes are no snapshot."""
    facts, columns = unpack(data)
    try:
        state = State(rules, mode=mode or facts.get("mode", NORMAL))
        _load_shared(state, facts, columns)
        judged = state.gate.judged(state.index.size)
        for table in state.index.tables:
            series = table.series.data[: table.size]
            if not _load_track(f"metric {table.metric}", table.track, facts, columns):
                _begin(table.track, np.arange(table.size), judged[0][series], judged[1][series])
        saved = dict(facts["rules"])
        kept = {judge.rule.name for judge in state.judges() if _goes_on(judge, saved)}
        for judge in state.judges():
            if judge.rule.name in kept and not isinstance(judge, CompoundRule):
                judge.load(saved[judge.rule.name])
        for one in state.joined:
            name = one.judge.rule.name
            if name in kept:
                _load_track(f"rule {name}", one.judge.track, facts, columns)
                one.load(saved[name]["joined"])
            else:
                _begin_joined(state, one, *judged)
        for compound in state.compounds:
            name = compound.rule.name
            for at, strand in enumerate(compound.strands):
                if name in kept:
                    _load_track(f"rule {name} strand {at}", strand.track, facts, columns)
                else:
                    strand.begin(*_newest(state, strand.table, *judged))
            if name in kept:
                start = f"compound {name} "
                mine = {k[len(start) :]: c for k, c in columns.items() if k.startswith(start)}
                compound.load(saved[name], mine)
            else:
                compound.begin()
        gone = [text for name in saved.keys() - kept for _, text in saved[name]["open"]]
        state.orphans = [decode_incident(text.encode()) for text in facts["orphans"] + gone]
    except (KeyError, TypeError, IndexError) as error:
        message = f"not a snapshot of rules: {error!r}"
        raise ValueError(message) from error
    state.enrol_all()
    return state


def _goes_on(judge: Judge | CompoundRule, saved: Facts) -> bool:
    known = saved.get(judge.rule.name)
    return known is not None and known["condition"] == judge.rule.condition


def _shared(state: State) -> tuple[Facts, Columns]:
    sources, index, gate = state.sources, state.index, state.gate
    forms, labels = sources.packed.save(len(sources))
    facts: Facts = {
        "now": state.now,
        "in_force": state.in_force,
        "mode": state.mode,
        "orphans": [encode_incident(one).decode() for one in state.orphans],
        "label forms": forms,
        "metrics": index.metrics,
        "waiting": gate.waiting.save(),
        "pictures": {},
        "rules": {},
    }
    names = sources.names.packed()
    columns: Columns = {
        "names": np.frombuffer(names.text, np.uint8),
        "name bounds": names.bounds,
        **labels,
        "lateness": sources.lateness.data[: len(sources)],
        "stale": sources.stale.data[: len(sources)],
        "source": index.source.data[: index.size],
        "metric": index.metric.data[: index.size],
        "newest": gate.newest.data[: index.size],
        "value": gate.value.data[: index.size],
    }
    for table in index.tables:
        if table.metric in state.prompt:
            _save_track(f"metric {table.metric}", table.track, table.size, facts, columns)
    return facts, columns


def _load_shared(state: State, facts: Facts, columns: Columns) -> None:
    state.now, state.in_force = facts["now"], facts["in_force"]
    state.sources.restore(_names(facts, columns), columns["lateness"], columns["stale"])
    if "label forms" in facts:
        state.sources.packed.load(facts["label forms"], columns)
    else:
        for source, text in enumerate(_texts(columns)):
            state.sources.packed.put(source, orjson.loads(text))
    state.sources.code_all()
    state.index.restore(facts["metrics"], columns["source"], columns["metric"])
    state.gate.ensure(state.index.size)
    state.gate.newest.replace(columns["newest"])
    state.gate.value.replace(columns["value"])
    state.gate.waiting.load(facts["waiting"])


def _names(facts: Facts, columns: Columns) -> NameTable:
    """Of the sources; snapshots of earlier versions have them as JSON."""
    if "names" in facts:
        return NameTable.read(pa.chunked_array([facts["names"]], pa.string()))
    names = PackedNames(columns["names"].tobytes(), columns["name bounds"]).array()
    names.validate(full=True)
    return NameTable.read(pa.chunked_array([names]))


def _texts(columns: Columns) -> list[bytes]:
    """Each source's labels, as snapshots of earlier versions have them: JSON, and its size in
    bytes; still earlier in characters."""
    labels = columns["labels"].data
    if "label bytes" in columns:
        ends = np.cumsum(columns["label bytes"]).tolist()
        return [bytes(labels[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=False)]
    ends, text = np.cumsum(columns["label sizes"]).tolist(), str(labels, "utf-8")
    return [text[a:b].encode() for a, b in zip([0, *ends[:-1]], ends, strict=False)]


def _save_track(name: str, track: Track, size: int, facts: Facts, columns: Columns) -> None:
    for part, column in (("ts", track.ts), ("value", track.value), ("count", track.count)):
        columns[f"{name} {part}"] = column.data[:size]
    facts["pictures"][name] = [(key, *picture) for key, picture in track.pictures.items()]
    for part, window in track.readings.save().items():
        columns[f"{name} {part}"] = window


def _load_track(name: str, track: Track, facts: Facts, columns: Columns) -> bool:
    """False where none was saved."""
    if name not in facts["pictures"]:
        return False
    for part, column in (("ts", track.ts), ("value", track.value), ("count", track.count)):
        column.replace(columns[f"{name} {part}"])
    track.pictures = {key: (ts, sha) for key, ts, sha in facts["pictures"][name]}
    mine = f"{name} window "
    windows = {at.removeprefix(f"{name} "): c for at, c in columns.items() if at.startswith(mine)}
    track.readings.load(windows)
    return True


def _begin(track: Track, keys: Ints, ts: Ints, value: Floats) -> None:
    """A track that was not kept before begins with the newest judged sample of each key."""
    heard = np.flatnonzero(ts != NEVER)
    heard = heard[np.argsort(ts[heard], kind="stable")]  # of several for one key the newest
    track.ensure(int(keys.max(initial=-1)) + 1)
    track.ts.data[keys[heard]] = ts[heard]
    track.value.data[keys[heard]] = value[heard]
    track.count.data[keys[heard]] = 1


def _begin_joined(state: State, one: Joined, ts: Ints, value: Floats) -> None:
    """The same for a rule of several series, and what its veto was at last."""
    index, judge = state.index, one.judge
    _begin(judge.track, *_newest(state, judge.table, ts, value))
    if judge.veto is not None:
        source = index.source.data[: index.size]
        metric = np.array(index.metrics, object)[index.metric.data[: index.size]]
        blind = np.flatnonzero((metric == judge.veto.metric) & (ts != NEVER))
        blind = blind[np.argsort(source[blind], kind="stable")]
        judge.veto.take(source[blind], ts[blind], value[blind])


def _newest(
    state: State, table: Table | None, ts: Ints, value: Floats
) -> tuple[Ints, Ints, Floats]:
    """Keys, and timestamp and value of the newest judged sample of each; without a table a key is
    a source, which comes once for each metric."""
    index = state.index
    if table is not None:
        own = table.series.data[: table.size]
        return np.arange(table.size), ts[own], value[own]
    metric = np.array(index.metrics, object)[index.metric.data[: index.size]]
    others = np.flatnonzero(metric != ONLINE)
    return index.source.data[others], ts[others], value[others]


def pack(facts: Facts, columns: Columns) -> bytes:
    """The bytes of a snapshot."""
    shapes = [(name, column.dtype.str, len(column)) for name, column in columns.items()]
    head = orjson.dumps({"facts": facts, "columns": shapes}, option=orjson.OPT_SERIALIZE_NUMPY)
    size = 8 + len(head) + sum(column.nbytes for column in columns.values())
    out = pa.BufferOutputStream()
    out.write(_MAGIC + size.to_bytes(8, "little"))
    with pa.CompressedOutputStream(out, _CODEC.name) as stream:  # never all of it at once
        stream.write(len(head).to_bytes(8, "little"))
        stream.write(head)
        for column in columns.values():
            stream.write(np.ascontiguousarray(column))
        stream.flush()
        stream.close()
        packed: bytes = out.getvalue().to_pybytes()
    return packed


def unpack(data: bytes) -> tuple[Facts, Columns]:
    """What ``pack`` took. Raises ValueError where the bytes are none of it."""
    start = len(_MAGIC) + 8
    if not data.startswith(_MAGIC):
        message = f"not a snapshot of rules: it begins with {data[:20]!r}"
        raise ValueError(message)
    try:
        size = int.from_bytes(data[len(_MAGIC) : start], "little")
        body = memoryview(_CODEC.decompress(memoryview(data)[start:], decompressed_size=size))
        at = 8 + int.from_bytes(body[:8], "little")
        head = orjson.loads(body[8:at])
        columns = {}
        for name, dtype, length in head["columns"]:
            columns[name] = np.frombuffer(body, dtype, length, at)
            at += columns[name].nbytes
    except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
        message = f"not a snapshot of rules: {error}"
        raise ValueError(message) from error
    return head["facts"], columns
