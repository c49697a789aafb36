"""What is kept of the sources' labels for the tags of their points (DOORS: InfluxDB)."""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from citypatrol.records import SourceSeen

OWN_TAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ticket": ("category", "severity", "unit", "district", "state"),
    "pipeline": ("stage", "process"),
}
"""Measurements of the city's own series, whose tags are labels only."""
LABELS: Final = frozenset({"kind", "district"}.union(*OWN_TAGS.values()))
"""Every label that may become a tag: few, and none with a value for each ticket or track."""
_NONE: Final = 0

Combination = tuple[tuple[str, str], ...]


class Tags:
    """The labels of every source that was introduced, as numbers of the few combinations there are:
    219,300 sources cost 23 MB."""

    def __init__(self) -> None:
        self._numbers: dict[Combination, int] = {(): _NONE}
        self._combinations: list[Mapping[str, str]] = [{}]
        self._sources: dict[str, int] = {}

    def learn(self, seen: SourceSeen) -> bool:
        """Whether that was new."""
        labels = seen.labels.items()
        number = self._number(tuple(sorted(pair for pair in labels if pair[0] in LABELS)))
        if self._sources.get(seen.source) == number:
            return False
        self._sources[seen.source] = number
        return True

    def of(self, number: int) -> Mapping[str, str]:
        """A combination's labels; some may be empty."""
        return self._combinations[number]

    def numbers(self, sources: Sequence[str]) -> NDArray[np.int32]:
        """Each source's combination; that of a source never introduced has no labels."""
        numbers = map(self._sources.get, sources, repeat(_NONE))
        return np.fromiter(numbers, np.int32, len(sources))

    def dump(self) -> bytes:
        combinations = list(self._combinations)  # a later one belongs to no source of this moment
        return orjson.dumps({"combinations": combinations, "sources": self._sources})

    def load(self, data: bytes) -> None:
        """The bytes of ``dump``; ValueError where they are none."""
        try:
            stored = orjson.loads(data)
            combinations: list[dict[str, str]] = stored["combinations"]
            sources: dict[str, int] = stored["sources"]
            numbers = [self._number(tuple(sorted(one.items()))) for one in combinations]
            self._sources.update((source, numbers[number]) for source, number in sources.items())
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            message = f"not the labels of sources: {error!r}"
            raise ValueError(message) from error

    def _number(self, combination: Combination) -> int:
        number = self._numbers.setdefault(combination, len(self._numbers))
        if number == len(self._combinations):
            self._combinations.append(dict(combination))
        return number
