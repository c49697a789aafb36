"""How the cameras of this process are, for the HTTP side."""

from dataclasses import dataclass

from edge.load import CameraConfig


@dataclass(frozen=True, slots=True)
class WatchedCamera:
    """``age_s``: seconds since its last picture, or since the start; ``trouble``: why it gives
    none, in words without secrets, '' where there is none."""

    config: CameraConfig
    age_s: float
    trouble: str = ""
