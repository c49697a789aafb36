"""Which pictures show one place: those whose features lie close together.

``python -m detectors.train.places`` writes ``cinta_aside.txt``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.75
VALIDATION_SHARE = 0.15


def cluster(features: NDArray[np.float32], *, alike: float = ALIKE) -> NDArray[np.int64]:
    """A place number a row: rows linked by a chain of cosine similarities of at least ``alike``."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    linked = unit @ unit.T >= alike
    places = np.full(len(features), -1, np.int64)
    for start in range(len(features)):
        if places[start] >= 0:
            continue
        places[start] = start
        waiting = [start]
        while waiting:
            row = waiting.pop()
            found = np.flatnonzero(linked[row] & (places < 0))
            places[found] = start
            waiting.extend(found.tolist())
    return places


def validation_rows(
    places: NDArray[np.int64], *, share: float = VALIDATION_SHARE, seed: int = 0
) -> NDArray[np.bool_]:
    """Whole places for validation, drawn until they hold ``share`` of the rows.

    A place that alone holds more than half of that share stays in training.
    """
    names, sizes = np.unique(places, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    wanted = share * len(places)
    chosen: list[int] = []
    held = 0
    for index in order:
        if held + sizes[index] <= wanted and sizes[index] <= wanted / 2:
            chosen.append(int(names[index]))
            held += int(sizes[index])
    return np.isin(places, chosen)


def features(paths: Sequence[Path], *, weights: Path) -> NDArray[np.float32]:
    """One row a picture: pooled features of the COCO detector, centred over all pictures."""
    from ultralytics import YOLO

    model = YOLO(weights)
    rows = [
        vector.numpy()
        for start in range(0, len(paths), 16)
        for vector in model.embed(
            list(map(str, paths[start : start + 16])), imgsz=320, verbose=False
        )
    ]
    table = np.stack(rows).astype(np.float32)
    return np.asarray(table - table.mean(axis=0), np.float32)


def main() -> None:
    from detectors.train import sources

    data = sources.data_folder()
    paths = [picture.path for picture in sources.traffic_lights(data)]
    table = features(paths, weights=data / "weights" / "yolo11n_coco_from_int8.pt")
    aside = validation_rows(cluster(table))
    numbers = [path.stem.split("_")[-1] for path, out in zip(paths, aside, strict=True) if out]
    header = [line for line in sources.CINTA_ASIDE.read_text().splitlines() if line[:1] == "#"]
    rows = [" ".join(numbers[start : start + 19]) for start in range(0, len(numbers), 19)]
    sources.CINTA_ASIDE.write_text("\n".join([*header, *rows]) + "\n")


if __name__ == "__main__":
    main()
