"""``type: yolo``: any ultralytics detection model, its classes by our names, counted in zones."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from citypatrol.yamlfile import Model, wrong
from detectors.config_parts import LARGEST_NAME, Zones
from detectors.types import Watch

MIN_SCORE: Final = 0.35
MOST_CLASSES: Final = 12
"""Of a model whose classes need no choice: each is samples of every zone at every look."""


def _label(text: str) -> str:
    if not 0 < len(text) <= LARGEST_NAME or not text.isprintable() or set(text) & set("./ "):
        message = (
            f"'{text}' cannot begin a metric; write 1 to {LARGEST_NAME} printable characters "
            "without blanks, '.' and '/', like parked_car"
        )
        raise wrong(message)
    return text


Label = Annotated[str, AfterValidator(_label)]


class YoloConfig(Model):
    """``LABEL.count``, ``LABEL.dwell`` and ``LABEL.score`` of what a model of the user's own finds.

    ``model`` is relative to the file of the cameras. ``classes``: those of the model that count,
    each with the label of its samples; several may share one.
    """

    type: Literal["yolo"]
    model: Annotated[str, Field(min_length=1, max_length=1000)]
    classes: Mapping[str, Label] | None = None
    zones: Zones = ()
    min_score: Annotated[float, Field(gt=0, lt=1)] = MIN_SCORE
    tiles: Annotated[int, Field(ge=320, le=4096)] | None = None

    def within(self, folder: Path) -> "YoloConfig":
        """The same with the path that ``model`` has from ``folder``."""
        return self.model_copy(update={"model": str(folder / self.model)})

    def settled(self) -> "YoloConfig":
        """The same with every class that counts, where none was chosen. Reads the file; raises
        ``ModelError``."""
        from detectors.any_model import AnyModel

        if self.classes is not None:
            return self
        names = AnyModel(Path(self.model)).names()
        return self.model_copy(update={"classes": self.labels(names)})

    def labels(self, names: tuple[str, ...]) -> dict[str, str]:
        """Label by class, for a model with these names."""
        if self.classes is not None:
            return dict(self.classes)
        return {name: "_".join(name.replace(".", " ").replace("/", " ").split()) for name in names}

    def build(self, *, camera: str) -> Watch:
        """The watch of a settled entry; its model is loaded at the first frame and shared by the
        process."""
        from detectors.any_model import AnyModel
        from detectors.counts import ZoneCounts
        from detectors.zones import Ground, Zone

        model, labels = AnyModel(Path(self.model)), dict(self.classes or {})
        return ZoneCounts(
            ground=Ground(camera, [Zone(zone.name, zone.polygon) for zone in self.zones]),
            detector=model.detector(min_score=self.min_score, classes=labels, tile=self.tiles),
            labels=labels,
        )

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What is wrong with the model's file, and with classes that it does not have: under which
        keys, and what. Reads the file."""
        from detectors.any_model import AnyModel
        from detectors.onnx import ModelError

        try:
            names = AnyModel(Path(self.model)).names()
        except ModelError as error:
            yield ("model",), str(error)
            return
        if self.classes is None and len(names) > MOST_CLASSES:
            message = (
                f"it has {len(names)} classes; choose those that count with classes: "
                f"{{{names[0]}: {self.labels(names)[names[0]]}}}"
            )
            yield ("model",), message
        for name in self.classes or ():
            if name not in names:
                near = get_close_matches(name, names, n=1, cutoff=0.6)
                known = f"did you mean '{near[0]}'?" if near else f"it has {_listed(names)}"
                yield ("classes", name), f"the model has no class '{name}'; {known}"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:MOST_CLASSES])
    return shown if len(names) <= MOST_CLASSES else f"{shown} and {len(names) - MOST_CLASSES} more"
