"""Runs a film as a camera would be read: a picture every ten seconds, bursts where the detector
wishes for one, the camera's health first, and the rules that ``citypatrol init`` writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import rules
from bench.light_films import HEIGHT, WIDTH, Film
from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from detectors.heads import HeadReader
from detectors.health import CameraHealth
from detectors.junction import Told
from detectors.traffic_light import FixedHeads, Region, samples_of
from detectors.types import Burst, Frame, Wish
from rules.engine import Engine
from rules.incidents import Incident
from rules.load import load_rules
from rules.ruleset import RuleSet

CAMERA = "cam"
START = 1_778_630_400_000
SECONDS = 600
EVERY_S = 10
BURST_STEP_S = 0.08
"""12.5 frames a second, as a second stream of a camera has."""
PACKS = Path(rules.__file__).parent / "packs"
RULES = [PACKS / "traffic-lights.yaml", PACKS / "cameras.yaml"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a film led to. ``tickets`` are what the incidents of the lights make: one a site.
    ``first`` is the second in which the first incident of a light fired."""

    fired: tuple[str, ...]
    tickets: int
    first: float | None
    blind: bool


def watched(film: Film) -> Verdict:
    width, height = float(WIDTH), float(HEIGHT)
    regions = [
        Region(name, (x1 / width, y1 / height, x2 / width, y2 / height))
        for name, (x1, y1, x2, y2) in film.boxes().items()
    ]
    health, light = CameraHealth(CAMERA), FixedHeads(CAMERA, regions=regions, reader=HeadReader())
    samples: list[Sample] = []
    for second in range(0, SECONDS, EVERY_S):
        frame = Frame(CAMERA, START + 1000 * second, film.frame(float(second)))
        seen = health(frame)
        samples += seen.samples
        if seen.blind:
            continue
        looked = light(frame)
        samples += looked.samples
        if looked.wish is not None:
            samples += light.burst(_burst(film, looked.wish, at=second + BURST_STEP_S)).samples
    return verdict(samples, regions=[region.name for region in regions])


def told_samples(told: Mapping[str, Told], *, at: int) -> list[Sample]:
    """The samples of ``FixedHeads`` for what a junction says."""
    return list(samples_of(CAMERA, told, at=at))


def _burst(film: Film, wish: Wish, *, at: float) -> Burst:
    seconds = np.arange(at, at + wish.seconds + BURST_STEP_S, BURST_STEP_S).tolist()
    cuts = tuple(film.cuts(second, wish.boxes) for second in seconds)
    return Burst(CAMERA, tuple(START + round(1000 * second) for second in seconds), cuts)


def verdict(samples: Iterable[Sample], *, regions: Sequence[str]) -> Verdict:
    """The samples of a camera through the rule packs, a tick a second."""
    by_second: dict[int, list[Sample]] = {}
    for sample in sorted(samples, key=lambda one: one.ts):
        by_second.setdefault((sample.ts - START) // 1000, []).append(sample)
    engine = Engine(_rules())
    labels: Mapping[str, str] = {"kind": "camera", "name": "the junction", "site": "junction"}
    names = [CAMERA, *(f"{CAMERA}/{region}" for region in regions)]
    engine.fold([SourceSeen(START, name, labels, 0, 7_200_000) for name in names])
    fired: list[Incident] = []
    for second in range(SECONDS + 30):
        if second in by_second:
            fired += engine.fold([Batch.of(by_second[second])])
        fired += engine.fold([Tick(START + 1000 * (second + 1))])
    lights = [one for one in fired if one.rule.startswith("traffic-light") and not one.cleared_at]
    return Verdict(
        fired=tuple(sorted({one.rule for one in lights})),
        tickets=len({one.group or one.source for one in lights}),
        first=min(((one.fired_at - START) / 1000 for one in lights), default=None),
        blind=any(one.rule == "camera-blind" for one in fired),
    )


@cache
def _rules() -> RuleSet:
    found, problems = load_rules(RULES)
    if found is None:
        message = f"{PACKS}: {problems}"
        raise ValueError(message)
    return found
