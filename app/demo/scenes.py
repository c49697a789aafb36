"""The demo's scenes: what a street camera sees at a time and in a state. Pure.

Composed from the photographs in ``pictures/`` (their sources: ``SOURCES.md``). The seed moves the
frame, the light, the signals and the things on the ground; ``render`` of one seed, state and time
is always the same picture, and no two times give the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from app.demo.paint import (
    Colour,
    Light,
    Pixels,
    Sensor,
    clip,
    glow,
    paste,
    picture,
    pole,
    resized,
    shade,
)
from app.demo.plans import (
    GROUND_TOP,
    HEIGHT,
    WHOLE_HEIGHT,
    WHOLE_WIDTH,
    WIDTH,
    JunctionPlan,
    PavementPlan,
    Signal,
    View,
    lamp_at,
)

_CLIP_FPS: Final = 2.0
_LAMPS: Final[Mapping[str, tuple[float, Colour]]] = {
    "red": (0.18, (40, 60, 255)),
    "yellow": (0.50, (40, 190, 255)),
    "green": (0.82, (170, 255, 60)),
}
"""Where in the head each lamp sits, as a share of its height, and its light."""


@dataclass(frozen=True, slots=True)
class State:
    """What is wrong in a scene. ``dark``: the names of the heads that have failed."""

    dark: frozenset[str] = frozenset()
    littered: bool = False
    covered: bool = False


class Scene(Protocol):
    """One camera's view."""

    def render(self, state: State, *, t_s: float) -> Pixels:
        """HEIGHT x WIDTH x 3, BGR."""
        ...


class Junction:
    """A street with signals."""

    def __init__(self, plan: JunctionPlan) -> None:
        view = plan.view
        light = Light(view.gain)
        self._plan = plan
        self._sensor = Sensor(width=WIDTH, height=HEIGHT, seed=view.seed)
        self._looks = {
            signal.name: {lamp: light.on(_head(signal, lamp=lamp)) for lamp in (*_LAMPS, "off")}
            for signal in plan.signals
        }
        self._street = []
        for photo in _photographs(plan.place):
            for signal in plan.signals:
                middle = signal.top + signal.height // 2
                pole(photo, x=signal.x, top=middle, foot=signal.foot, width=signal.height // 11)
            self._street.append(light.on(_shown(photo, view)))

    def render(self, state: State, *, t_s: float) -> Pixels:
        if state.covered:
            return self._sensor.cloth(t_s=t_s)
        canvas = self._street[int(t_s * _CLIP_FPS) % len(self._street)].copy()
        for signal in self._plan.signals:
            dark = signal.name in state.dark
            self._draw(canvas, signal, "off" if dark else lamp_at(t_s, offset_s=signal.offset_s))
        return self._sensor.noisy(canvas, t_s=t_s)

    def _draw(self, canvas: Pixels, signal: Signal, lamp: str) -> None:
        left, top = signal.left - self._plan.view.left, signal.top - self._plan.view.top
        paste(canvas, self._looks[signal.name][lamp], left=left, top=top)
        if lamp in _LAMPS:
            share, colour = _LAMPS[lamp]
            x, y = left + signal.width / 2, top + share * signal.height
            glow(canvas, x=x, y=y, radius=0.13 * signal.height, colour=colour)


class Pavement:
    """A pavement with containers, on which things may lie."""

    def __init__(self, plan: PavementPlan) -> None:
        light = Light(plan.view.gain)
        self._sensor = Sensor(width=WIDTH, height=HEIGHT, seed=plan.view.seed)
        self._clean = light.on(_shown(picture(f"pavement_{plan.number}.jpg"), plan.view))
        self._littered = self._clean.copy()
        width = WIDTH / len(plan.things)
        for thing in plan.things:
            part = light.on(picture(f"litter_{thing.name}.png"))
            if thing.mirrored:
                part = np.ascontiguousarray(part[:, ::-1])
            part = resized(part, height=round(thing.length * part.shape[0] / max(part.shape[:2])))
            left = round(thing.column * width + thing.aside * (width - part.shape[1]))
            middle = HEIGHT * (GROUND_TOP + (1 - GROUND_TOP) * thing.depth)
            top = min(round(middle - part.shape[0] / 2), HEIGHT - part.shape[0] - 4)
            shade(self._littered, part, left=left + 2, top=top + 2, depth=0.35)
            paste(self._littered, part, left=left, top=top)

    def render(self, state: State, *, t_s: float) -> Pixels:
        if state.covered:
            return self._sensor.cloth(t_s=t_s)
        return self._sensor.noisy(self._littered if state.littered else self._clean, t_s=t_s)


def _photographs(place: str) -> list[Pixels]:
    if place == "road":
        return clip("road.mp4", width=WHOLE_WIDTH, height=WHOLE_HEIGHT)
    return [picture(f"{place}.jpg")]


def _shown(whole: Pixels, view: View) -> Pixels:
    return whole[view.top : view.top + HEIGHT, view.left : view.left + WIDTH]


def _head(signal: Signal, *, lamp: str) -> Pixels:
    return resized(picture(f"head_{lamp}.png"), height=signal.height)
