"""Which samples deserve a picture, and when a new one is taken. Pure."""

from collections.abc import Iterable

from citypatrol.clock import Ts
from citypatrol.samples import Sample

REFRESH_MS = 60_000

Series = tuple[str, str]


_SHOWN = (".count", ".area", ".age", ".dwell", ".fault", ".lamp_out")


def shows_something(sample: Sample) -> bool:
    """Whether a person would want to see what this sample says: a dark lamp, a thing, a fault."""
    if sample.metric.endswith(".lit"):
        return sample.value < 0.5
    return sample.metric.endswith(_SHOWN) and sample.value > 0


class Keepsakes:
    """When one camera's picture is kept, and for which samples.

    As soon as there is something new to show, then once a minute while it is there: each incident
    has a picture of its first sample, and a bag that lies for a week does not fill the disk. And
    once when it is gone: the picture after beside the one before. A series of which nothing is
    said at a look is as it was.
    """

    def __init__(self) -> None:
        self._shown: set[Series] = set()
        self._kept_at: Ts | None = None

    def wanted(self, samples: Iterable[Sample], *, at: Ts) -> frozenset[Series]:
        """The series whose samples the picture goes with; none where it is not to be kept."""
        said = {(s.source, s.metric): shows_something(s) for s in samples}
        shown = {series for series, shows in said.items() if shows}
        gone = {series for series, shows in said.items() if not shows and series in self._shown}
        new = not shown <= self._shown
        self._shown = (self._shown | shown) - gone
        old = self._kept_at is None or not 0 <= at - self._kept_at < REFRESH_MS
        if not gone and not (shown and (new or old)):
            return frozenset()
        if shown:
            self._kept_at = at
        return frozenset(shown | gone)
