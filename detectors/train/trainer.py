"""How ``street`` is trained: ultralytics' trainer, bent to a street camera and a slow processor."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED = 20260513
FROZEN_LAYERS = 5
RATE = 0.001
AGAIN_FROZEN_LAYERS = 10
AGAIN_RATE = 0.0005
"""From a checkpoint of ours the backbone stays and the rest moves slowly."""
ROUND = 640
"""Pictures between two checkpoints, drawn anew each time."""
EMA_DECAY = 0.998
EMA_STEPS = 120


def _trainer() -> type[Any]:
    """ultralytics' trainer with ``degrade.StreetCamera``, and shaped for one slow processor.

    Weights in channels-last order take a fifth less time a step; the moving average follows within
    a hundred steps, so that a run cut short is still worth its file.
    """
    import numpy as np
    import torch
    from ultralytics.models.yolo.detect import DetectionTrainer
    from ultralytics.utils.torch_utils import ModelEMA

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
                camera = StreetCamera(np.random.default_rng((SEED, self.start_epoch)))
                steps.insert(len(steps.transforms) - 1, camera)
                return steps

            dataset.build_transforms = build
            dataset.transforms = build(self.args)
            return dataset

        def get_dataloader(
            self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
        ) -> Any:
            loader = super().get_dataloader(dataset_path, batch_size, rank, mode)
            if mode == "train":
                drawn = loader.batch_sampler.sampler.sampler
                drawn._num_samples = min(ROUND, len(loader.dataset))
            return loader

        def setup_model(self) -> Any:
            checkpoint = super().setup_model()
            self.model.to(memory_format=torch.channels_last)
            return checkpoint

        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            ready: dict[str, Any] = super().preprocess_batch(batch)
            ready["img"] = ready["img"].contiguous(memory_format=torch.channels_last)
            return ready

        def resume_training(self, ckpt: Any) -> None:
            self.ema = ModelEMA(self.model, decay=EMA_DECAY, tau=EMA_STEPS)
            super().resume_training(ckpt)

    return Trainer


def first(data_yaml: Path, *, weights: Path, rounds: int, size: int) -> None:
    """``train`` from COCO's weights."""
    train(data_yaml, weights=weights, rounds=rounds, size=size, rate=RATE, frozen=FROZEN_LAYERS)


def again(data_yaml: Path, *, weights: Path, rounds: int, size: int) -> None:
    """``train`` from a checkpoint of ours, gently."""
    rate, frozen = AGAIN_RATE, AGAIN_FROZEN_LAYERS
    train(data_yaml, weights=weights, rounds=rounds, size=size, rate=rate, frozen=frozen)


def train(
    data_yaml: Path, *, weights: Path, rounds: int, size: int, rate: float, frozen: int
) -> None:
    """Trains for ``rounds`` times ``ROUND`` pictures; a checkpoint a round lies beside
    ``data_yaml``, with everything else that the trainer writes.

    The validation side chooses nothing: the last moving average is the model.
    """
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(1)
    YOLO(weights).train(
        trainer=_trainer(),
        data=str(data_yaml.resolve()),
        epochs=rounds,
        imgsz=size,
        batch=16,
        nbs=32,
        seed=SEED,
        device="cpu",
        workers=1,
        cache="ram",
        amp=False,
        optimizer="AdamW",
        lr0=rate,
        lrf=0.08,
        warmup_epochs=1.0,
        warmup_bias_lr=0.0,  # 0.1, the default, is for SGD: AdamW's first steps wipe out biases
        freeze=frozen,
        scale=0.6,
        translate=0.15,
        degrees=4.0,
        hsv_h=0.03,
        hsv_s=0.6,
        hsv_v=0.5,
        mosaic=0.7,
        close_mosaic=3,
        fliplr=0.5,
        val=False,
        plots=False,
        project=str(data_yaml.parent.resolve()),
        name="run",
        exist_ok=True,
    )


def resume(work: Path) -> None:
    """Goes on from the last whole round of a run that was cut."""
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(1)
    YOLO(work / "run" / "weights" / "last.pt").train(trainer=_trainer(), resume=True)
