"""How one picture of a head is read, on heads of places that training has never seen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.intervals import Figure, bootstrap, wilson
from bench.light_trust import trust
from detectors.heads import OFF, HeadReader
from detectors.train import head_data, sources
from detectors.train.head_data import Head
from detectors.train.head_views import at_height

SEED = 20260513
DRAWS = 300
SEEN = 0.9
"""Of the dark heads: the joint figure is the share of lit heads called off where these are seen."""
SIZES = {"as photographed": None, "24 px high": 24.0}


def aside(data: Path) -> list[Head]:
    """Lit heads, dark ones made from them and heads turned away, of the pictures set aside."""
    lights = [light for light in sources.traffic_lights(data) if light.validation]
    heads = [
        *head_data.labelled(lights, seed=SEED),
        *head_data.given_dark(data, {light.path.stem for light in lights}),
        *head_data.udacity(data),
        *head_data.camvid(sources.backgrounds(data)),
    ]
    return [head for head in heads if head.validation]


def figures(heads: Sequence[Head], *, draws: int = DRAWS) -> dict[str, Figure]:
    """By size: rates of wrong and right readings by kind, the area under the ROC curve, and the
    joint figure, in which no threshold can flatter."""
    reader = HeadReader()
    made: dict[str, Figure] = {}
    for size, height in SIZES.items():
        shown = [head if height is None else at_height(head, height) for head in heads]
        readings = reader.cuts([(head.pixels, head.box) for head in shown])
        off = np.array([reading.state == "off" for reading in readings])
        score = np.array([1.0 - reading.lit for reading in readings])
        kind = np.array([head.kind for head in heads])
        source = np.array([head.source for head in heads])
        clear = np.array([head.clear for head in heads])
        abroad = source == "camvid"
        lit, dark = (kind < OFF) & ~abroad, kind == OFF
        away = kind == head_data.BACK
        groups = {
            "lit called off, photographs of streets": lit & (source == "cinta"),
            "lit called off, small crops of a drive": lit & (source == "udacity"),
            "lit called off, edited as the dark ones": lit & (source == "cinta_control"),
            "lit called off": lit,
            "lit called off, those in which a lamp can be seen": lit & clear,
            "lit called off, another country": (kind < OFF) & abroad,
            "turned away called off": away & ~abroad,
            "turned away called off, another country": away & abroad,
            "off seen, real": np.zeros(len(heads), bool),
            "off seen, covered lamps given": source == "synthetic_off",
            "off seen, covered lamps made here": source == "cinta_switched_off",
            "off seen": dark,
        }
        for name, chosen in groups.items():
            what = {"lit": "lit heads", "tur": "heads turned away"}.get(name[:3], "dark heads")
            rate = wilson(int(off[chosen].sum()), of=int(chosen.sum()), what=what)
            made[f"{name}, {size}"] = rate
        limit = float(np.quantile(score[dark], 1 - SEEN))
        called = int((score[lit] >= limit).sum())
        name = f"lit called off where {SEEN:.0%} of off is seen, {size}"
        made[name] = wilson(called, of=int(lit.sum()), what="lit heads")
        parts = {"streets only": source != "udacity", "those in which a lamp can be seen": clear}
        for part, chosen in parts.items():
            called = int((score[lit & chosen] >= limit).sum())
            of = int((lit & chosen).sum())
            made[f"{name}, {part}"] = wilson(called, of=of, what="lit heads")
        both = lit | dark
        area = _area(score[both], lit[both], draws=draws)
        made[f"area under the curve, {size}"] = area
        told = (both | (abroad & (kind < OFF))) & np.array([one.readable for one in readings])
        trusted = trust(1.0 - score[told], really=(kind < OFF)[told], draws=draws)
        made |= {f"{name}, {size}": figure for name, figure in trusted.items()}
    return made


def _area(score: NDArray[np.float64], lit: NDArray[np.bool_], *, draws: int) -> Figure:
    """Of a lit and a dark head drawn at random: how often the dark one has the higher score."""

    def area(weights: NDArray[np.int64]) -> float:
        dark = np.repeat(score[~lit], weights[~lit])
        bright = np.sort(np.repeat(score[lit], weights[lit]))
        if not len(dark) or not len(bright):
            return float("nan")
        under = np.searchsorted(bright, dark, "left") + np.searchsorted(bright, dark, "right")
        return float(under.mean() / (2 * len(bright)))

    return bootstrap(area, pictures=len(score), draws=draws, of=len(score), what="heads")
