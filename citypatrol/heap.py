"""Memory that is freed and stays: glibc keeps an arena for each thread, Arrow a pool of its own.

A city's process has a dozen threads, of which each now and then holds a snapshot or a page of a
backlog for a moment. Without these settings each thread's arena keeps what its largest moment took.

Arrow's own pool is chosen when Arrow is imported, so the commands that run for long ask for the
system's before that (``ARROW_DEFAULT_MEMORY_POOL``): what is set here reaches only what Python asks
Arrow for, and reading and writing the history kept 36 MB in the other one.
"""

import contextlib
import ctypes
import sys
from importlib.abc import MetaPathFinder
from typing import Any, Final

import pyarrow as pa

_ARENA_MAX: Final = -8  # mallopt(3)
_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
_LARGE: Final = 512 * 1024


def settle() -> None:
    """For a process that lives long, before it reads anything large or starts threads: two arenas,
    and what is larger than 512 kB goes back to the system when it is freed (where the C library is
    another, nothing of that happens), and no pandas."""
    _keep_arrow_from_pandas()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 2)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)
    with contextlib.suppress(NotImplementedError):
        pa.set_memory_pool(pa.system_memory_pool())


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def _keep_arrow_from_pandas() -> None:
    """Where pandas is installed Arrow imports it at the first list that it is given, to ask whether
    that is a Series: 50 MB. It looks once; whoever imports pandas later gets it."""
    nowhere = _NoPandas()
    sys.meta_path.insert(0, nowhere)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(nowhere)


def give_back() -> None:
    """After something large has been let go: some ten milliseconds, so call it from a thread."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
