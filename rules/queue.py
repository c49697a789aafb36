"""Samples that are judged at ticks: at the first one at or after their time plus lateness.

So do rules that read several series (RULES 3): what has arrived by then is judged together.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Floats, Ints, Texts
from rules.block import NEVER, Block, Track


class Queue:
    """One rule's samples by key, in order of arrival. ``lateness`` of many keys at once."""

    def __init__(self, lateness: Callable[[Ints], Ints]) -> None:
        self._lateness = lateness
        self._chunks: list[tuple[Ints, Ints, Floats, Texts | None]] = []

    def add(self, key: Ints, ts: Ints, value: Floats, evidence: Texts | None) -> None:
        self._chunks.append((key, ts, value, evidence))

    def due(self, now: Ts) -> tuple[Ints, Ints, Floats, Texts | None]:
        """Take out what is due at this tick, sorted by key and time (and by value where two metrics
        of one source come in one millisecond, so that arrival does not decide)."""
        key, ts, value, evidence = self._joined()
        ready = ts + self._lateness(key) <= now
        kept = np.flatnonzero(~ready)
        if len(kept):
            texts = None if evidence is None else evidence[kept]
            self._chunks = [(key[kept], ts[kept], value[kept], texts)]
        else:
            self._chunks = []
        rows = np.flatnonzero(ready)
        rows = rows[_order(key[rows], ts[rows], value[rows])]
        return key[rows], ts[rows], value[rows], None if evidence is None else evidence[rows]

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

    def _joined(self) -> tuple[Ints, Ints, Floats, Texts | None]:
        if not self._chunks:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), None
        key, ts, value = (np.concatenate([c[at] for c in self._chunks]) for at in range(3))
        if all(chunk[3] is None for chunk in self._chunks):
            return key, ts, value, None
        texts = [np.full(len(c[0]), None, object) if c[3] is None else c[3] for c in self._chunks]
        return key, ts, value, np.concatenate(texts)


def _order(key: Ints, ts: Ints, value: Floats) -> Ints:
    """By key, then time, then value; where no key comes twice, for half the price."""
    order = np.argsort(key)
    by_key = key[order]
    if (by_key[1:] == by_key[:-1]).any():
        order = np.lexsort((value, ts, key))
    return order
