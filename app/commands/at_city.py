"""``--city city.yaml``: commands that need to know where a city keeps its things."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.config import CityFile
    from app.desk_client import HttpDesk


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


def running_city(path: Path, *, what: str) -> "HttpDesk":
    """The API of the city at work. OutsideError where none answers; ``what``: why it is needed."""
    from app.desk_client import HttpDesk
    from app.outcome import OutsideError

    desk = HttpDesk.of(read_city_file(path).http)
    if not desk.answers():
        message = (
            f"no city answers at {desk.base}; {what}. Is it running (`citypatrol run {path}`)?"
        )
        raise OutsideError(message)
    return desk
