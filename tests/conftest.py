"""What every test begins with: nobody else's log handlers."""

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _nobodys_logs() -> Iterator[None]:
    """A command that a test runs sets logging up on that test's captured stderr, which closes with
    it: whoever logs next would write to a closed file."""
    before = logging.root.handlers[:], logging.root.level
    yield
    for handler in logging.root.handlers[:]:
        if handler not in before[0]:
            logging.root.removeHandler(handler)
    logging.root.setLevel(before[1])
    structlog.reset_defaults()
