"""One camera's detectors looking at a frame: samples out, with a picture where it proves one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import structlog

from citypatrol import metrics
from citypatrol.clock import Ts
from citypatrol.samples import Sample
from detectors.types import Finding, Frame, Pixels, Watch
from edge.keepsake import Keepsakes, shows_something

log = structlog.get_logger(__name__)

_COMPLAIN_EVERY_MS = 60_000


class Evidence(Protocol):
    """What is asked of ``citypatrol.evidence.EvidenceStore``."""

    def put(self, jpeg: bytes, findings: Mapping[str, Any], /) -> str: ...


class Draw(Protocol):
    """What is asked of ``detectors.evidence.draw``: a JPEG with the findings in it."""

    def __call__(
        self, pixels: Pixels, findings: Sequence[Finding], *, camera: str, at: Ts
    ) -> bytes: ...


class Eye:
    """Not thread-safe: a camera's frames are looked at one after the other."""

    def __init__(
        self, camera: str, *, watches: Sequence[Watch], evidence: Evidence, draw: Draw
    ) -> None:
        self._camera = camera
        self._watches = watches
        self._evidence = evidence
        self._draw = draw
        self._keepsakes = Keepsakes()
        self._complained: dict[str, Ts] = {}

    def look(self, frame: Frame) -> list[Sample]:
        """What every detector says of the frame. One that raises costs its own samples only."""
        samples: list[Sample] = []
        findings: list[Finding] = []
        for watch in self._watches:
            try:
                seen = watch(frame)
            except Exception as error:  # noqa: BLE001 - a process loop: the next detector goes on
                self._complain(f"detector {type(watch).__name__} failed", error, at=frame.ts)
                metrics.DROPPED.labels("detectors", "error").inc()
                continue
            samples += seen.samples
            findings += seen.findings
        if not self._keepsakes.wanted(samples, at=frame.ts):
            return samples
        sha = self._keep(frame, findings)
        return [s._replace(evidence=sha) if shows_something(s) else s for s in samples]

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
        except (OSError, ValueError) as error:
            self._complain("the picture was not kept", error, at=frame.ts)
            metrics.DROPPED.labels("evidence", "error").inc()
            return None

    def _complain(self, event: str, error: Exception, *, at: Ts) -> None:
        """Once a minute: a detector that fails does so at every frame."""
        if at - self._complained.get(event, at - _COMPLAIN_EVERY_MS) >= _COMPLAIN_EVERY_MS:
            self._complained[event] = at
            log.error(event, camera=self._camera, exc_info=error)
