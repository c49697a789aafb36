"""``python -m detectors.train.street``: fine-tunes the given yolo11n, exports it, measures it.

Everything it writes lies under the ignored ``.train/street``, except the model and its figures in
``detectors/models/``; ``--hours 0.05 --out .train/trial/street.onnx`` tries every step and leaves
the shipped model alone. The run is seeded; times differ, and with ``--hours`` so does the number of
epochs.
"""

import argparse
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from detectors.config import STREET_MIN_SCORE as MIN_SCORE
from detectors.train.sources import Picture
from detectors.types import Detector, Finding, Pixels

WORK = Path(".train/street")
SHIPPED = Path(__file__).parent.parent / "models" / "street.onnx"
WEIGHTS = "weights/yolo11n_coco_from_int8.pt"
SEED = 20260513
FROZEN_LAYERS = 3
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


def _trainer() -> type[Any]:
    """ultralytics' trainer whose pictures pass through ``degrade.StreetCamera``."""
    import numpy as np
    from ultralytics.models.yolo.detect import DetectionTrainer

    from detectors.train.degrade import StreetCamera

    class Trainer(DetectionTrainer):  # type: ignore[misc, unused-ignore]
        def build_dataset(
            self, img_path: str, mode: str = "train", batch: int | None = None
        ) -> Any:
            dataset = super().build_dataset(img_path, mode, batch)
            if mode != "train":
                return dataset
            plain: Callable[[Any], Any] = dataset.build_transforms

            def build(hyp: Any) -> Any:
                steps = plain(hyp)
                steps.insert(len(steps.transforms) - 1, StreetCamera(np.random.default_rng(SEED)))
                return steps

            dataset.build_transforms = build
            dataset.transforms = build(self.args)
            return dataset

    return Trainer


def train(data_yaml: Path, *, weights: Path, hours: float, size: int) -> Path:
    """The best checkpoint of a run of at most ``hours``, chosen on the validation side; it lies
    beside ``data_yaml``, with everything else that the trainer writes."""
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(1)
    YOLO(weights).train(
        trainer=_trainer(),
        data=str(data_yaml.resolve()),
        time=hours,
        imgsz=size,
        batch=16,
        nbs=32,
        seed=SEED,
        device="cpu",
        workers=1,
        cache="ram",
        amp=False,
        optimizer="AdamW",
        lr0=0.0012,
        lrf=0.05,
        cos_lr=True,
        warmup_epochs=0.5,
        freeze=FROZEN_LAYERS,
        scale=0.6,
        translate=0.15,
        degrees=4.0,
        hsv_s=0.6,
        hsv_v=0.5,
        mosaic=0.8,
        close_mosaic=1,
        fliplr=0.5,
        save_period=1,
        plots=False,
        project=str(data_yaml.parent.resolve()),
        name="run",
        exist_ok=True,
    )
    return data_yaml.parent / "run" / "weights" / "best.pt"


def measure(detector: Detector, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Figures on the validation side, at the score that ``type: street`` uses by default."""
    from detectors.train import figures

    aside = [picture for picture in pictures if picture.validation]
    return figures.measure(detector, aside, min_score=MIN_SCORE)


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
    return {
        "seed": SEED,
        "hours": arguments.hours,
        "size": arguments.size,
        "epochs": len((work / "run" / "results.csv").read_text().splitlines()) - 1,
        "pictures": json.loads((work / "counts.json").read_text()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.05, help="longest training time")
    parser.add_argument(
        "--size", type=int, default=480, help="side of a training picture in pixels"
    )
    parser.add_argument(
        "--out", type=Path, default=SHIPPED, help="the model; its figures and work lie beside it"
    )
    parser.add_argument(
        "--measure", action="store_true", help="train nothing: measure the model again"
    )
    arguments = parser.parse_args()
    model: Path = arguments.out
    work = WORK if model == SHIPPED else model.parent / "work"
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from detectors.train import dataset, figures, sources
    from detectors.train.export import export
    from detectors.yolo import Yolo

    data = sources.data_folder()
    weights = data / WEIGHTS
    pictures = dataset.collect(data, weights=weights)
    if not arguments.measure:
        shutil.rmtree(work, ignore_errors=True)
        data_yaml = dataset.build(pictures, work, seed=SEED)
        best = train(data_yaml, weights=weights, hours=arguments.hours, size=arguments.size)
        export(best, model, names=sources.STREET_CLASSES)
    figures_file = model.with_suffix(".json")
    report = (
        json.loads(figures_file.read_text())
        if arguments.measure
        else _run_report(arguments, work=work)
    )
    report |= {
        "min_score": MIN_SCORE,
        "validation": measure(Yolo(model, min_score=figures.LOWEST), pictures),
        "baseline": measure(baseline(weights, work=work), pictures),
    }
    figures_file.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
