"""What an alarm of a joined rule remembers, once more: samples, and how it stood at one of them."""

from dataclasses import dataclass

from citypatrol.samples import Sample
from rules.incidents import Incident


@dataclass(frozen=True)
class Entry:
    """A sample, and the instant from which it counts: its own, or that of what was said before."""

    at: int
    sample: Sample


@dataclass(frozen=True)
class Standing:
    """Everything that an alarm remembers as of ``at``."""

    at: int
    since: int | None = None
    clear_since: int | None = None
    void: bool = False
    firing: Incident | None = None
