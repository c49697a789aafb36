"""`python -m bench.vision_lights`: signal heads, in one picture and over time.

Photographs of places set aside from training, the given clip of working lights looped to ten
minutes with every frame judged, and films of ten minutes made of photographs set aside
(`bench.light_films`), each through camera health, detector, bursts and the starter city's rules.
**No head in it has really failed: no photograph of one was found.**
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench import light_heads
from bench.intervals import Figure, wilson
from bench.light_films import films
from bench.light_run import EVERY_S, SECONDS, START, Verdict, told_samples, verdict, watched
from bench.report import arguments, report
from detectors import junction, pictures
from detectors.heads import HeadReader, Reading
from detectors.junction import Junction
from detectors.train import sources
from detectors.types import Box

VARIANTS, QUICK_VARIANTS = 4, 1
WORKING = "clips/intersection_traffic_lights_511wi.mp4"
FACING: Mapping[str, Box] = {
    "near": (656, 324, 677, 385),
    "left": (194, 170, 207, 204),
    "far": (725, 145, 739, 184),
}
AWAY: Mapping[str, Box] = {"by near": (679, 303, 691, 375), "island": (324, 258, 341, 321)}
RULE_S = 60
DARK, OUT = "traffic-light-dark", "traffic-light-lamp-out"


def deserved(name: str, said: Verdict) -> bool:
    """Whether a film led to what it should: one ticket of the right rule, or none."""
    if name in ("a head goes dark", "a junction without power"):
        return said.fired == (DARK,) and said.tickets == 1
    if name == "a red lamp dies":
        return OUT in said.fired and said.tickets == 1
    if name == "a camera is covered":
        return not said.fired and said.blind
    return not said.fired


def made_films(data: Path, *, variants: int) -> dict[str, Figure]:
    right: dict[str, list[bool]] = {}
    after: dict[str, list[float]] = {}
    blind: list[bool] = []
    for film in films(data, variants=variants):
        said = watched(film)
        right.setdefault(film.name, []).append(deserved(film.name, said))
        if said.first is not None and film.fails_s is not None:
            after.setdefault(film.name, []).append(said.first - film.fails_s)
        if film.name == "a camera is turned":
            blind.append(said.blind)
    made = {
        f"film: {name}: as it deserves": wilson(sum(those), of=len(those), what="films")
        for name, those in right.items()
    }
    for name, seconds in after.items():
        made[f"film: {name}: seconds to its incident, median"] = Figure(
            float(np.median(seconds)), min(seconds), max(seconds), len(seconds), "films"
        )
    made["film: a camera is turned: told as a camera fault"] = wilson(
        sum(blind), of=len(blind), what="films"
    )
    return made


def working_clip(data: Path) -> dict[str, Figure]:
    """Before the time logic: every frame by itself. After it: ten minutes, begun at each of ten
    seconds, so that pictures fall on every frame of the clip that they can fall on."""
    times, readings = _readings(data / WORKING, {**FACING, **AWAY})
    made: dict[str, Figure] = {}
    for name in FACING:
        off = np.array([one.readable and one.state == "off" for one in readings[name]])
        made[f"clip: {name}: frames called off"] = wilson(
            int(off.sum()), of=len(off), what="frames"
        )
        run = _longest_run_s(off, frame_s=times[-1] / (len(times) - 1))
        what = f"frames; the rule waits {RULE_S} s"
        made[f"clip: {name}: longest run of off, s"] = Figure(run, run, run, len(off), what)
    for name in AWAY:
        spoke = sum(one.readable and one.state == "off" for one in readings[name])
        made[f"clip: {name} (turned away): frames called off"] = wilson(
            spoke, of=len(readings[name]), what="frames"
        )
    dark = sum(len(_looped(times, readings, begin=begin).fired) for begin in range(10))
    made["clip: dark incidents in ten minutes"] = Figure(
        float(dark), float(dark), float(dark), 10, "runs of ten minutes"
    )
    return made


def _readings(path: Path, boxes: Mapping[str, Box]) -> tuple[list[float], dict[str, list[Reading]]]:
    reader = HeadReader()
    times: list[float] = []
    readings: dict[str, list[Reading]] = {name: [] for name in boxes}
    for at, pixels in pictures.read_clip(path, every_s=0.0):
        times.append(at)
        for name, one in zip(boxes, reader(pixels, list(boxes.values())), strict=True):
            readings[name].append(one)
    return times, readings


def _longest_run_s(off: np.ndarray, *, frame_s: float) -> float:
    """Of a loop: a run may go over its end."""
    if off.all():
        return float(SECONDS)
    run = longest = 0
    for one in np.concatenate((off, off)).tolist():
        run = run + 1 if one else 0
        longest = max(longest, run)
    return longest * frame_s


def _looped(
    times: Sequence[float], readings: Mapping[str, Sequence[Reading]], *, begin: int
) -> Verdict:
    """Ten minutes of the clip over and over, a picture every ten seconds and its bursts."""
    length = times[-1] + times[1]
    stamps = np.array(times)
    state, samples = Junction.of(dict.fromkeys(readings)), []
    for second in range(begin, SECONDS, EVERY_S):
        index = int(np.searchsorted(stamps, second % length, "right")) - 1
        at = START + 1000 * second
        now = {name: those[index] for name, those in readings.items()}
        state, told = junction.glimpse(state, readings=now, at=at)
        samples += told_samples(told, at=at)
        wanted = [name for name, one in told.items() if one.said.burst_s]
        if wanted:
            longest = max(told[name].said.burst_s or 0.0 for name in wanted)
            rows = [(index + row) % len(times) for row in range(1, round(longest / times[1]) + 2)]
            ends = [at + round(1000 * times[1] * (row + 1)) for row in range(len(rows))]
            frames = {name: [readings[name][row] for row in rows] for name in wanted}
            state, told = junction.stare(state, times=ends, readings=frames)
            samples += told_samples(told, at=ends[-1])
    return verdict(samples, regions=list(readings))


def figures(data: Path, *, quick: bool = False) -> dict[str, Figure]:
    """Everything; minutes of one core, `quick` a fifth of it."""
    return {
        **light_heads.figures(light_heads.aside(data)),
        **working_clip(data),
        **made_films(data, variants=QUICK_VARIANTS if quick else VARIANTS),
    }


def main() -> int:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options = arguments(__doc__ or "").parse_args()
    try:
        data = sources.data_folder()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    made = figures(data, quick=options.quick)
    if not options.json:
        width = max(map(len, made))
        for name, figure in made.items():
            print(f"{name:{width}}  {figure.text()}")
    flat = {name: figure.value for name, figure in made.items()}
    report("vision_lights", flat, conditions={"quick": options.quick}, as_json=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
