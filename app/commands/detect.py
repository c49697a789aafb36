"""``citypatrol detect``: a detector on pictures or clips, a line each (DOORS)."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.outcome import FINE, FOUND_WRONG, OutsideError, UsageError
from app.terminal import complain, printable, say, say_json


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        message = f"{text} is no share of 1; write one like 0.35"
        raise argparse.ArgumentTypeError(message)
    return value


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help="street, traffic_light, people, or an ONNX file"
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="pictures, clips, folders of them"
    )
    parser.add_argument(
        "--regions",
        metavar="CSV",
        type=Path,
        help="read these boxes instead (traffic_light): path,x1,y1,x2,y2 in pixels",
    )
    parser.add_argument("--min-score", metavar="S", type=_share, help="0 to 1, default 0.25")
    parser.add_argument("--draw", metavar="DIR", type=Path, help="write pictures with the boxes")


def execute(args: argparse.Namespace) -> int:
    from detectors.detect import MIN_SCORE, detect, read_regions
    from detectors.onnx import ModelError
    from detectors.pictures import Unreadable

    status = FINE
    try:
        lines = detect(
            args.model,
            args.paths,
            min_score=MIN_SCORE if args.min_score is None else args.min_score,
            regions=None if args.regions is None else read_regions(args.regions),
            draw_into=args.draw,
        )
        for line in lines:
            if "error" in line:
                status = FOUND_WRONG
                complain(line["error"])
            if args.json:
                say_json(line)
            elif "error" not in line:
                say(in_words(line))
    except (ModelError, ValueError, Unreadable) as error:
        raise UsageError(str(error)) from error
    except BrokenPipeError:
        raise  # the reader of our output has gone, which is no matter of --draw
    except OSError as error:
        message = f"--draw: cannot write {error.filename}: {error.strerror}"
        raise OutsideError(message) from error
    return status


def in_words(line: Mapping[str, Any]) -> str:
    """One picture a paragraph: what was seen, how sure, where (pixels)."""
    at = f" at {line['t']:g} s" if "t" in line else ""
    head = f"{printable(line['path'])}{at}:"
    if "regions" in line:
        seen = [
            f"  {one['state']}, lit {one['lit']:.2f}, box {_box(one['box'])}"
            for one in line["regions"]
        ]
    else:
        seen = [
            f"  {one['label']} {one['score']:.2f}, box {_box(one['box'])}"
            + (f", lit {one['lit']:.2f}" if "lit" in one else "")
            for one in line["findings"]
        ]
    return "\n".join([head, *(seen or ["  nothing"])])


def _box(edges: list[float]) -> str:
    return " ".join(f"{edge:g}" for edge in edges)
