"""Where things are in the demo's scenes: frames, light, signals. Numbers, drawn from a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

WIDTH, HEIGHT = 960, 540
WHOLE_WIDTH, WHOLE_HEIGHT = 1040, 585
"""The photographs are a little larger than what is shown of them."""
HEAD_ASPECT = 76 / 220

Box = tuple[float, float, float, float]
Polygon = tuple[tuple[float, float], ...]
"""Both in fractions of the picture, as cameras.yaml has them."""

Place = Literal["road", "corner"]

GREEN_S, YELLOW_S, RED_S = 13.0, 3.0, 16.0
CYCLE_S = GREEN_S + YELLOW_S + RED_S


def lamp_at(t_s: float, *, offset_s: float) -> str:
    """The lamp that is on: green, yellow, red, and green again."""
    at = (t_s + offset_s) % CYCLE_S
    if at < GREEN_S:
        return "green"
    return "yellow" if at < GREEN_S + YELLOW_S else "red"


@dataclass(frozen=True, slots=True)
class View:
    """What one camera shows of the whole photograph, and the light of its day (a gain for each of
    B, G, R)."""

    left: int
    top: int
    gain: tuple[float, float, float]
    seed: int


def draw_view(rng: np.random.Generator) -> View:
    left = int(rng.integers(WHOLE_WIDTH - WIDTH + 1))
    top = int(rng.integers(WHOLE_HEIGHT - HEIGHT + 1))
    light, warmth = rng.uniform(0.86, 1.04), rng.uniform(-0.03, 0.03)
    gain = (light * (1 - warmth), light, light * (1 + warmth))
    return View(left, top, gain, int(rng.integers(2**31)))


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal, in pixels of the whole photograph: its head from ``top`` on, ``height`` high, on
    a pole at ``x`` that stands at ``foot``."""

    name: str
    x: int
    top: int
    height: int
    foot: int
    offset_s: float

    @property
    def width(self) -> int:
        return round(self.height * HEAD_ASPECT)

    @property
    def left(self) -> int:
        return self.x - self.width // 2

    def box(self, view: View) -> Box:
        """The housing in what is shown."""
        x, y = self.left - view.left, self.top - view.top
        edges = (x / WIDTH, y / HEIGHT, (x + self.width) / WIDTH, (y + self.height) / HEIGHT)
        x1, y1, x2, y2 = (round(edge, 4) for edge in edges)
        return x1, y1, x2, y2


@dataclass(frozen=True, slots=True)
class JunctionPlan:
    """A junction's two signals, which take turns."""

    place: Place
    view: View
    signals: tuple[Signal, ...]

    @property
    def heads(self) -> Mapping[str, Box]:
        return {signal.name: signal.box(self.view) for signal in self.signals}


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a signal may stand and how high its head is, as shares of the whole photograph."""

    name: str
    x: float
    top: float
    foot: float
    height: float


_SPOTS: Mapping[Place, Sequence[_Spot]] = {
    "road": (_Spot("north", 0.515, 0.11, 0.465, 0.165), _Spot("east", 0.775, 0.13, 0.53, 0.19)),
    "corner": (_Spot("north", 0.725, 0.11, 0.80, 0.205), _Spot("west", 0.13, 0.20, 0.675, 0.165)),
}


def junction_plan(place: Place, *, seed: int) -> JunctionPlan:
    rng = np.random.default_rng((seed, list(_SPOTS).index(place)))
    view = draw_view(rng)
    begins = rng.uniform(0, CYCLE_S)
    signals = [
        Signal(
            name=spot.name,
            x=round((spot.x + rng.uniform(-0.012, 0.012)) * WHOLE_WIDTH),
            top=round((spot.top + rng.uniform(0, 0.02)) * WHOLE_HEIGHT),
            height=round(spot.height * WHOLE_HEIGHT * rng.uniform(0.92, 1.08)),
            foot=round(spot.foot * WHOLE_HEIGHT),
            offset_s=begins + number * CYCLE_S / 2,
        )
        for number, spot in enumerate(_SPOTS[place])
    ]
    return JunctionPlan(place, view, tuple(signals))


PAVEMENTS = 3
GROUND_TOP = 0.5
GROUND: Polygon = ((0, GROUND_TOP), (1, GROUND_TOP), (1, 1), (0, 1))
THINGS: Mapping[str, float] = {
    "pink_bag": 1.4,
    "red_bag": 1.4,
    "cloth": 1.1,
    "can": 1.0,
    "cup": 0.9,
    "tins": 0.9,
    "packet": 0.8,
}
"""What may lie on the ground, and how long it is beside the others."""
FEWEST_THINGS = 5


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing on the ground. ``column`` of as many as there are things; ``aside``: where in it, 0
    to 1; ``depth``: how near it lies, 1 is the lower edge; ``length`` in pixels."""

    name: str
    column: int
    aside: float
    depth: float
    length: float
    mirrored: bool


@dataclass(frozen=True, slots=True)
class PavementPlan:
    """``number``: which of the pavements."""

    number: int
    view: View
    things: tuple[Thing, ...]


def pavement_plan(*, seed: int) -> PavementPlan:
    rng = np.random.default_rng((seed, len(_SPOTS)))
    view = draw_view(rng)
    number = int(rng.integers(PAVEMENTS)) + 1
    names = [str(name) for name in rng.permutation(list(THINGS))]
    names = names[: rng.integers(FEWEST_THINGS, len(THINGS) + 1)]
    columns = rng.permutation(len(names))
    things = []
    for name, column in zip(names, columns, strict=True):
        depth = rng.uniform(0.15, 0.9)
        length = THINGS[name] * (28 + 30 * depth)
        aside, mirrored = rng.uniform(0.1, 0.9), bool(rng.random() < 0.5)
        things.append(Thing(name, int(column), aside, depth, length, mirrored))
    return PavementPlan(number, view, tuple(things))
