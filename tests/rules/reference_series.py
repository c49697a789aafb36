"""What counts of a series, and when it is due, once more, plain and slow (decisions 3 to 5)."""

from dataclasses import dataclass, field

from citypatrol.samples import Sample


@dataclass
class Series:
    """Every sample that counts, by its time; ``arrived`` is the last tick before it."""

    lateness: int
    kept: dict[int, Sample] = field(default_factory=dict)
    arrived: dict[int, int | None] = field(default_factory=dict)
    judged: set[int] = field(default_factory=set)

    def pending(self) -> list[int]:
        return sorted(set(self.kept) - self.judged)

    def arrive(self, sample: Sample, *, now: int | None) -> bool:
        """Whether it counts: not late (decision 4), and the first of its millisecond (5)."""
        newest = max(self.kept, default=sample.ts)
        if newest - sample.ts > self.lateness or sample.ts < max(self.judged, default=sample.ts):
            return False
        if sample.ts in self.kept:
            return False
        self.kept[sample.ts] = sample
        self.arrived[sample.ts] = now
        return True

    def due_by_newest(self) -> list[int]:
        newest = max(self.kept, default=0)
        return [ts for ts in self.pending() if newest - ts >= self.lateness]

    def due_by_tick(self, now: int) -> list[int]:
        """With older ones that came later: they may not be passed over. The last tick before a
        sample may be older than the sample itself: decision 4 keeps it waiting even then."""
        waited = [
            ts for ts in self.pending() if max(ts, self.arrived[ts] or ts) + self.lateness <= now
        ]
        return [ts for ts in self.pending() if ts <= max(waited)] if waited else []
