"""The core of ``citypatrol detect``: a model on pictures and clips, one mapping a picture."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from detectors import letterbox, onnx, pictures
from detectors.evidence import draw
from detectors.heads import HeadReader
from detectors.traffic_light import LABEL, found_heads
from detectors.types import Box, Detector, Finding, Pixels
from detectors.yolo import Yolo

MIN_SCORE = 0.25
REGION_COLUMNS = ("path", "x1", "y1", "x2", "y2")

Line = dict[str, Any]
"""One line of ``--json`` as DOORS has it, or ``{"path", "error"}``."""


def detector_for(model: str, *, min_score: float = MIN_SCORE) -> Detector:
    """``street``, ``traffic_light``, ``people``, or the path of an ONNX file with a YOLO head.

    Raises ``ModelError`` where there is no such file.
    """
    if model == "traffic_light":
        return found_heads(min_score=min_score)
    path = onnx.MODELS / f"{model}.onnx" if model in onnx.shipped() else Path(model)
    onnx.shared(path)
    return Yolo(path, min_score=min_score)


def read_regions(path: Path) -> dict[str, list[Box]]:
    """Boxes in pixels by picture, from a CSV with the columns ``path,x1,y1,x2,y2``.

    Raises ``Unreadable`` with the line for anything else.
    """
    boxes: dict[str, list[Box]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in REGION_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                message = f"{path}:1: no column `{missing[0]}`; needs {','.join(REGION_COLUMNS)}"
                raise pictures.Unreadable(message)
            for row in reader:
                box = _box(row, place=f"{path}:{reader.line_num}")
                boxes.setdefault(row["path"], []).append(box)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise pictures.Unreadable(message) from error
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: is no CSV in UTF-8 ({error}); save it as that"
        raise pictures.Unreadable(message) from error
    return boxes


def _box(row: Mapping[str, str | None], *, place: str) -> Box:
    cells = [row[name] for name in REGION_COLUMNS[1:]]
    try:
        x1, y1, x2, y2 = (float(cell or "") for cell in cells)
    except ValueError as error:
        message = f"{place}: x1,y1,x2,y2 are {cells}, not four numbers (pixels)"
        raise pictures.Unreadable(message) from error
    if not (x1 < x2 < math.inf and y1 < y2 < math.inf and min(x1, y1) > -math.inf):
        message = f"{place}: x1,y1,x2,y2 are {cells}: needs x1 < x2 and y1 < y2, in pixels"
        raise pictures.Unreadable(message)
    return x1, y1, x2, y2


def detect(
    model: str,
    paths: Sequence[Path],
    *,
    min_score: float = MIN_SCORE,
    regions: Mapping[str, Sequence[Box]] | None = None,
    draw_into: Path | None = None,
) -> Iterator[Line]:
    """A line a picture, or a sampled frame of a clip, in the order of ``paths``; of a folder those
    that lie in it, by name.

    With ``regions`` (of ``traffic_light`` only) each picture's regions are read instead; their
    names are paths as given, or file names. A file that cannot be read gives ``{"path", "error"}``
    and the others go on. ``draw_into`` gets a JPEG with the findings for each line. Raises
    ``ModelError``, and ``ValueError`` for regions with another model.
    """
    if regions is not None and model != "traffic_light":
        message = f"--regions are read by the model traffic_light, not by {model}"
        raise ValueError(message)
    found = detector_for(model, min_score=min_score) if regions is None else None
    reader = HeadReader()
    stems: dict[str, Path] = {}
    for path in chain.from_iterable(map(pictures.files_of, paths)):
        try:
            for at, pixels in _frames(path):
                line: Line = {"path": str(path)}
                if at is not None:
                    line["t"] = round(at, 3)
                if found is not None:
                    findings = found(pixels)
                    height, width = pixels.shape[:2]
                    line |= {"width": width, "height": height}
                    line["findings"] = [as_json(finding) for finding in findings]
                else:
                    findings = _read_regions_of(pixels, _boxes_of(path, regions or {}), reader)
                    line["regions"] = [_region_json(finding) for finding in findings]
                if draw_into is not None:
                    name = _unique(path, stems) + ("" if at is None else f"_{at:08.2f}")
                    _draw(pixels, findings, camera=path.name, into=draw_into / f"{name}.jpg")
                yield line
        except pictures.Unreadable as error:
            yield {"path": str(path), "error": str(error)}


def _frames(path: Path) -> Iterator[tuple[float | None, Pixels]]:
    if pictures.is_clip(path):
        yield from pictures.read_clip(path)
    else:
        yield None, pictures.read_picture(path)


def _boxes_of(path: Path, regions: Mapping[str, Sequence[Box]]) -> Sequence[Box]:
    boxes = regions.get(str(path)) or regions.get(path.name)
    if not boxes:
        message = f"{path}: no region of the file of regions has this path"
        raise pictures.Unreadable(message)
    return boxes


def _read_regions_of(pixels: Pixels, boxes: Sequence[Box], reader: HeadReader) -> list[Finding]:
    readings = reader(letterbox.as_colour(pixels), boxes)
    return [
        Finding(LABEL, reading.score, box, reading.lit, reading.state)
        for box, reading in zip(boxes, readings, strict=True)
    ]


def as_json(finding: Finding) -> Line:
    """A finding as DOORS has it: ``lit`` and ``state`` on signal heads only."""
    line: Line = {
        "label": finding.label,
        "score": round(finding.score, 4),
        "box": [round(edge, 1) for edge in finding.box],
    }
    if finding.lit is not None:
        line["lit"] = round(finding.lit, 4)
    if finding.state is not None:
        line["state"] = finding.state
    return line


def _region_json(finding: Finding) -> Line:
    whole = as_json(finding)
    return {"box": whole["box"], "lit": whole["lit"], "state": whole["state"]}


def _unique(path: Path, stems: dict[str, Path]) -> str:
    """What drawings of ``path`` are called: a/1.jpg and b/1.jpg may be looked at together."""
    name, number = path.stem, 1
    while stems.setdefault(name, path) != path:
        number += 1
        name = f"{path.stem}_{number}"
    return name


def _draw(pixels: Pixels, findings: Sequence[Finding], *, camera: str, into: Path) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_bytes(draw(pixels, findings, camera=camera))
