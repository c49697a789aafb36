"""Many sources that are heard of for the first time, in columns: a city has 200,000 of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citypatrol.columns import Ints
from citypatrol.records import SourceSeen


@dataclass(frozen=True, slots=True, eq=False)
class Announced:
    """Sources without a lateness, each once. ``labels``: a column of texts for each label, None or
    empty where a source has none; ``stale`` in milliseconds."""

    names: Sequence[str]
    labels: Mapping[str, Sequence[str | None]]
    stale: Ints

    def one(self, row: int) -> SourceSeen:
        labels = {label: text for label, column in self.labels.items() if (text := column[row])}
        return SourceSeen(0, self.names[row], labels, 0, int(self.stale[row]))
