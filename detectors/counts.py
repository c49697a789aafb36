"""What a model of the user's own finds, counted on its ground, and how long it stays there."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from citypatrol.samples import Sample
from detectors import boxes, staying
from detectors.staying import Standing, Stay, Track
from detectors.types import Detector, Frame, Seen
from detectors.zones import Ground

COUNT, DWELL, SCORE = "count", "dwell", "score"


class ZoneCounts:
    """The watch of ``type: yolo``: ``LABEL.count`` (how many stand there at this look),
    ``LABEL.dwell`` (seconds of the longest stay) and ``LABEL.score`` (of the surest that stands
    there), of every ground and label at every look, also 0.

    ``labels``: by class of the model.
    """

    def __init__(self, *, ground: Ground, detector: Detector, labels: Mapping[str, str]) -> None:
        self._ground = ground
        self._detector = detector
        self._labels = labels
        self._tracks: tuple[Track, ...] = ()

    def __call__(self, frame: Frame) -> Seen:
        height, width = frame.pixels.shape[:2]
        counts: Counter[tuple[str, str]] = Counter()
        surest: dict[tuple[str, str], float] = {}
        standing, counted = [], []
        for one in self._detector(frame.pixels):
            if one.label not in self._labels:
                continue
            label = self._labels[one.label]
            box = boxes.fractions(one.box, width=width, height=height)
            standing.append(Standing(label, box))
            under = self._ground.under(box)
            counts.update((source, label) for source in under)
            surest |= {(at, label): max(one.score, surest.get((at, label), 0.0)) for at in under}
            if under:
                counted.append(replace(one, label=label))
        self._tracks = staying.look(self._tracks, standing, under=self._ground.under, at=frame.ts)
        samples = []
        for source in self._ground.sources:
            for label in dict.fromkeys(self._labels.values()):
                longest = staying.longest_s(self._tracks, source=source, label=label, at=frame.ts)
                count = float(counts[source, label])
                samples.append(Sample(source, f"{label}.{COUNT}", frame.ts, count))
                samples.append(Sample(source, f"{label}.{DWELL}", frame.ts, longest))
                score = surest.get((source, label), 0.0)
                samples.append(Sample(source, f"{label}.{SCORE}", frame.ts, score))
        return Seen(tuple(samples), tuple(counted))

    def learned(self) -> dict[str, Any]:
        """JSON for ``recall``: who stands where, and since when."""
        return {"tracks": [asdict(track) for track in self._tracks]}

    def recall(self, learned: Mapping[str, Any], /) -> None:
        """ValueError where this is none of ``learned``."""
        try:
            self._tracks = tuple(
                Track(**{**track, "box": tuple(track["box"]), "stays": _stays(track["stays"])})
                for track in learned["tracks"]
            )
        except (KeyError, TypeError, AttributeError) as error:
            message = f"no tracks of who stays: {error}"
            raise ValueError(message) from error


def _stays(saved: Mapping[str, Any]) -> dict[str, Stay]:
    return {source: Stay(**stay) for source, stay in saved.items()}
