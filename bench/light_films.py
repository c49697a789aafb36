"""Films of ten minutes for ``bench.vision_lights``, composed in memory from real photographs that
were set aside: signal heads on a street, each with a program of its own. Nothing is stored.

A head's states are photographs of lit heads; its dark state is one of them with the lamp covered
(``detectors.train.dark_heads``), because no photograph of a failed signal was found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from detectors.pictures import read_picture
from detectors.train import sources
from detectors.train.dark_heads import edit
from detectors.types import Box, Pixels

WIDTH, HEIGHT = 960, 540
TALL = 64
"""Pixels: the height of a head in the film."""
COLOURS = ("red", "yellow", "green")
CYCLE_S = 80.0
SEED = 20260513

FAILING = ("a head goes dark", "a red lamp dies", "a junction without power")

Shows = Literal["red", "yellow", "green", "off"]
Program = Callable[[float], Shows]
"""What a head shows at a time in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """One head as photographed in each of its states, all of one size."""

    pictures: Mapping[Shows, Pixels]


@dataclass(frozen=True, slots=True)
class Film:
    """``programs`` and ``looks`` by head; from ``covered_s`` on the lens is covered, from
    ``turned_s`` on the camera looks elsewhere. ``fails_s``: when what should be told begins."""

    name: str
    street: Pixels
    programs: Mapping[str, Program]
    looks: Mapping[str, Looks]
    covered_s: float = 1e9
    turned_s: float = 1e9
    fails_s: float | None = None

    def boxes(self) -> dict[str, Box]:
        """Pixels of the film."""
        boxes = {}
        for index, (name, looks) in enumerate(self.looks.items()):
            height, width = looks.pictures["off"].shape[:2]
            x, y = WIDTH * (index + 1) / (len(self.looks) + 1), HEIGHT * 0.3
            left, top = round(x - width / 2), round(y - height / 2)
            boxes[name] = (float(left), float(top), float(left + width), float(top + height))
        return boxes

    def frame(self, t: float) -> Pixels:
        """The picture at this time, with a sensor's noise and a stream's blocks."""
        return _seen(self._scene(t), t=t)

    def cuts(self, t: float, boxes: Sequence[Box]) -> tuple[Pixels, ...]:
        """What ``boxes`` (fractions) hold at this time."""
        scene = self._scene(t)
        return tuple(
            _seen(
                scene[int(y1 * HEIGHT) : round(y2 * HEIGHT), int(x1 * WIDTH) : round(x2 * WIDTH)],
                t=t,
            )
            for x1, y1, x2, y2 in boxes
        )

    def _scene(self, t: float) -> Pixels:
        if t >= self.covered_s:
            return np.full((HEIGHT, WIDTH, 3), (52, 58, 70), np.uint8)
        canvas = self.street.copy()
        for name, (x1, y1, x2, y2) in self.boxes().items():
            look = self.looks[name].pictures[self.programs[name](t)]
            middle = round((x1 + x2) / 2)
            cv2.line(canvas, (middle, round(y2)), (middle, HEIGHT), (70, 72, 75), 5)
            canvas[round(y1) : round(y2), round(x1) : round(x2)] = look
        if t < self.turned_s:
            return canvas
        return np.roll(canvas[:, ::-1], (HEIGHT // 3, WIDTH // 5), axis=(0, 1))


def _seen(canvas: Pixels, *, t: float) -> Pixels:
    rng = np.random.default_rng(round(t * 1000))
    height, width = canvas.shape[:2]
    noise = rng.integers(-7, 8, (height // 2 + 1, width // 2 + 1, 1), np.int16)
    noise = np.repeat(np.repeat(noise, 2, axis=0), 2, axis=1)[:height, :width]
    light = canvas * np.float32(rng.uniform(0.96, 1.04))
    noisy = np.clip(light + noise, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def cycle(*, offset: float = 0.0) -> Program:
    """Green for 35 s, yellow for 4, red for 41."""

    def shows(t: float) -> Shows:
        within = (t + offset) % CYCLE_S
        return "green" if within < 35 else "yellow" if within < 39 else "red"

    return shows


def flashing(hertz: float, *, phase: float = 0.0) -> Program:
    return lambda t: "yellow" if (t * hertz + phase) % 1.0 < 0.5 else "off"


def _until(end: float, program: Program, then: Program) -> Program:
    return lambda t: program(t) if t < end else then(t)


def _without(lamp: Shows, program: Program, *, since: float) -> Program:
    def shows(t: float) -> Shows:
        state = program(t)
        return "off" if state == lamp and t >= since else state

    return shows


def films(data: Path, *, variants: int) -> list[Film]:
    """Every kind, with so many sets of heads and streets each."""
    looks, streets = _looks(data), _streets(data)
    made = []
    for number in range(variants):
        pair = {
            "north": looks[2 * number % len(looks)],
            "east": looks[(2 * number + 1) % len(looks)],
        }
        street = streets[number % len(streets)]
        offset = 17.0 * number
        north, east = cycle(offset=offset), cycle(offset=offset + CYCLE_S / 2)
        amber = {1.0: flashing(1.0, phase=0.13 * number), 0.5: flashing(0.5, phase=0.13 * number)}
        arrow: Program = lambda t, offset=offset: "green" if (t + offset) % 120 < 30 else "off"  # type: ignore[misc] # noqa: E731
        dies = 200.0 + 25 * number
        dark: Program = lambda _: "off"  # noqa: E731
        kinds: dict[str, tuple[Program, Program]] = {
            "working": (north, east),
            "a head goes dark": (_until(dies, north, dark), east),
            "amber flashes at 1 Hz": (amber[1.0], east),
            "amber flashes at 0.5 Hz": (amber[0.5], east),
            "a turn arrow, dark for 90 of 120 s": (arrow, east),
            "a red lamp dies": (_without("red", north, since=dies), east),
            "a junction without power": (_until(dies, north, dark), _until(dies, east, dark)),
        }
        for name, programs in kinds.items():
            fails = dies if name in FAILING else None
            shown = dict(zip(pair, programs, strict=True))
            made.append(Film(name, street, shown, pair, fails_s=fails))
        both = {"north": north, "east": east}
        made.append(Film("a camera is covered", street, both, pair, covered_s=dies))
        made.append(Film("a camera is turned", street, both, pair, turned_s=dies))
    return made


@cache
def _looks(data: Path) -> Sequence[Looks]:
    """Sets of one red, one yellow, one green and one dark head of the pictures set aside, in the
    order of the files, whatever the model makes of them."""
    rng = np.random.default_rng(SEED)
    lit: dict[str, list[Pixels]] = {colour: [] for colour in COLOURS}
    dark: list[Pixels] = []
    for picture in sources.traffic_lights(data):
        if not picture.validation:
            continue
        pixels = read_picture(picture.path)
        height, width = pixels.shape[:2]
        for label in picture.labels:
            w, h = label.width * width, label.height * height
            if label.kind >= len(COLOURS) or h < TALL or not 1.9 < h / w < 3.6:
                continue
            x1, y1 = max(0, round(label.x * width - w / 2)), max(0, round(label.y * height - h / 2))
            head = pixels[y1 : y1 + round(h), x1 : x1 + round(w)]
            off = edit(head, label.kind, "switched_off", rng)
            if off is None:  # a wrong label, or a lamp that nobody can make out
                continue
            lit[COLOURS[label.kind]].append(_sized(head))
            dark.append(_sized(off))
    count = min(len(lit["red"]), len(lit["green"]), 12)
    return [
        Looks(
            {
                "red": lit["red"][index],
                "yellow": lit["yellow"][index % len(lit["yellow"])],
                "green": lit["green"][index],
                "off": dark[index * len(dark) // count],
            }
        )
        for index in range(count)
    ]


def _sized(head: Pixels) -> Pixels:
    size = (round(TALL / 2.5), TALL)
    return np.asarray(cv2.resize(head, size, interpolation=cv2.INTER_AREA), np.uint8)


@cache
def _streets(data: Path) -> Sequence[Pixels]:
    """Amsterdam's streets of the side set aside."""
    chosen = [
        picture
        for picture in sources.litter(data)
        if picture.validation and picture.source.startswith("ams")
    ]
    return [
        np.asarray(cv2.resize(read_picture(picture.path), (WIDTH, HEIGHT)), np.uint8)
        for picture in chosen[:6]
    ]
