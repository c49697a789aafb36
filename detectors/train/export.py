"""From a training checkpoint to the ONNX file that is shipped."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from detectors.train.sources import STREET_CLASSES

SIDE = 640
OPSET = 17


def export(checkpoint: Path, target: Path) -> None:
    """float32, any batch and any size (multiples of 32), class names in the metadata."""
    import onnx  # type: ignore[import-not-found, unused-ignore]
    from ultralytics import YOLO

    with TemporaryDirectory() as folder:
        copy = Path(folder) / checkpoint.name
        shutil.copy(checkpoint, copy)
        made = YOLO(copy).export(
            format="onnx", imgsz=SIDE, dynamic=True, simplify=True, opset=OPSET, device="cpu"
        )
        graph = onnx.load(str(made))
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    # The training name has a space, so that the COCO head's row of that name is kept.
    entries["names"] = str(dict(enumerate(STREET_CLASSES)))
    onnx.helper.set_model_props(graph, entries)
    target.parent.mkdir(exist_ok=True)
    onnx.save(graph, str(target))
