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

import numpy as np

from detectors import heads as product
from detectors.heads import OFF, STATES
from detectors.pictures import read_picture
from detectors.train import drawn_heads, head_data, sources
from detectors.train.dark_heads import glow
from detectors.train.head_data import Head
from detectors.train.head_views import at_height, view
from detectors.types import Pixels

SHIPPED = Path(__file__).parent.parent / "models"
SEED = 20260513
SHARES = (0.14, 0.14, 0.14, 0.26, 0.16, 0.16)
"""Of each state in a batch."""
RARER = 0.7
"""Training shows far more dark heads than a street does: so much less than they say is believed.
Chosen so that few lit heads are called off and few dark ones are lost."""
DRAWN = 0.2
"""Of the crops of each state in a batch, those of drawn heads."""


def network() -> Any:
    """Five small convolutions, about 240,000 weights."""
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
        *block(24, 64),
        nn.MaxPool2d(2),
        *block(64, 80),
        *block(80, 96),
        nn.MaxPool2d(2),
        *block(96, 128),
        # Rows are kept apart: the height of the lamp says which one it is.
        nn.AdaptiveAvgPool2d((4, 1)),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(128 * 4, len(STATES)),
    )


def weighed(model: Any) -> Any:
    """Class weights of a crop: the mean of the crop's and of its mirror image's, ``off`` weighed
    down by ``RARER``."""
    import torch
    from torch import nn

    class Weighed(nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            rarer = [RARER if state == OFF else 1.0 for state in range(len(STATES))]
            self.register_buffer("rarer", torch.tensor(rarer))

        def forward(self, crops: Any) -> Any:
            seen = torch.softmax(self.model(crops), dim=1)
            both = seen + torch.softmax(self.model(torch.flip(crops, dims=[3])), dim=1)
            weights = both * self.rarer
            return weights / weights.sum(dim=1, keepdim=True)

    return Weighed().eval()


def fit(heads: list[Head], *, steps: int, batch: int = 96) -> Any:
    """A trained network; the same seed gives the same weights on the same machine."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    real = [_of(heads, kind, drawn=False) for kind in range(len(STATES))]
    drawn = [_of(heads, kind, drawn=True) for kind in range(len(STATES))]
    model = network().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.02)
    for step in range(steps):
        kinds = rng.choice(len(STATES), size=batch, p=SHARES)
        crops = [_one(real[kind], drawn[kind], rng) for kind in kinds]
        loss = loss_of(model(torch.from_numpy(product.as_input(crops))), torch.from_numpy(kinds))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            sys.stderr.write(f"step {step}/{steps} loss {loss.item():.3f}\n")
    return model.eval()


def _of(heads: list[Head], kind: int, *, drawn: bool) -> list[Head]:
    return [head for head in heads if head.kind == kind and (head.source == "drawn") is drawn]


def _one(real: list[Head], drawn: list[Head], rng: np.random.Generator) -> Pixels:
    heads = drawn if drawn and rng.random() < DRAWN else real
    return view(heads[int(rng.integers(len(heads)))], rng)


def export(model: Any, path: Path) -> None:
    """``weighed``, for any number of crops at once; names in the metadata."""
    import onnx  # type: ignore[import-not-found, unused-ignore]
    import torch

    path.parent.mkdir(exist_ok=True)
    whole = weighed(model)
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
    ground = list(sources.backgrounds(data))
    street = [*ground, *sources.litter(data)]
    roads = [
        picture if picture.source == "camvid_heads" else replace(picture, labels=())
        for picture in street
        if picture.source != "camvid"  # its signals are not labelled
    ]
    grounds = [read_picture(road.path) for road in roads[::4] if not road.validation]
    heads = [
        *head_data.labelled(lights, seed=SEED),
        *head_data.given_dark(data, names),
        *head_data.udacity(data),
        *head_data.camvid(ground),
        *head_data.no_heads(lights, each=2, seed=SEED),
        *head_data.no_heads(roads, each=1, seed=SEED),
        *drawn_heads.drawn(grounds, each=300, seed=SEED),
    ]
    return [head for head in heads if head.clear or head.validation]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1700)
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
