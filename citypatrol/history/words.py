"""What control records said, for who judges the past: sources, modes, and how far time came."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from citypatrol.clock import Ts
from citypatrol.history.control import control_paths
from citypatrol.history.layout import CONTROL
from citypatrol.records import ModeSwitched, SourceSeen, decode_record

_TICK: Final = b'"type":"tick"'
_RULES: Final = b'"type":"rules"'

Word = SourceSeen | ModeSwitched


@dataclass(frozen=True, slots=True)
class Words:
    """``first``: what was said of each source first, or last before the time asked for; ``later``
    in order of time. ``tick``: the newest one, None where there is none."""

    first: Sequence[Word]
    later: Sequence[Word]
    tick: Ts | None


def read_words(folder: Path, *, since: Ts | None, until: Ts | None) -> Words:
    """Of the history in ``folder``; nothing is said where it has no control records. ValueError,
    with file and line, at one that cannot be read."""
    said: list[tuple[Ts, int, Word]] = []
    tick: Ts | None = None
    for path in control_paths(folder / CONTROL):
        last = b""
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if _TICK in line:
                    last = line if line.endswith(b"\n") else last
                elif _RULES not in line and line.endswith(b"\n"):
                    said += _word(line, f"{path}:{number}")
        if last:
            ts = int(orjson.loads(last)["ts"])
            tick = ts if tick is None else max(tick, ts)
    said.sort(key=lambda one: one[:2])
    if tick is not None and until is not None:
        tick = min(tick, until)
    return _sorted([word for ts, _, word in said if until is None or ts <= until], since, tick)


def _word(line: bytes, place: str) -> list[tuple[Ts, int, Word]]:
    try:
        fields = orjson.loads(line)
        position = fields.pop("position")
        fields.pop("partition", None)
        record = decode_record(orjson.dumps(fields))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        message = f"{place}: not a control record: {line[:60]!r} ({error})"
        raise ValueError(message) from error
    return [(record.ts, position, record)] if isinstance(record, SourceSeen | ModeSwitched) else []


def _sorted(words: Sequence[Word], since: Ts | None, tick: Ts | None) -> Words:
    first: dict[str, Word] = {}
    later: list[Word] = []
    for word in words:
        name = word.source if isinstance(word, SourceSeen) else ""
        early = since is not None and word.ts <= since
        if early or (name and name not in first):
            first[name] = word
        else:
            later.append(word)
    return Words(list(first.values()), later, tick)
