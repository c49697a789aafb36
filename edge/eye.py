"""One camera's detectors looking at a frame: samples out, with a picture where it proves one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol

import structlog

from citypatrol import metrics
from citypatrol.clock import Ts
from citypatrol.samples import Sample
from detectors.types import (
    Burst,
    BurstWatch,
    Doubting,
    Finding,
    Frame,
    Paint,
    Seen,
    UnmaskedError,
    Watch,
    Wish,
)
from edge.keepsake import Keepsakes

log = structlog.get_logger(__name__)

_COMPLAIN_EVERY_MS = 60_000
_WISH_LIVES_MS = 30_000
_NOTHING = Seen((), ())


class Evidence(Protocol):
    """What is asked of ``citypatrol.evidence.EvidenceStore``."""

    def put(self, jpeg: bytes, findings: Mapping[str, Any], /) -> str: ...


@dataclass(frozen=True, slots=True)
class _Wished:
    """Who waits for a burst, and the frame that made it wish for one: the evidence, if it proves
    something."""

    watch: BurstWatch
    wish: Wish
    frame: Frame


class Eye:
    """Not thread-safe: a camera's frames are looked at one after the other."""

    def __init__(
        self, camera: str, *, watches: Sequence[Watch], evidence: Evidence, draw: Paint
    ) -> None:
        self._camera = camera
        self._watches = watches
        self._evidence = evidence
        self._draw = draw
        self._keepsakes = Keepsakes()
        self._newest: str | None = None
        self._complained: dict[str, Ts] = {}
        self._wished: _Wished | None = None

    @property
    def watches(self) -> Sequence[Watch]:
        return self._watches

    def look(self, frame: Frame) -> list[Sample]:
        """What every detector says of the frame. One that raises costs its own samples only.

        A detector that finds the camera itself at fault is the last one asked: a blind camera says
        nothing of the street.
        """
        if self._wished is not None and not 0 <= frame.ts - self._wished.frame.ts < _WISH_LIVES_MS:
            self._wished = None
        samples: list[Sample] = []
        findings: list[Finding] = []
        for watch in self._watches:
            seen = self._ask(watch, partial(watch, frame), at=frame.ts)
            samples += seen.samples
            findings += seen.findings
            if seen.blind:
                self._wished = None
                break
            if seen.wish is not None and self._wished is None and isinstance(watch, BurstWatch):
                self._wished = _Wished(watch, seen.wish, frame)
        return self._with_evidence(samples, findings, frame)

    def wish(self, *, of: Frame) -> Wish | None:
        """The burst that this frame made a detector wish for; none while another is awaited."""
        wished = self._wished
        return wished.wish if wished is not None and wished.frame is of else None

    def suspicious(self) -> bool:
        """Whether a detector waits for another look, or for the burst that it wished for."""
        return self._wished is not None or any(
            isinstance(watch, Doubting) and watch.doubts() for watch in self.watches
        )

    def judge(self, burst: Burst) -> list[Sample]:
        """What the detector that wished for the burst says of it; [] where nobody waits for it."""
        wished, self._wished = self._wished, None
        if wished is None or not burst.times:
            return []
        ask = partial(wished.watch.burst, burst)
        seen = self._ask(wished.watch, ask, at=burst.times[-1])
        return self._with_evidence(list(seen.samples), seen.findings, wished.frame)

    def _ask(self, watch: Watch, ask: Callable[[], Seen], *, at: Ts) -> Seen:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - a process loop: the next detector goes on
            self._complain(f"detector {type(watch).__name__} failed", error, at=at)
            metrics.DROPPED.labels("detectors", "error").inc()
            return _NOTHING

    def _with_evidence(
        self, samples: list[Sample], findings: Sequence[Finding], frame: Frame
    ) -> list[Sample]:
        series = self._keepsakes.wanted(samples, at=frame.ts)
        if series:
            self._newest = self._keep(frame, findings)
        else:
            series = self._keepsakes.lent(samples, at=frame.ts)
        if not series:
            return samples
        return [s._replace(evidence=self._newest) if s[:2] in series else s for s in samples]

    def _keep(self, frame: Frame, findings: Sequence[Finding]) -> str | None:
        height, width = frame.pixels.shape[:2]
        facts = {
            "camera": self._camera,
            "ts": frame.ts,
            "width": width,
            "height": height,
            "findings": [asdict(finding) for finding in findings],
        }
        try:
            jpeg = self._draw(frame.pixels, findings, camera=self._camera, at=frame.ts)
            return self._evidence.put(jpeg, facts)
        except UnmaskedError as error:
            self._complain("no picture is kept: nobody in it is masked", error, at=frame.ts)
            metrics.DROPPED.labels("evidence", "unmasked").inc()
        except (OSError, ValueError) as error:
            self._complain("the picture was not kept", error, at=frame.ts)
            metrics.DROPPED.labels("evidence", "error").inc()
        return None

    def _complain(self, event: str, error: Exception, *, at: Ts) -> None:
        """Once a minute: a detector that fails does so at every frame."""
        if at - self._complained.get(event, at - _COMPLAIN_EVERY_MS) >= _COMPLAIN_EVERY_MS:
            self._complained[event] = at
            log.error(event, camera=self._camera, exc_info=error)
