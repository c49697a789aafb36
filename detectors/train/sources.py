"""The labelled pictures of ``CITYPATROL_DATA``, each with its source and its side of the split.

Nothing is split at random: a photographer's batch, a walk or a place lies on one side as a whole,
because frames of one place on both sides make every figure too good.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

STREET_CLASSES = ("litter", "garbage_bag", "dumped_waste", "traffic_light")
LIGHT = STREET_CLASSES.index("traffic_light")

TACO_VALIDATION = ("b07", "b09", "b12")
AMSTERDAM_VALIDATION_FROM = 129
MALTA_VALIDATION = ("malta_Organic", "malta_Whats")
KOREA_VALIDATION = "korea_IMG"
CAMVID_VALIDATION = "camvid_Seq05VD"
NORMALROAD_VALIDATION_FROM = 0.75
OWN_LABELS = Path(__file__).with_name("amsterdam.txt")
CAMVID_HEADS = Path(__file__).with_name("camvid_heads.txt")
CINTA_ASIDE = Path(__file__).with_name("cinta_aside.txt")


@dataclass(frozen=True, slots=True)
class Label:
    """A box in fractions of the picture: centre, width, height (the YOLO text form)."""

    kind: int
    x: float
    y: float
    width: float
    height: float

    def line(self) -> str:
        return f"{self.kind} {self.x:.6f} {self.y:.6f} {self.width:.6f} {self.height:.6f}"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, where it came from, and whether training may see it."""

    path: Path
    source: str
    validation: bool
    labels: tuple[Label, ...]


def data_folder() -> Path:
    """``CITYPATROL_DATA``, by default ``../shared/data``; raises FileNotFoundError without it."""
    folder = Path(os.environ.get("CITYPATROL_DATA", "../shared/data"))
    if not (folder / "litter").is_dir():
        message = (
            f"no training pictures in {folder}: set CITYPATROL_DATA to the folder with litter/"
        )
        raise FileNotFoundError(message)
    return folder


def read_labels(path: Path) -> tuple[Label, ...]:
    """The boxes of a YOLO text file; none where the file is empty or missing."""
    if not path.exists():
        return ()
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return tuple(Label(int(row[0]), *(float(cell) for cell in row[1:5])) for row in rows)


def _litter_side(name: str) -> bool:
    source = name.split("_")[0]
    if source == "taco":
        return name.split("_")[1] in TACO_VALIDATION
    if source == "ams":
        return int(name.split("_")[-1]) >= AMSTERDAM_VALIDATION_FROM
    if source == "malta":
        return name.startswith(MALTA_VALIDATION)
    return name.startswith(KOREA_VALIDATION)


def litter(data: Path) -> Iterator[Picture]:
    """``litter/``: litter, garbage_bag, dumped_waste; clean streets have no label."""
    for path in sorted((data / "litter" / "images").glob("*.jpg")):
        labels = read_labels(data / "litter" / "labels" / f"{path.stem}.txt")
        source = "ams_clean" if path.stem.startswith("ams_clean") else path.stem.split("_")[0]
        yield Picture(path, source, _litter_side(path.stem), labels)


def read_own_labels(text: str) -> dict[str, tuple[Label, ...]]:
    """``amsterdam.txt``: a picture's name, then class and left, top, right, bottom in thousandths.

    Raises ValueError for a line with another number of words, another class, or an empty box.
    """
    pictures = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, *words = line.split("#", 1)[0].split() or [""]
        if not name:
            continue
        labels = []
        for start in range(0, len(words), 5):
            kind, *edges = words[start : start + 5]
            try:
                x1, y1, x2, y2 = (int(edge) / 1000 for edge in edges)
                label = Label(
                    STREET_CLASSES.index(kind), (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
                )
            except ValueError:
                label = None
            if label is None or min(label.width, label.height) <= 0:
                message = f"line {number}: {' '.join([kind, *edges])!r} is no class with four edges"
                raise ValueError(message)
            labels.append(label)
        pictures[name] = tuple(labels)
    return pictures


def amsterdam(data: Path) -> Iterator[Picture]:
    """The given unlabelled Amsterdam pictures with the boxes in ``amsterdam.txt``."""
    folder = data / "litter_unlabelled_amsterdam" / "images"
    for name, labels in read_own_labels(OWN_LABELS.read_text()).items():
        validation = int(name.split("_")[-1]) >= AMSTERDAM_VALIDATION_FROM
        yield Picture(folder / f"{name}.jpg", "ams_own", validation, labels)


def backgrounds(data: Path) -> Iterator[Picture]:
    """``backgrounds/``: clean roads. CamVid shows signal heads: source ``camvid_heads`` where
    ``camvid_heads.txt`` has looked for them, ``camvid`` elsewhere."""
    heads = read_own_labels(CAMVID_HEADS.read_text())
    roads = sorted((data / "backgrounds" / "images").glob("normalroad*.jpg"))
    for number, path in enumerate(roads):
        yield Picture(path, "normalroad", number >= NORMALROAD_VALIDATION_FROM * len(roads), ())
    for path in sorted((data / "backgrounds" / "images").glob("camvid*.jpg")):
        source = "camvid_heads" if path.stem in heads else "camvid"
        validation = path.stem.startswith(CAMVID_VALIDATION)
        yield Picture(path, source, validation, heads.get(path.stem, ()))


def traffic_lights(data: Path) -> Iterator[Picture]:
    """``traffic_light/`` with its five states; ``cinta_aside.txt`` names the places set aside."""
    lines = CINTA_ASIDE.read_text().splitlines()
    aside = {number for line in lines if not line.startswith("#") for number in line.split()}
    for path in sorted((data / "traffic_light" / "images").glob("*.jpg")):
        labels = read_labels(data / "traffic_light" / "labels" / f"{path.stem}.txt")
        yield Picture(path, "cinta", path.stem.split("_")[-1] in aside, labels)


def as_heads(picture: Picture) -> Picture:
    """The same picture with every signal head as the one class ``traffic_light``."""
    return replace(picture, labels=tuple(replace(label, kind=LIGHT) for label in picture.labels))
