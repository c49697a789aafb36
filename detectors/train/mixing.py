"""Weights between those that training reached and those that it began with.

A fine-tune learns its pictures and forgets others; a mean of the two keeps most of both (Wortsman
and others, "Robust fine-tuning of zero-shot models", CVPR 2022, arXiv:2109.01903).
"""

from pathlib import Path
from typing import Any

from detectors.train.sources import LIGHT

SHARE = 0.8
"""Of what training reached."""
COCO_LIGHT = 9


def mixed(checkpoint: Path, target: Path, *, start: Path, share: float = SHARE) -> None:
    """A checkpoint with ``share`` of ``checkpoint`` and the rest of ``start``. In the layers that
    name the classes only signals have a row in both; the others stay as they are learnt."""
    import torch
    from ultralytics import YOLO

    found = torch.load(checkpoint, map_location="cpu", weights_only=False)
    model = (found.get("ema") or found["model"]).float()
    began = YOLO(start).model.float().state_dict()
    weights = model.state_dict()
    for name, learnt in weights.items():
        if learnt.dtype.is_floating_point:
            before = _as_ours(began[name], learnt)
            weights[name] = share * learnt + (1 - share) * before
    model.load_state_dict(weights)
    torch.save({**found, "ema": None, "model": model.half()}, target)


def _as_ours(before: Any, learnt: Any) -> Any:
    if before.shape == learnt.shape:
        return before
    rows = learnt.clone()
    rows[LIGHT] = before[COCO_LIGHT]
    return rows
