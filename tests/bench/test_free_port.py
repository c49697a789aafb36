import subprocess
import sys

from bench.servers.free_port import free_port


def test_nobody_is_given_a_port_twice() -> None:
    """Neither here nor in another process that is still there."""
    script = "from bench.servers.free_port import free_port\n" + (
        "print(*[free_port() for _ in range(120)], flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = [int(port) for port in other.stdout.readline().split()]
        ours = [free_port() for _ in range(120)]
        other.communicate("\n")
    assert len({*ours, *theirs}) == 240
