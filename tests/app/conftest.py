from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.guard import Guard
from citypatrol.secret import Secret
from tests.app.a_desk import TheDesk, make_desk, serving


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[TheDesk]:
    """On loopback, no token."""
    async with serving(make_desk(tmp_path)) as running:
        yield running


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[TheDesk]:
    """With a token."""
    guard = Guard.of(listen_host="0.0.0.0", public_url="https://x.example", token=Secret("t0ken"))
    async with serving(make_desk(tmp_path), guard=guard) as running:
        yield running
