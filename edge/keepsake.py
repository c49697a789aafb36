"""Which samples deserve a picture, and when a new one is taken. Pure."""

from collections.abc import Iterable

from citypatrol.clock import Ts
from citypatrol.samples import Sample

REFRESH_MS = 60_000

Series = tuple[str, str]


def shows_something(sample: Sample) -> bool:
    """Whether a person would want to see what this sample says: a dark lamp, a thing, a fault."""
    if sample.metric.endswith(".lit"):
        return sample.value < 0.5
    return sample.metric.endswith((".count", ".fault", ".lamp_out")) and sample.value > 0


class Keepsakes:
    """When one camera's picture is kept: as soon as there is something new to show, then once a
    minute while it is there. So each incident has a picture of its first sample, and a bag that
    lies for a week does not fill the disk."""

    def __init__(self) -> None:
        self._shown: frozenset[Series] = frozenset()
        self._kept_at: Ts | None = None

    def wanted(self, samples: Iterable[Sample], *, at: Ts) -> bool:
        """Whether the picture in which these samples were seen is to be kept."""
        shown = frozenset((s.source, s.metric) for s in samples if shows_something(s))
        new = not shown <= self._shown
        self._shown = shown
        old = self._kept_at is None or not 0 <= at - self._kept_at < REFRESH_MS
        if not shown or not (new or old):
            return False
        self._kept_at = at
        return True
