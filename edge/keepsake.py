"""Which samples deserve a picture, and when a new one is taken. Pure."""

from collections.abc import Iterable

from citypatrol.clock import Ts
from citypatrol.samples import Sample
from detectors.lying import COUNTED

REFRESH_MS = 60_000

Series = tuple[str, str]


_SHOWN = (".count", ".area", ".age", ".score", ".dwell", ".fault", ".lamp_out")
_STAYS = (".lit", ".fault", ".lamp_out", *(f"{label}.count" for label in COUNTED))
"""What comes seldom and stays: worth a picture at once, and one when it is gone. The rest comes and
goes all day, as people do."""


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
    said at a look is as it was. What comes and goes all day has one a minute, which is lent to
    its samples until the next, and one when it is gone after more than that.
    """

    def __init__(self) -> None:
        self._shown: dict[Series, Ts] = {}
        self._kept_at: Ts | None = None

    def wanted(self, samples: Iterable[Sample], *, at: Ts) -> frozenset[Series]:
        """The series whose samples a new picture goes with; none where it is not to be kept."""
        said = {(s.source, s.metric): shows_something(s) for s in samples}
        shown = {series for series, shows in said.items() if shows}
        gone = {series for series, shows in said.items() if not shows and series in self._shown}
        new = any(_stays(series) for series in shown - self._shown.keys())
        after = {one for one in gone if _stays(one) or at - self._shown[one] >= REFRESH_MS}
        since = dict.fromkeys(shown, at) | self._shown
        self._shown = {series: begun for series, begun in since.items() if series not in gone}
        if not after and not (shown and (new or not self._is_fresh(at))):
            return frozenset()
        if shown:
            self._kept_at = at
        return frozenset(shown | after)

    def lent(self, samples: Iterable[Sample], *, at: Ts) -> frozenset[Series]:
        """The series that a picture kept at another look of this minute goes with."""
        if not self._is_fresh(at):
            return frozenset()
        series = {(s.source, s.metric) for s in samples if shows_something(s)}
        return frozenset(one for one in series if not _stays(one))

    def _is_fresh(self, at: Ts) -> bool:
        return self._kept_at is not None and 0 <= at - self._kept_at < REFRESH_MS


def _stays(series: Series) -> bool:
    return series[1].endswith(_STAYS)
