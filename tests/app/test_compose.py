"""What a city says where its disk is not as it should be: before anything runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.city_reading import load_city
from app.compose import open_case
from app.outcome import OutsideError
from citypatrol.clock import ManualClock
from tests.app.a_city import write_city


def _nonsense(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x17" * 9_000)


def _file(path: Path) -> None:
    path.write_text("not a folder")


@pytest.mark.parametrize(
    ("name", "spoil", "says"),
    [
        pytest.param(
            "data/dead.db",
            _nonsense,
            "data/dead.db: dead-letter store is damaged (file is not a database)",
            id="dead letters",
        ),
        pytest.param(
            "data/tickets.db",
            _nonsense,
            "data/tickets.db: file is not a database; put back a copy of it",
            id="tickets",
        ),
        pytest.param("data", _file, "/data: File exists; let user", id="no folder"),
    ],
)
def test_a_spoilt_disk_is_said(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], says: str
) -> None:
    write_city(tmp_path)
    spoil(tmp_path / name)
    city, problems = load_city(tmp_path / "city.yaml", env={})
    assert city is not None
    assert problems == []
    with pytest.raises(OutsideError) as said:
        open_case(city, clock=ManualClock(0))
    assert says in str(said.value)
