"""Which camera is read, how often, and how long it may be silent."""

from dataclasses import dataclass

from citypatrol.secret import Secret
from ingest.camera_wire import CameraOrder


@dataclass(frozen=True, slots=True)
class CameraSource:
    """One camera to read: an rtsp, rtsps or file url, and how often a picture is wanted.
    ``transport``: tcp or udp."""

    id: str
    url: Secret
    every_ms: int
    transport: str = "tcp"

    def order(self) -> CameraOrder:
        return CameraOrder(self.id, self.url.reveal(), self.every_ms / 1000, self.transport)


@dataclass(frozen=True, slots=True)
class CameraLimits:
    """Seconds. ``read_s`` is how long a stream may pause, so a freeze is noticed within it."""

    open_s: float = 5.0
    read_s: float = 8.0
    beat_s: float = 0.5
    beat_limit_s: float = 8.0

    @property
    def stuck_s(self) -> float:
        """A camera's thread that is away for longer hangs where no timeout reaches (DNS)."""
        return self.open_s + self.read_s + 10.0
