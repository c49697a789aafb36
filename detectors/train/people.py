"""``python -m detectors.train.people``: people and vehicles out of the COCO network as it came.

Nothing is trained: of the 80 rows of the class head six are kept, so each keeps its score to the
last digit, and nothing is computed that nobody asks for.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from detectors.train import sources
from detectors.train.street import WEIGHTS

SHIPPED = Path(__file__).parent.parent / "models" / "people.onnx"
KEPT = ("person", "bicycle", "car", "motorcycle", "bus", "truck")


def keep(weights: Path, target: Path, *, names: Sequence[str]) -> None:
    """A checkpoint that knows only ``names``; raises ValueError for one that ``weights`` lacks."""
    import torch
    from ultralytics import YOLO

    whole = YOLO(weights)
    numbers = {name: number for number, name in whole.names.items()}
    if missing := [name for name in names if name not in numbers]:
        message = f"{weights}: has no class {missing[0]!r}"
        raise ValueError(message)
    rows = [numbers[name] for name in names]
    head = whole.model.model[-1]
    for branch in head.cv3:
        last = branch[-1]
        last.weight = torch.nn.Parameter(last.weight[rows])
        last.bias = torch.nn.Parameter(last.bias[rows])
        last.out_channels = len(rows)
    head.nc, head.no = len(rows), len(rows) + 4 * head.reg_max
    whole.model.nc, whole.model.names = len(rows), dict(enumerate(names))
    whole.save(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    arguments = parser.parse_args()

    from detectors.train.export import export

    with TemporaryDirectory() as folder:
        kept = Path(folder) / "people.pt"
        keep(sources.data_folder() / WEIGHTS, kept, names=KEPT)
        export(kept, arguments.out, names=KEPT)


if __name__ == "__main__":
    main()
