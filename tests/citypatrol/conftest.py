import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
import structlog

from tests.citypatrol.a_full_disk import files_end_at


@pytest.fixture
def logging_undone() -> Iterator[None]:
    """Leaves the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(name="files_end_at")
def _files_end_at() -> Callable[[int], AbstractContextManager[None]]:
    return files_end_at
