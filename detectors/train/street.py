"""``python -m detectors.train.street``: fine-tunes the given yolo11n, exports it, measures it.

Everything it writes lies under the ignored ``.train/street``, except the model and its figures in
``detectors/models/``. The run is seeded; times differ, and with ``--hours`` so does the number of
epochs.
"""

import argparse
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORK = Path(".train/street")
SHIPPED = Path(__file__).parent.parent / "models"
WEIGHTS = "weights/yolo11n_coco_from_int8.pt"
SEED = 20260513
FROZEN_LAYERS = 3


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
    """The best checkpoint of a run of at most ``hours``, chosen on the validation side."""
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
        project=str(WORK.resolve()),
        name="run",
        exist_ok=True,
    )
    return WORK / "run" / "weights" / "best.pt"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="longest training time")
    parser.add_argument(
        "--size", type=int, default=480, help="side of a training picture in pixels"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from detectors.train import dataset, sources

    data = sources.data_folder()
    weights = data / WEIGHTS
    pictures = dataset.collect(data, weights=weights)
    shutil.rmtree(WORK, ignore_errors=True)
    data_yaml = dataset.build(pictures, WORK, seed=SEED)
    (WORK / "pictures.pickle").write_bytes(pickle.dumps(pictures))
    train(data_yaml, weights=weights, hours=arguments.hours, size=arguments.size)


if __name__ == "__main__":
    main()
