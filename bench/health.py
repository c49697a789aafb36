"""How often a camera that is well is called ill, and the reverse: `python -m bench.health`.

On the given clips (`CITYPATROL_DATA`), played over and over for ten minutes, a picture every five
seconds: as they are; from the third minute on with what is no fault done to them (a night's colour
cast, dim, infrared, fog, compression, rain, a lorry); and with faults done to them. Detection is
counted from when it is promised: 30 s later, for a frozen picture a minute. Then the same on views
held apart, made of other pictures (``apart_...``).
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from bench.health_apart import ILL_FROM_S, STEP_S, held_apart, states
from bench.health_edits import BENIGN, Edit, black, blurred, cloth, of_scene, turned
from bench.intervals import Figure, wilson
from bench.report import arguments, report
from detectors.types import Pixels

FIXED: Final = (
    "intersection_traffic_lights_511wi",
    "suburban_street_fixed_camera",
    "shop_pavement_cctv",
    "motorway_overpass",
)
MOVING: Final = ("potholes_walk", "street_litter_pan_stills")
SECONDS: Final = 600


def pictures(path: Path) -> list[Pixels]:
    """One a second."""
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS)
    found: list[Pixels] = []
    number = 0
    while (read := capture.read())[0]:
        if number >= len(found) * rate:
            found.append(np.asarray(read[1], np.uint8))
        number += 1
    return found


def ill(clips: Mapping[str, list[Pixels]], clip: str) -> dict[str, tuple[str, Edit]]:
    """The state that is to be named, and what is done, by the name of the figure."""
    others = [name for name in FIXED if name != clip]
    edits: dict[str, tuple[str, Edit]] = {
        "black": ("black", black),
        "covered": ("covered", cloth),
        "frozen": ("frozen", lambda _: clips[clip][0]),
        "blurred_2": ("blurred", blurred(2)),
        "blurred_4": ("blurred", blurred(4)),
        "blurred_8": ("blurred", blurred(8)),
        "blurred_4_noise": ("blurred", blurred(4, noise=3)),
        "moved_3_percent": ("moved", turned(0.03)),
        "moved_10_percent": ("moved", turned(0.1)),
        "moved_25_percent": ("moved", turned(0.25)),
        "rolled_5_degrees": ("", turned(0.0, degrees=5)),
    }
    for other in others:
        edits[f"wrong_scene_{other.partition('_')[0]}"] = "wrong_scene", of_scene(clips[other])
    return edits


def measure(data: Path, *, seconds: int) -> dict[str, Figure]:
    clips = {name: pictures(data / "clips" / f"{name}.mp4") for name in (*FIXED, *MOVING)}
    rates: dict[str, Figure] = {}
    for kind, edit in BENIGN.items():
        wrong = kept = of = 0
        for clip in FIXED:
            played = states(clips[clip], edit=edit, seconds=seconds)
            for second, state, blind in played:
                if second >= ILL_FROM_S or kind == "as_it_is":
                    of, wrong, kept = of + 1, wrong + (state is not None), kept + blind
        rates[f"well_{kind}_called_ill"] = wilson(wrong, of=of, what="pictures")
        rates[f"well_{kind}_kept_back"] = wilson(kept, of=of, what="pictures")
    for clip in MOVING:
        found = [state for _, state, _ in states(clips[clip], edit=lambda p: p, seconds=seconds)]
        bad = sum(state is not None for state in found)
        rates[f"moving_camera_{clip.partition('_')[0]}_called_ill"] = wilson(
            bad, of=len(found), what="pictures"
        )
    hits: dict[str, list[bool]] = {}
    named: dict[str, list[bool]] = {}
    for clip in FIXED:
        for kind, (state_due, edit) in ill(clips, clip).items():
            name = "wrong_scene" if state_due == "wrong_scene" else kind
            due = 65 if kind == "frozen" else 35
            for second, state, _ in states(clips[clip], edit=edit, seconds=seconds):
                if second >= ILL_FROM_S + due:
                    hits.setdefault(name, []).append(state is not None)
                    named.setdefault(name, []).append(state == state_due)
    for name, found_ill in hits.items():
        rates[f"ill_{name}_seen"] = wilson(sum(found_ill), of=len(found_ill), what="pictures")
        if name != "rolled_5_degrees":
            right = named[name]
            rates[f"ill_{name}_named"] = wilson(sum(right), of=len(right), what="pictures")
    return rates


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    data = Path(os.environ.get("CITYPATROL_DATA", "../shared/data"))
    if not (data / "clips").is_dir():
        print(
            f"no clips in {data}: set CITYPATROL_DATA to the folder that has clips/; not measured"
        )
        return 0
    seconds = 300 if args.quick else SECONDS
    rates = measure(data, seconds=seconds)
    if (data / "backgrounds" / "images").is_dir():
        rates |= held_apart(data, seconds=300, most=8 if args.quick else 40)
    if not args.json:
        width = max(map(len, rates))
        for name, figure in rates.items():
            print(f"{name:{width}}  {figure.text()}")
    figures = {name: figure.value for name, figure in rates.items()}
    conditions = {"seconds_a_clip": seconds, "step_s": STEP_S, "ill_from_s": ILL_FROM_S}
    report("health", figures, conditions=conditions, as_json=True)
    return 1 if rates["well_as_it_is_called_ill"].value else 0


if __name__ == "__main__":
    sys.exit(main())
