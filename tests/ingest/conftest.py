from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.servers.ingest import Device
from bench.servers.mosquitto import Mosquitto, mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(folder=tmp_path / "broker") as found:
        yield found


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[Device]:
    found = Device(broker.port)
    yield found
    found.close()
