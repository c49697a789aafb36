"""Which packets of a stream are worth decoding, and which frames are worth showing."""


class Pace:
    """About one picture per ``every_s`` from as little decoding as the stream allows.

    Where keyframes come at least once per ``every_s`` only those that are shown are decoded, which
    costs a fortieth of decoding all; else everything is, from a keyframe on. Until two keyframes
    have told their distance everything is decoded. Times are monotonic seconds.
    """

    def __init__(self, *, every_s: float) -> None:
        self._every_s = every_s
        self._due = float("-inf")
        self._keyframe_at: float | None = None
        self._distance_s: float | None = None

    @property
    def keyframes_only(self) -> bool:
        return self._distance_s is not None and self._distance_s <= self._every_s

    def decodes(self, *, keyframe: bool, at: float) -> bool:
        """Whether the packet that came ``at`` this time goes to the decoder."""
        if keyframe:
            if self._keyframe_at is not None:
                self._distance_s = at - self._keyframe_at
            self._keyframe_at = at
            return not self.keyframes_only or at >= self._due
        return self._keyframe_at is not None and not self.keyframes_only

    def shows(self, *, at: float) -> bool:
        """Whether the frame decoded ``at`` this time is shown; if so the next one is put off.

        Due times keep their beat, so that a frame that comes late does not put off all others.
        """
        if at < self._due:
            return False
        late = at - self._due
        self._due = (self._due if late < self._every_s else at) + self._every_s
        return True
