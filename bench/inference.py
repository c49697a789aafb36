"""`python -m bench.inference`: how much of ONNX Runtime's speed the product keeps.

The same pictures through the shipped `street` file: `session.run` on inputs laid out beforehand
(the bound), the product (fit in, run, decode, suppress, findings in pixels), and, in a child that
has ultralytics, its `predict` with the same ONNX file and with torch on the start weights. In turns
and on one thread each, medians; processor seconds, so that other work on the machine changes
little; on a GPU, where the processor only waits, seconds of the clock.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.report import arguments, report
from detectors import letterbox, onnx
from detectors.types import Pixels
from detectors.yolo import DEFAULT_SIDE, STRIDE, Yolo

ROUNDS, QUICK_ROUNDS = 15, 5
PICTURES = 8
SIZES = {"1080p": (1080, 1920), "720p": (720, 1280)}
PEER = Path(".venv-train/bin/python")
PEER_S = 300
FLOOR = 0.85


def street_like(rng: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """Soft ground with some hundred things on it: edges and colours, as a network would meet."""
    height, width = size
    ground = cv2.resize(rng.integers(60, 180, (9, 16, 3), np.uint8), (width, height))
    for _ in range(120):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        half = int(rng.integers(4, 60))
        colour = [int(part) for part in rng.integers(0, 255, 3)]
        cv2.rectangle(ground, (x - half, y - half), (x + half, y + half), colour, -1)
    noise = rng.normal(0, 4, ground.shape)
    return np.asarray(np.clip(ground + noise, 0, 255), np.uint8)


def inputs_of(pictures: Sequence[Pixels], *, at_once: int) -> list[NDArray[np.float32]]:
    """What the network is given for them, laid out beforehand."""
    made = []
    for pixels in pictures:
        box = letterbox.fit(pixels, side=DEFAULT_SIDE, stride=STRIDE)
        planes = np.empty((3, *box.outer), np.float32)
        box.fill(pixels, into=planes)
        made.append(planes)
    return [np.stack(made[start : start + at_once]) for start in range(0, len(made), at_once)]


def in_turns(
    ways: Sequence[Callable[[], object]], *, rounds: int, clock: Callable[[], float]
) -> list[float]:
    """Median seconds of each way; the order turns round, so that none always follows the other."""
    for way in ways:
        way()
    times: list[list[float]] = [[] for _ in ways]
    for turn in range(rounds):
        order = list(enumerate(ways))
        for index, way in order if turn % 2 else order[::-1]:
            began = clock()
            way()
            times[index].append(clock() - began)
    return [median(each) for each in times]


def ours(model: onnx.Model, yolo: Yolo, *, rounds: int) -> dict[str, float]:
    clock = time.perf_counter if model.together is not None else time.process_time
    figures: dict[str, float] = {}
    for name, size in SIZES.items():
        rng = np.random.default_rng(20260513)
        pictures = [street_like(rng, size) for _ in range(PICTURES)]
        ready = inputs_of(pictures, at_once=model.most_at_once)

        def raw(ready: list[NDArray[np.float32]] = ready) -> None:
            for batch in ready:
                model.session.run(None, {model.input_name: batch})

        def whole(pictures: list[Pixels] = pictures) -> None:
            yolo.batch(pictures)

        raw_s, whole_s = in_turns([raw, whole], rounds=rounds, clock=clock)
        figures[f"raw_per_s_{name}"] = PICTURES / raw_s
        figures[f"ours_per_s_{name}"] = PICTURES / whole_s
        figures[f"raw_ratio_{name}"] = raw_s / whole_s
    return figures


def peers(model: Path, *, rounds: int) -> dict[str, float] | str:
    """Pictures a second of ultralytics' `predict`, as a child of its own environment says, or why
    there is none."""
    if not PEER.is_file():
        return f"no {PEER}: an environment with the extra `train` would be measured too"
    weights = os.environ.get("CITYPATROL_DATA", "../shared/data")
    checkpoint = Path(weights) / "weights" / "yolo11n_coco_from_int8.pt"
    with TemporaryDirectory() as folder:
        rng = np.random.default_rng(20260513)
        pictures = np.stack([street_like(rng, SIZES["1080p"]) for _ in range(PICTURES)])
        np.save(Path(folder) / "pictures.npy", pictures)
        command = [str(PEER), "-m", "bench.inference_peer", folder, str(model), str(checkpoint)]
        done = subprocess.run(
            [*command, str(rounds)], capture_output=True, text=True, timeout=PEER_S
        )
    if done.returncode:
        return f"the child with ultralytics failed: {done.stderr.strip().splitlines()[-1:]}"
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", type=Path, default=onnx.MODELS / "street.onnx")
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    cv2.setNumThreads(1)
    model = onnx.shared(options.model)
    yolo = Yolo(options.model, min_score=0.25)
    figures: dict[str, float | int | None] = dict(ours(model, yolo, rounds=rounds))
    figures["raw_ratio"] = min(figures[f"raw_ratio_{name}"] or 0.0 for name in SIZES)
    found = peers(options.model.resolve(), rounds=max(2, rounds // 3))
    if isinstance(found, str):
        print(found, file=sys.stderr)
        found = {}
    # The raw session beside which each was measured levels what the machine did meanwhile.
    raw = figures["raw_per_s_1080p"] or 0.0
    for name in ("ultralytics", "torch"):
        beside = found.get(f"{name}_of_raw")
        figures[f"{name}_per_s_1080p"] = None if beside is None else beside * raw
        mine = figures["raw_ratio_1080p"]
        figures[f"{name}_ratio"] = None if beside is None or mine is None else mine / beside
    report(
        "inference",
        {name: None if one is None else round(one, 3) for name, one in figures.items()},
        conditions={
            "quick": options.quick,
            "device": "gpu" if model.together is not None else "cpu",
            "pictures": PICTURES,
            "rounds": rounds,
            "clock": "seconds" if model.together is not None else "processor seconds",
        },
        as_json=options.json,
    )
    return 0 if (figures["raw_ratio"] or 0.0) >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
