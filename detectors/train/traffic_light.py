"""``python -m detectors.train.traffic_light``: trains, exports and measures the head classifier.

Minutes on one core. Writes ``detectors/models/traffic_light.onnx`` and ``traffic_light.json``.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detectors import heads as product
from detectors import letterbox
from detectors.heads import OFF, STATES
from detectors.train import head_data, sources
from detectors.train.dark_heads import glow
from detectors.train.degrade import street_camera
from detectors.train.head_data import Head
from detectors.types import Box, Pixels

SHIPPED = Path(__file__).parent.parent / "models"
SEED = 20260513
SHARES = (0.14, 0.14, 0.14, 0.26, 0.16, 0.16)
"""Of each state in a batch."""
SHORTEST, LONGEST = 11, 70
"""Height in pixels at which training shows a head."""


def view(head: Head, rng: np.random.Generator) -> Pixels:
    """One training crop: loosely framed, far away, through a bad camera."""
    x1, y1, x2, y2 = head.box
    width, height = x2 - x1, y2 - y1
    pixels = head.pixels
    wanted = np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST)))
    share = min(1.0, wanted / max(height, width))
    if share < 1:
        how = cv2.INTER_AREA if rng.random() < 0.8 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, None, fx=share, fy=share, interpolation=how))
    pixels = street_camera(pixels, rng, night=0.15, worn=0.15)
    gain = rng.uniform(0.75, 1.25)
    pixels = np.clip(pixels.astype(np.float32) * gain + rng.uniform(-12, 12), 0, 255).astype(
        np.uint8
    )
    grow = rng.uniform(-0.05, 0.3)
    slide = rng.uniform(-0.08, 0.08, 2) * (width, height)
    box: Box = tuple(
        float(edge * share)
        for edge in (
            x1 - grow * width + slide[0],
            y1 - grow * height / 2 + slide[1],
            x2 + grow * width + slide[0],
            y2 + grow * height / 2 + slide[1],
        )
    )  # type: ignore[assignment]
    made = product.crop(pixels, box)
    return np.ascontiguousarray(made[:, ::-1]) if rng.random() < 0.5 else made


def network() -> Any:
    """Five small convolutions, about 130,000 weights."""
    from torch import nn

    def block(inside: int, outside: int) -> list[Any]:
        return [
            nn.Conv2d(inside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
        ]

    return nn.Sequential(
        *block(3, 24),
        nn.MaxPool2d(2),
        *block(24, 48),
        nn.MaxPool2d(2),
        *block(48, 64),
        *block(64, 64),
        nn.MaxPool2d(2),
        *block(64, 96),
        # Rows are kept apart: the height of the lamp says which one it is.
        nn.AdaptiveAvgPool2d((4, 1)),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(96 * 4, len(STATES)),
    )


def fit(heads: list[Head], *, steps: int, batch: int = 96) -> Any:
    """A trained network; the same seed gives the same weights on the same machine."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    by_state = [[head for head in heads if head.kind == kind] for kind in range(len(STATES))]
    model = network().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.02)
    for step in range(steps):
        kinds = rng.choice(len(STATES), size=batch, p=SHARES)
        crops = [view(by_state[kind][rng.integers(len(by_state[kind]))], rng) for kind in kinds]
        loss = loss_of(model(torch.from_numpy(product.as_input(crops))), torch.from_numpy(kinds))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            sys.stderr.write(f"step {step}/{steps} loss {loss.item():.3f}\n")
    return model.eval()


def export(model: Any, path: Path) -> None:
    """Weights with a softmax behind them, any number of crops at once; names in the metadata."""
    import onnx  # type: ignore[import-not-found, unused-ignore]
    import torch
    from torch import nn

    path.parent.mkdir(exist_ok=True)
    whole = nn.Sequential(model, nn.Softmax(dim=1))
    example = torch.zeros(2, 3, product.HEIGHT, product.WIDTH)
    axes = {"crops": {0: "batch"}, "weights": {0: "batch"}}
    torch.onnx.export(
        whole,
        (example,),
        str(path),
        input_names=["crops"],
        output_names=["weights"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(str(path))
    entry = graph.metadata_props.add()
    entry.key, entry.value = "names", str(dict(enumerate(STATES)))
    onnx.save(graph, str(path))


def at_height(head: Head, height: float) -> Head:
    """The head shrunk to so many pixels of height (never enlarged)."""
    share = min(1.0, height / (head.box[3] - head.box[1]))
    pixels = letterbox.shrink(head.pixels, share=share)
    box: Box = tuple(edge * share for edge in head.box)  # type: ignore[assignment]
    return replace(head, pixels=pixels, box=box)


def measure(heads: list[Head], path: Path) -> dict[str, Any]:
    """By source and true state: how many, what they were read as, wrong darks."""
    reader = product.HeadReader(path)
    figures: dict[str, Any] = {}
    groups = sorted({(head.source, head.kind) for head in heads})
    for source, kind in groups:
        mine = [head for head in heads if (head.source, head.kind) == (source, kind)]
        for name, pick in _SIZES.items():
            readings = [reader(pick(head).pixels, [pick(head).box])[0] for head in mine]
            said = Counter(reading.state for reading in readings)
            figures[f"{source} {STATES[kind]} {name}"] = {
                "count": len(mine),
                **dict(said.most_common()),
            }
    return figures


def brightest_lens(heads: list[Head]) -> dict[str, Any]:
    """The baseline, without a network: lit where one lens outshines the others by a quarter."""
    figures: dict[str, Any] = {}
    for head in heads:
        if head.kind > OFF:
            continue
        x1, y1, x2, y2 = (round(edge) for edge in head.box)
        shine = np.sort(glow(head.pixels[max(0, y1) : y2, max(0, x1) : x2]))
        said = "lit" if shine[-1] >= 1.25 * shine[-2] else "off"
        entry = figures.setdefault(f"{head.source} {STATES[head.kind]}", Counter())
        entry.update(("count", said))
    return {name: dict(entry) for name, entry in sorted(figures.items())}


_SIZES: dict[str, Callable[[Head], Head]] = {
    "as photographed": lambda head: head,
    "24 px high": lambda head: at_height(head, 24),
    "12 px high": lambda head: at_height(head, 12),
}


def collect(data: Path) -> list[Head]:
    """Every head with its side of the split: the same places are set aside as for ``street``."""
    lights = list(sources.traffic_lights(data))
    names = {light.path.stem for light in lights if light.validation}
    ground = [*sources.backgrounds(data), *sources.litter(data)]
    roads = [replace(picture, labels=()) for picture in ground if picture.source != "camvid"]
    return [
        *head_data.labelled(lights, seed=SEED),
        *head_data.given_dark(data, names),
        *head_data.udacity(data),
        *head_data.no_heads(lights, each=2, seed=SEED),
        *head_data.no_heads(roads, each=1, seed=SEED),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--out", type=Path, default=SHIPPED / "traffic_light.onnx")
    arguments = parser.parse_args()
    started = time.monotonic()
    heads = collect(sources.data_folder())
    training = [head for head in heads if not head.validation]
    counts = Counter(f"{head.source} {STATES[head.kind]}" for head in training)
    export(fit(training, steps=arguments.steps), arguments.out)
    figures = {
        "seed": SEED,
        "steps": arguments.steps,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "training": dict(sorted(counts.items())),
        "baseline": brightest_lens([head for head in heads if head.validation]),
        "validation": measure([head for head in heads if head.validation], arguments.out),
    }
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    sys.stderr.write(json.dumps(figures["validation"], indent=1) + "\n")


if __name__ == "__main__":
    main()
