"""Watches one fixed camera for a while, and proposes its signal heads with what is normal for each.

``search`` finds them in the whole picture, now and then; ``look`` reads those found so far, often
enough to tell a blink from a dark spell. No clock, no thread: frames bring their time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from citypatrol.clock import Ts
from detectors import letterbox, onnx
from detectors.head_habits import Habits, habits_of
from detectors.head_names import names_of
from detectors.head_places import Places
from detectors.heads import HeadReader
from detectors.health import CameraHealth
from detectors.tiles import Tiled
from detectors.traffic_light import LABEL
from detectors.types import Box, Finding, Frame, Pixels
from detectors.yolo import Yolo

EVERY_S: Final = 0.4
"""Between two looks: two in the dark half of an amber that flashes once a second."""
FEWEST_SEARCHES: Final = 6
MIN_SCORE: Final = 0.1
"""A head is found here by being found again and again, so one find may be weak."""
_TILES: Final = (400, 200)
_HEALTH_EVERY: Final = 2000


@dataclass(frozen=True, slots=True)
class LearnedHead:
    """``box``: fractions of the picture; ``found``: share of the searches that found it; ``was``:
    the region of this name in cameras.yaml, where there is one."""

    name: str
    box: Box
    found: float
    habits: Habits
    was: Box | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """``picture`` is the newest one in which the camera was well. ``faults``: how many health
    checks said what; ``lost``: regions of cameras.yaml at which no head was found; ``left_out``:
    pictures that were not looked at, because the camera was not well."""

    heads: tuple[LearnedHead, ...]
    picture: Pixels | None
    watched: Ts
    looks: int
    searches: int
    faults: Mapping[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    left_out: int = 0

    def findings(self) -> list[Finding]:
        """The heads as boxes of ``picture``, each by its name."""
        if self.picture is None:
            return []
        height, width = self.picture.shape[:2]
        share = (width, height, width, height)
        return [Finding(head.name, head.found, _times(head.box, share)) for head in self.heads]


class WholeAndTiles:
    """A detector: the ``street`` model's heads in the whole picture and in tiles of several sizes,
    so that heads of a few pixels are seen enlarged. Slow: for looks that are rare."""

    def __init__(self) -> None:
        street = Yolo(onnx.MODELS / "street.onnx", min_score=MIN_SCORE, labels=(LABEL,))
        self._sizes = [Tiled(street, tile=tile) for tile in _TILES]

    def __call__(self, pixels: Pixels) -> list[Finding]:
        return [finding for size in self._sizes for finding in size(pixels)]


class Learner:
    """One camera. Not thread-safe. ``known``: regions that cameras.yaml has, by name: heads found
    there keep their names."""

    def __init__(
        self, *, search_every: Ts, reader: HeadReader, known: Mapping[str, Box] | None = None
    ) -> None:
        self._search_every = search_every
        self._reader = reader
        self._known = dict(known or {})
        self._places = Places()
        self._health = CameraHealth("learn")
        self._checked: Ts | None = None
        self._blind = False
        self._faults: Counter[str] = Counter()
        self._first: Ts | None = None
        self._last: Ts = 0
        self._looks = 0
        self._left_out = 0
        self._searched: Ts | None = None
        self._picture: Pixels | None = None

    def wants_search(self, *, at: Ts) -> bool:
        """Whether the whole picture of this time should be searched."""
        return not self._blind and (
            self._searched is None or at - self._searched >= self._search_every
        )

    def begins_search(self, *, at: Ts) -> None:
        self._searched = at

    def found(self, findings: Sequence[Finding], *, at: Ts) -> None:
        """What the search of the picture of this time has found."""
        self._places.search(findings, at=at)

    def look(self, frame: Frame) -> None:
        """Reads every head known so far. A frame in which the camera is not well is left out."""
        self._check(frame)
        if self._blind:
            self._left_out += 1
            return
        if self._first is None:
            self._first = frame.ts
        self._last = frame.ts
        self._looks += 1
        self._picture = frame.pixels
        places = list(self._places)
        readings = self._reader(letterbox.as_colour(frame.pixels), [one.box for one in places])
        self._places.look(readings, at=frame.ts)

    def so_far(self) -> str:
        """In words."""
        if self._blind:
            return "the camera is not well, so nothing is looked at"
        places = len(list(self._places))
        return f"{len(self._places.searches)} searches, {places} places that may be heads"

    def learned(self) -> Learned:
        heads = sorted(self._places.heads(), key=lambda one: (one.box[0], one.box[1]))
        picture = self._picture
        watched = self._last - self._first if self._first is not None else 0
        if picture is None:
            return Learned((), None, watched, self._looks, 0, dict(self._faults))
        height, width = picture.shape[:2]
        share = (1 / width, 1 / height, 1 / width, 1 / height)
        boxes = [_times(one.box, share) for one in heads]
        names = names_of(boxes, known=self._known)
        return Learned(
            tuple(
                LearnedHead(
                    name, box, self._places.share(one), habits_of(one.looks), self._known.get(name)
                )
                for name, box, one in zip(names, boxes, heads, strict=True)
            ),
            picture,
            watched,
            self._looks,
            len(self._places.searches),
            dict(self._faults),
            tuple(name for name in self._known if name not in names),
            self._left_out,
        )

    def _check(self, frame: Frame) -> None:
        if self._checked is not None and frame.ts - self._checked < _HEALTH_EVERY:
            return
        self._checked = frame.ts
        seen = self._health(frame)
        self._blind = seen.blind
        if seen.findings:
            self._faults[seen.findings[0].state or ""] += 1


def _times(box: Box, share: tuple[float, float, float, float]) -> Box:
    x1, y1, x2, y2 = (edge * by for edge, by in zip(box, share, strict=True))
    return x1, y1, x2, y2
