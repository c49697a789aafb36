"""The `street` part of `bench.vision`: the shipped model on pictures that training never saw."""

from dataclasses import replace
from pathlib import Path

from bench import vision_score as score
from bench.intervals import Figure
from bench.vision_score import LITTER, Looked
from detectors import onnx
from detectors.config import STREET_MIN_SCORE
from detectors.pictures import read_clip, read_picture
from detectors.tiles import Tiled
from detectors.train import dataset
from detectors.train.sources import Picture
from detectors.types import Detector
from detectors.yolo import Yolo

LOWEST = 0.02
HEAD_SCORE = 0.25
STOCK = Path(".train/street/baseline.onnx")
"""yolo11n as it came, which `python -m detectors.train.street measure` exports."""

BACKGROUND = ("ams_clean", "ams_own", "camvid", "camvid_heads", "normalroad")
WITH_HEADS = ("cinta", "camvid_heads")
HEADS = ("traffic_light",)
THRESHOLDS = (0.25, 0.35, 0.45, 0.55)
CLEAN_CLIPS = (
    "suburban_street_fixed_camera.mp4",
    "shop_pavement_cctv.mp4",
    "motorway_overpass.mp4",
)
CLIP_EVERY_S = 2.0


def look(detector: Detector, picture: Picture, *, heads_called: str) -> Looked:
    pixels = read_picture(picture.path)
    height, width = pixels.shape[:2]
    findings = tuple(
        replace(one, label=HEADS[0]) if one.label == heads_called else one
        for one in detector(pixels)
    )
    return Looked(picture, height, width, findings)


def figures(
    data: Path, *, model: Path | None, tiles: int | None, quick: bool, draws: int
) -> dict[str, Figure]:
    """Figures by name. ``model``: another file than the shipped one; ``tiles``: as in `street`."""
    yolo = Yolo(model or onnx.MODELS / "street.onnx", min_score=LOWEST)
    detector = yolo if tiles is None else Tiled(yolo, tile=tiles)
    aside = [picture for picture in dataset.labelled(data) if picture.validation]
    chosen = aside[:: 4 if quick else 1]
    looked = [look(detector, one, heads_called=HEADS[0]) for one in chosen]
    made = _litter(looked, draws=draws) | _clips(data, detector, draws=draws)
    made |= _heads(looked, draws=draws)
    if STOCK.is_file():
        stock = Yolo(STOCK, min_score=LOWEST, labels=("traffic light",))
        mine = [one for one in chosen if one.source in WITH_HEADS]
        seen = [look(stock, one, heads_called="traffic light") for one in mine]
        made |= _heads_found(seen, "stock yolo11n: heads found")
    return made


def _litter(looked: list[Looked], *, draws: int) -> dict[str, Figure]:
    street = [one for one in looked if one.picture.source != "cinta"]
    made = {
        "litter classes as one, AP at IoU .3": score.average_precision(
            street, classes=LITTER, iou=0.3, draws=draws
        )
    }
    for name in LITTER:
        for iou in (0.3, 0.5):
            made[f"{name}, AP at IoU {iou}"] = score.average_precision(
                street, classes=(name,), iou=iou, draws=draws
            )
        made[f"{name}, found at {STREET_MIN_SCORE} (IoU .5)"] = score.found(
            street, classes=(name,), min_score=STREET_MIN_SCORE, iou=0.5
        )
    for source in sorted({one.picture.source for one in street if one.picture.labels}):
        mine = [one for one in street if one.picture.source == source]
        made[f"{source}: litter classes as one, AP at IoU .3"] = score.average_precision(
            mine, classes=LITTER, iou=0.3, draws=draws
        )
        for name in LITTER:
            for iou in (0.3, 0.5):
                figure = score.average_precision(mine, classes=(name,), iou=iou, draws=draws)
                if figure.of:
                    made[f"{source}: {name}, AP at IoU {iou}"] = figure
    empty = [one for one in street if one.picture.source in BACKGROUND]
    empty = [one for one in empty if not len(one.truth(LITTER))]
    for min_score in sorted({*THRESHOLDS, STREET_MIN_SCORE}):
        at = f"at {min_score}" + (", shipped" if min_score == STREET_MIN_SCORE else "")
        made[f"false boxes a background picture {at}"] = score.false_boxes(
            empty, classes=LITTER, min_score=min_score, draws=draws
        )
        made[f"background pictures with a false box {at}"] = score.disturbed(
            empty, classes=LITTER, min_score=min_score
        )
        made[f"litter classes found {at} (IoU .5)"] = score.found(
            street, classes=LITTER, min_score=min_score, iou=0.5
        )
    return made


def _clips(data: Path, detector: Detector, *, draws: int) -> dict[str, Figure]:
    """Clean clips of fixed cameras. Frames of one clip are much alike: no interval tells more
    than the clip's own."""
    made = {}
    for name in CLEAN_CLIPS:
        picture = Picture(data / "clips" / name, "clip", validation=True, labels=())
        frames = [
            Looked(picture, pixels.shape[0], pixels.shape[1], found)
            for _, pixels in read_clip(picture.path, every_s=CLIP_EVERY_S)
            for found in [tuple(detector(pixels))]
        ]
        made[f"{name}: false boxes a frame at {STREET_MIN_SCORE}"] = score.false_boxes(
            frames, classes=LITTER, min_score=STREET_MIN_SCORE, draws=draws
        )
    return made


def _heads(looked: list[Looked], *, draws: int) -> dict[str, Figure]:
    mine = [one for one in looked if one.picture.source in WITH_HEADS]
    made = {
        f"{HEADS[0]}, AP at IoU {iou}": score.average_precision(
            mine, classes=HEADS, iou=iou, draws=draws
        )
        for iou in (0.3, 0.5)
    }
    made |= _heads_found(mine, "heads found")
    made[f"heads found at {STREET_MIN_SCORE} (IoU .5)"] = score.found(
        mine, classes=HEADS, min_score=STREET_MIN_SCORE, iou=0.5
    )
    return made


def _heads_found(looked: list[Looked], name: str) -> dict[str, Figure]:
    """All together, then by source: what is learnt in one country is lost in another."""
    sources: dict[str, tuple[str, ...]] = {f"{name} (0.25, IoU .5)": WITH_HEADS}
    sources |= {f"{source}: {name} (0.25, IoU .5)": (source,) for source in WITH_HEADS}
    return {
        title: score.found(
            [one for one in looked if one.picture.source in those],
            classes=HEADS,
            min_score=HEAD_SCORE,
            iou=0.5,
        )
        for title, those in sources.items()
    }
