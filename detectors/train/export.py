"""From a training checkpoint to the ONNX file that is shipped."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

SIDE = 640
OPSET = 17


def export(checkpoint: Path, target: Path, *, names: Sequence[str] | None = None) -> None:
    """float32, any batch and any size (multiples of 32), class names in the metadata.

    ``names`` replace the checkpoint's own: one of ours had a space while training, so that the row
    of that name in the COCO head was kept.
    """
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
    entries.pop("description", None)  # names the folder of whoever trained it
    if names is not None:
        entries["names"] = str(dict(enumerate(names)))
    onnx.helper.set_model_props(graph, entries)
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, str(target))
