"""What is known of each source when the past is judged: control records, and today's registry."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from citypatrol.history.words import Word
from citypatrol.kinds import Kinds
from citypatrol.records import SourceSeen
from citypatrol.registry import Registry


class Labels:
    """The registry as it is now wins over what was said then, as it does over a topic: whoever
    corrects a limit in it sees what that would have done."""

    def __init__(self, registry: Registry, kinds: Kinds) -> None:
        self._registry = registry
        self._kinds = kinds

    def introduce(self, sources: Sequence[str]) -> list[SourceSeen]:
        """Sources of which no control record tells."""
        return [self._seen(source, {}) for source in sources]

    def corrected(self, words: Iterable[Word]) -> list[Word]:
        return [self._corrected(word) for word in words]

    def _corrected(self, word: Word) -> Word:
        if not isinstance(word, SourceSeen):
            return word
        columns = self._registry.columns if word.source in self._registry else ()
        topic = {label: text for label, text in word.labels.items() if label not in columns}
        return replace(self._seen(word.source, topic), ts=word.ts)

    def _seen(self, source: str, topic: Mapping[str, str]) -> SourceSeen:
        labels = {**topic, **(self._registry.labels(source) or {})}
        life = self._kinds.of(labels)
        return SourceSeen(0, source, labels, life.lateness, life.stale)
