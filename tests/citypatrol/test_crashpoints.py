import os
import signal
import subprocess
import sys

import pytest

from citypatrol.crashpoints import VARIABLE, CrashPoint, crash_point

PASSES = """
from citypatrol.crashpoints import CrashPoint, crash_point
for n in range(4):
    print(n, flush=True)
    crash_point(CrashPoint.DELIVERY_SENT)
    crash_point(CrashPoint.DELIVERY_BEFORE)
"""


def passing(order: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PASSES],
        env=os.environ | {VARIABLE: order},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("order", "printed", "status"),
    [
        ("", 4, 0),
        ("delivery.sent", 1, -signal.SIGKILL),
        ("delivery.sent:3", 3, -signal.SIGKILL),
        ("delivery.sent:5", 4, 0),
        ("influx.written", 4, 0),
    ],
)
def test_it_dies_where_it_is_told(order: str, printed: int, status: int) -> None:
    done = passing(order)
    assert done.stdout.split() == [str(n) for n in range(printed)]
    assert done.returncode == status, done.stderr


@pytest.mark.parametrize("order", ["delivery", "delivery.sent:soon"])
def test_a_wrong_name_is_told_with_the_right_ones(order: str) -> None:
    done = passing(order)
    assert done.returncode == 1
    assert f"{VARIABLE}={order}: write NAME or NAME:N, NAME one of " in done.stderr
    assert all(point in done.stderr for point in CrashPoint)


def test_a_point_is_passed_where_nobody_asks() -> None:
    for point in CrashPoint:
        crash_point(point)
