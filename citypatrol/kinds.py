"""``kinds:`` of city.yaml: how long a sample waits for an older one, and how long a value lives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, RootModel, WithJsonSchema

from citypatrol.units import MORE_THAN_0S, DurationMs
from citypatrol.yamlfile import Model

LATENESS_MS = 0
STALE_MS = 7_200_000


@dataclass(frozen=True, slots=True)
class Kind:
    """``lateness`` and ``stale`` of a source, in milliseconds (RULES 3, 7, 12)."""

    lateness: int
    stale: int


def _lives(ms: int) -> int:
    if ms <= 0:
        message = "must be more than 0s: a value that is dead at once judges nothing"
        raise ValueError(message)
    return ms


Life = Annotated[DurationMs, AfterValidator(_lives), WithJsonSchema(MORE_THAN_0S)]


class KindTimes(Model):
    """One entry; what it leaves out comes from ``default``."""

    lateness: DurationMs | None = None
    stale: Life | None = None


class Kinds(RootModel[dict[str, KindTimes]]):
    """Entries by the label ``kind``; ``default`` holds for every other kind."""

    root: dict[str, KindTimes] = {}

    def of(self, labels: Mapping[str, str]) -> Kind:
        """What holds for a source with these labels."""
        default = self.root.get("default", KindTimes())
        own = self.root.get(labels.get("kind", ""), default)
        return Kind(
            lateness=_first(own.lateness, default.lateness, LATENESS_MS),
            stale=_first(own.stale, default.stale, STALE_MS),
        )


def _first(own: int | None, default: int | None, built_in: int) -> int:
    return next(ms for ms in (own, default, built_in) if ms is not None)
