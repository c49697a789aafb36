"""``--city city.yaml``: commands that need to know where a city keeps its things."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.config import CityFile


def add_city_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--city",
        type=Path,
        default=Path("city.yaml"),
        metavar="FILE",
        help="the city, default: city.yaml in this folder",
    )


def read_city_file(path: Path) -> "CityFile":
    """The file alone, without those that it names. ConfigError with every problem of it."""
    from app.config import CityFile, with_defaults
    from citypatrol.errors import ConfigError
    from citypatrol.yamlfile import load_model

    file, problems, _ = load_model(path, CityFile)
    if file is None or problems:
        raise ConfigError(problems)
    return with_defaults(file)
