"""Memory that was let go leaves the process."""

from pathlib import Path

from citypatrol.heap import give_back


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def test_what_was_freed_is_given_back() -> None:
    small = [bytes(3_000) for _ in range(40_000)]  # below what malloc asks the system for each
    kept = small[-1]
    before = resident_mb()
    small = []
    give_back()
    assert resident_mb() < before - 60
    assert len(kept) == 3_000
