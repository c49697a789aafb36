"""`python -m bench.vision`: how right the shipped models are, on places set aside from training.

Every figure has its count and its 95 % interval (Wilson's for rates, drawn pictures for areas).
Needs the picture folder that `CITYPATROL_DATA` names; runs the models through the product's code.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.intervals import Figure
from bench.report import arguments, report

DRAWS = 400
QUICK_DRAWS = 60


def flat(figures: Mapping[str, Figure]) -> dict[str, float | int | None]:
    """Each figure as four entries: its value, `low`, `high` and `of`."""
    entries: dict[str, float | int | None] = {}
    for name, figure in figures.items():
        entries[name] = None if figure.value is None else round(figure.value, 4)
        entries |= {f"{name} | low": round(figure.low, 4), f"{name} | high": round(figure.high, 4)}
        entries[f"{name} | of"] = figure.of
    return entries


def show(title: str, figures: Mapping[str, Figure]) -> None:
    print(f"-- {title}")
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:{width}}  {figure.text()}")


def main() -> int:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", type=Path, help="another street model than the shipped one")
    parser.add_argument("--tiles", type=int, help="look at tiles of so many pixels too")
    parser.add_argument("--only", choices=("street", "lights", "masks"), help="one part")
    options = parser.parse_args()

    from bench import vision_street
    from detectors.train import sources

    try:
        data = sources.data_folder()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    draws = QUICK_DRAWS if options.quick else DRAWS
    everything: dict[str, float | int | None] = {}
    if options.only in (None, "street"):
        street = vision_street.figures(
            data, model=options.model, tiles=options.tiles, quick=options.quick, draws=draws
        )
        if not vision_street.STOCK.is_file():
            hint = "`python -m detectors.train.street measure` exports it"
            print(f"stock yolo11n left out: no {vision_street.STOCK}; {hint}", file=sys.stderr)
        if not options.json:
            show("street", street)
        everything |= flat({f"street: {name}": figure for name, figure in street.items()})
    if options.only in (None, "lights"):
        from bench import vision_lights

        lights = vision_lights.figures(data, quick=options.quick)
        if not options.json:
            show("lights", lights)
        everything |= flat({f"lights: {name}": figure for name, figure in lights.items()})
    if options.only in (None, "masks"):
        from bench import vision_masks

        masks = vision_masks.figures(data, quick=options.quick)
        if not options.json:
            show("masks", masks)
        everything |= flat({f"masks: {name}": figure for name, figure in masks.items()})
    if everything:
        report(
            "vision",
            everything,
            conditions={
                "quick": options.quick,
                "model": str(options.model or "shipped"),
                "tiles": options.tiles,
            },
            as_json=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
