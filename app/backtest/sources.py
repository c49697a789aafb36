"""What is known of each source when the past is judged: control records, and today's registry."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

import numpy as np

from citypatrol.history.words import Word
from citypatrol.kinds import STALE_MS, Kinds
from citypatrol.records import SourceSeen
from citypatrol.registry import Registry
from rules.announced import Announced


class Labels:
    """The registry as it is now wins over what was said then, as it does over a topic: whoever
    corrects a limit in it sees what that would have done."""

    def __init__(self, registry: Registry, kinds: Kinds) -> None:
        self._registry = registry
        self._kinds = kinds
        self._stale: dict[str, int] = {}

    def introduce(self, sources: Sequence[str]) -> Announced:
        """Those of which no control record tells and there is something to say."""
        rows = self._registry.rows(sources)
        if self._life("") == STALE_MS:
            told = np.flatnonzero(rows >= 0)
            sources, rows = [sources[at] for at in told.tolist()], rows[told]
        labels = self._registry.cells(rows)
        for at, source in enumerate(sources):
            if "/" in source:  # its camera's, but for the name
                own = self._registry.labels(source) or {}
                for name, column in labels.items():
                    column[at] = own.get(name)
        kinds = labels.get("kind", repeat(None, len(sources)))
        stale = np.fromiter((self._life(kind or "") for kind in kinds), np.int64, len(sources))
        return Announced(sources, labels, stale)

    def corrected(self, words: Iterable[Word]) -> list[Word]:
        return [self._corrected(word) for word in words]

    def _corrected(self, word: Word) -> Word:
        if not isinstance(word, SourceSeen):
            return word
        now = self._registry.labels(word.source)
        columns = self._registry.columns if now is not None else ()
        topic = {label: text for label, text in word.labels.items() if label not in columns}
        return replace(self._seen(word.source, topic, now), ts=word.ts)

    def _seen(
        self, source: str, topic: Mapping[str, str], registered: Mapping[str, str] | None
    ) -> SourceSeen:
        """Nothing has a lateness: what is judged is in order (``rules.hindsight``)."""
        labels = {**topic, **registered} if registered else topic
        return SourceSeen(0, source, labels, 0, self._life(labels.get("kind", "")))

    def _life(self, kind: str) -> int:
        stale = self._stale.get(kind)
        if stale is None:
            stale = self._stale[kind] = self._kinds.of({"kind": kind}).stale
        return stale
