"""Giving memory back to the system."""

import ctypes

import pyarrow as pa


def give_back() -> None:
    """After something large has been let go: glibc and Arrow keep what was freed, and a city's
    snapshot leaves them with a hundred megabytes that nothing will ask for again. Takes some ten
    milliseconds; call it from a thread."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)
