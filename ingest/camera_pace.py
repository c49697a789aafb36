"""Which packets of a stream are worth decoding, and which frames are worth showing."""

from collections import deque
from collections.abc import Sequence
from math import ceil, inf
from typing import Final, Generic, TypeVar

Packet = TypeVar("Packet")

_FEWEST_TRIES: Final = 4
_MOST_TRIES: Final = 100
_WHOLE: Final = 0.6

_EARLY: Final = 0.05
"""The share of ``every_s`` by which a keyframe may come too early or too late: else a camera whose
keyframes lie as far apart as pictures are wanted gives every second one only."""

_UNPUNCTUAL_S: Final = 0.3
"""How much earlier than expected a keyframe is looked for."""

_ALIKE: Final = 0.1
"""Distances of keyframes that differ by less are the same one, measured better."""

_OVERDUE: Final = 1.5
_OVERDUE_S: Final = 1.0
"""Seconds, and distances of keyframes, after which one that was waited for says that the distance
is another now."""

MOST_KEPT: Final = 4 << 20
"""Bytes of packets that wait undecoded: eight seconds of a camera at 4 Mbit/s."""


class Pace(Generic[Packet]):
    """About one picture per ``every_s`` from as little decoding as the stream allows.

    Where keyframes come at least once per ``every_s`` only those that are shown are decoded, which
    costs a fortieth of decoding all. Else the packets since the last keyframe are kept, and decoded
    in a burst when a picture is due (earlier where ``most_kept`` bytes are reached); what a new
    keyframe overtakes is never decoded. Until two keyframes have told their distance it is the
    same, and again where one is overdue. Times are monotonic seconds.
    """

    def __init__(self, *, every_s: float, most_kept: int = MOST_KEPT) -> None:
        self._every_s = every_s
        self._most_kept = most_kept
        self._due = -inf
        self._keyframe_at = -inf
        self._distance_s: float | None = None
        self._kept: list[Packet] = []
        self._bytes = 0
        self._unbroken = False

    @property
    def keyframes_only(self) -> bool:
        return self._distance_s is not None and self._distance_s <= (1 + _EARLY) * self._every_s

    @property
    def rests_until(self) -> float:
        """Before this time no packet is needed, unless somebody wants each: until shortly before
        the first keyframe is expected that may be shown. Who asks may drop all that come until
        then."""
        if self._distance_s is None or not self.keyframes_only:
            return -inf
        ahead = ceil((self._early - self._keyframe_at) / self._distance_s)
        return max(self._early, self._keyframe_at + ahead * self._distance_s - _UNPUNCTUAL_S)

    @property
    def _early(self) -> float:
        return self._due - _EARLY * self._every_s

    def decodes(
        self, packet: Packet, *, size: int, keyframe: bool, at: float, every: bool = False
    ) -> Sequence[Packet]:
        """What goes to the decoder now that this packet came, in order.

        With ``every`` (somebody wants each frame) all that can be decoded is. Alone, with the
        decoder emptied before it, is a keyframe that comes while ``keyframes_only`` and not
        ``every``.
        """
        self._measure(at, keyframe=keyframe)
        if keyframe:
            self._kept, self._bytes, self._unbroken = [], 0, True
        if not self._unbroken:
            return ()
        if keyframe and self.keyframes_only and self._early <= at < self._due:
            self._due = at
        due = at >= self._due
        if self.keyframes_only and not every:
            self._unbroken = False
            return (packet,) if keyframe and due else ()
        self._kept.append(packet)
        self._bytes += size
        if not (due or every or self._bytes > self._most_kept):
            return ()
        kept, self._kept, self._bytes = self._kept, [], 0
        return kept

    def shows(self, *, at: float) -> bool:
        """Whether the frame decoded ``at`` this time is shown; if so the next one is put off.

        Due times keep their beat, so that a frame that comes late does not put off all others.
        """
        if at < self._due:
            return False
        late = at - self._due
        self._due = (self._due if late < self._every_s else at) + self._every_s
        return True

    def _measure(self, at: float, *, keyframe: bool) -> None:
        """How far apart keyframes lie, also where those in between were dropped."""
        known, since = self._distance_s, at - self._keyframe_at
        if known is not None and self.keyframes_only:
            waited = at - self.rests_until
            if waited < 0:
                return
            if waited > _OVERDUE * known + _OVERDUE_S:
                known = self._distance_s = None
        if not keyframe:
            return
        self._keyframe_at = at
        if known is None or not self.keyframes_only:
            self._distance_s = since if since < inf else None
        elif abs(since / max(1, round(since / known)) - known) < _ALIKE * known:
            self._distance_s = since / max(1, round(since / known))


class Tries:
    """What became of the frames that were decoded within the last seconds."""

    def __init__(self, *, within_s: float) -> None:
        self._within_s = within_s
        self._tries: deque[tuple[float, bool]] = deque(maxlen=_MOST_TRIES)

    def failed(self, *, at: float) -> None:
        self._tries.append((at, False))

    def succeeded(self, *, at: float) -> None:
        self._tries.append((at, True))

    def hopeless(self, *, at: float) -> bool:
        """Whether so few were whole that the stream itself is damaged: a decoder makes some picture
        even of noise. Not by a few tries, nor by those of a moment."""
        while self._tries and at - self._tries[0][0] > self._within_s:
            self._tries.popleft()
        whole = sum(good for _, good in self._tries)
        lasting = bool(self._tries) and at - self._tries[0][0] > self._within_s / 2
        return lasting and len(self._tries) >= _FEWEST_TRIES and whole < _WHOLE * len(self._tries)
