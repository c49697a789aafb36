"""Samples that are judged at ticks: at the first one at or after their time plus lateness.

So do rules that read several series (RULES 3): what has arrived by then is judged together.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Floats, Ints, Texts
from rules.block import NEVER, Block, Track


class Waiting(NamedTuple):
    """Samples as columns."""

    key: Ints
    ts: Ints
    value: Floats
    evidence: Texts | None

    def take(self, rows: Ints) -> "Waiting":
        evidence = None if self.evidence is None else self.evidence[rows]
        return Waiting(self.key[rows], self.ts[rows], self.value[rows], evidence)


class Queue:
    """One rule's samples by key, in order of arrival. ``lateness`` of many keys at once."""

    def __init__(self, lateness: Callable[[Ints], Ints]) -> None:
        self._lateness = lateness
        self._chunks: list[Waiting] = []

    def add(self, key: Ints, ts: Ints, value: Floats, evidence: Texts | None) -> None:
        self._chunks.append(Waiting(key, ts, value, evidence))

    def due(self, now: Ts) -> Waiting:
        """Take out what is due at this tick, sorted by key and time (and by value where two metrics
        of one source come in one millisecond, so that arrival does not decide)."""
        rows = self._joined()
        ready = rows.ts + self._lateness(rows.key) <= now
        if ready.all():
            self._chunks = []
        else:
            self._chunks = [rows.take(np.flatnonzero(~ready))]
            rows = rows.take(np.flatnonzero(ready))
        order = _order(rows.key, rows.ts, rows.value)
        return rows if order is None else rows.take(order)

    def block(self, now: Ts, track: Track) -> Block:
        """What is due, but for samples older than one that has been judged."""
        key, ts, value, evidence = self.due(now)
        last = track.ts.data[key]
        fresh = (ts > last) | (last == NEVER)
        if not fresh.all():
            key, ts, value = key[fresh], ts[fresh], value[fresh]
            evidence = None if evidence is None else evidence[fresh]
        repeats = bool((key[1:] == key[:-1]).any())
        return Block(track, key, ts, value, evidence=evidence, repeats=repeats)

    def save(self) -> dict[str, Any]:
        key, ts, value, evidence = self._joined()
        return {
            "key": key.tolist(),
            "ts": ts.tolist(),
            "value": value.tolist(),
            "evidence": None if evidence is None else evidence.tolist(),
        }

    def load(self, saved: dict[str, Any]) -> None:
        evidence = saved["evidence"]
        self.add(
            np.array(saved["key"], np.int64),
            np.array(saved["ts"], np.int64),
            np.array(saved["value"], np.float64),
            None if evidence is None else np.array(evidence, object),
        )

    def _joined(self) -> Waiting:
        if not self._chunks:
            return Waiting(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), None)
        if len(self._chunks) == 1:
            return self._chunks[0]
        key, ts, value = (np.concatenate([c[at] for c in self._chunks]) for at in range(3))
        if all(chunk.evidence is None for chunk in self._chunks):
            return Waiting(key, ts, value, None)
        texts = [
            np.full(len(c.key), None, object) if c.evidence is None else c.evidence
            for c in self._chunks
        ]
        return Waiting(key, ts, value, np.concatenate(texts))


def _order(key: Ints, ts: Ints, value: Floats) -> Ints | None:
    """By key, then time, then value; None where they are so already. What came in order of time
    needs but the keys sorted: with their places in them, which is several times as fast."""
    if _ordered(key, ts, value):
        return None
    bits = len(key).bit_length()
    order: Ints = np.sort((key << bits) | np.arange(len(key))) & ((1 << bits) - 1)
    if _ordered(key[order], ts[order], value[order]):
        return order
    return np.lexsort((value, ts, key))


def _ordered(key: Ints, ts: Ints, value: Floats) -> bool:
    step = np.diff(key)
    if (step > 0).all():
        return True
    if (step < 0).any():
        return False
    again = np.flatnonzero(step == 0) + 1
    later, same = ts[again] > ts[again - 1], ts[again] == ts[again - 1]
    return bool((later | (same & (value[again] >= value[again - 1]))).all())
