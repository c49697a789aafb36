"""``python -m detectors.train.street``: fine-tunes the given yolo11n, exports it, measures it.

Everything it writes lies under the ignored ``.train/street``, except the model and its figures in
``detectors/models/``; ``--out .train/trial/street.onnx --rounds 1`` tries every step and leaves the
shipped model alone. The run is seeded; a run that was cut goes on with ``resume``, and ``export``
takes what it has reached. What is exported is the last moving average, mixed with the start weights
(``mixing.py``).
"""

import argparse
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from detectors.config import STREET_MIN_SCORE as MIN_SCORE
from detectors.train.sources import Picture
from detectors.types import Detector, Finding, Pixels

WORK = Path(".train/street")
SHIPPED = Path(__file__).parent.parent / "models" / "street.onnx"
WEIGHTS = "weights/yolo11n_coco_from_int8.pt"
STEPS = ("all", "train", "resume", "export", "measure")
NEAREST = {
    "traffic light": "traffic_light",
    "bottle": "litter",
    "cup": "litter",
    "handbag": "garbage_bag",
    "backpack": "garbage_bag",
    "suitcase": "garbage_bag",
    "chair": "dumped_waste",
    "couch": "dumped_waste",
    "bed": "dumped_waste",
}
"""COCO's classes that come nearest, for the baseline."""


def measure(detector: Detector, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Figures of the pictures, at the score that ``type: street`` uses by default."""
    from detectors.train import figures

    return figures.measure(detector, pictures, min_score=MIN_SCORE)


def baseline(weights: Path, *, work: Path) -> Detector:
    """The COCO network untrained, its nearest classes taken for ours."""
    from detectors.train.export import export
    from detectors.train.figures import LOWEST
    from detectors.yolo import Yolo

    path = work / "baseline.onnx"
    export(weights, path)
    coco = Yolo(path, min_score=LOWEST, labels=NEAREST)

    def detect(pixels: Pixels) -> list[Finding]:
        return [replace(finding, label=NEAREST[finding.label]) for finding in coco(pixels)]

    return detect


def _run_report(arguments: argparse.Namespace, *, work: Path) -> dict[str, Any]:
    from detectors.train import trainer

    return {
        "seed": trainer.SEED,
        "size": arguments.size,
        "rounds": int((work / "run" / "results.csv").read_text().split()[-1].split(",")[0]),
        "pictures_a_round": trainer.ROUND,
        "pictures": json.loads((work / "counts.json").read_text()),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", nargs="?", choices=STEPS, default="all")
    parser.add_argument("--rounds", type=int, default=60, help="of 640 pictures each")
    parser.add_argument(
        "--size", type=int, default=512, help="side of a training picture in pixels"
    )
    parser.add_argument("--start", type=Path, help="a checkpoint of ours instead of COCO's weights")
    parser.add_argument(
        "--out", type=Path, default=SHIPPED, help="the model; its figures and work lie beside it"
    )
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    model: Path = arguments.out
    work = WORK if model == SHIPPED else model.parent / "work"
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from detectors.train import dataset, figures, sources, trainer
    from detectors.train.export import export
    from detectors.train.mixing import mixed
    from detectors.yolo import Yolo

    data = sources.data_folder()
    weights = data / WEIGHTS
    if arguments.step == "all":
        shutil.rmtree(work, ignore_errors=True)
        pictures = dataset.collect(data, weights=weights)
        dataset.build(pictures, work, seed=trainer.SEED)
    if arguments.step in ("all", "train"):
        data_yaml = work / "data.yaml"
        how = {"rounds": arguments.rounds, "size": arguments.size}
        if arguments.start is None:
            trainer.first(data_yaml, weights=weights, **how)
        else:
            trainer.again(data_yaml, weights=arguments.start, **how)
    elif arguments.step == "resume":
        trainer.resume(work)
    figures_file = model.with_suffix(".json")
    if arguments.step == "measure":
        report = json.loads(figures_file.read_text())
    else:
        with TemporaryDirectory() as folder:
            checkpoint = Path(folder) / "street.pt"
            mixed(work / "run" / "weights" / "last.pt", checkpoint, start=weights)
            export(checkpoint, model, names=sources.STREET_CLASSES)
        report = _run_report(arguments, work=work)
    aside = [picture for picture in dataset.labelled(data) if picture.validation]
    report |= {
        "min_score": MIN_SCORE,
        "validation": measure(Yolo(model, min_score=figures.LOWEST), aside),
        "baseline": measure(baseline(weights, work=work), aside),
    }
    figures_file.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
