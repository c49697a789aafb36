"""A TCP port of 127.0.0.1 that nobody listens on, and that no other caller is given meanwhile."""

import socket
from collections import deque

_HELD = 256
_held: deque[int] = deque()
"""Descriptors of the names that say a port is taken, oldest first."""


def free_port() -> int:
    """Tests and benches run beside each other: between the answer and the server that uses it, the
    port is kept by a name that only one process can have, and that ends with the process."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0citypatrol-port-{port}")
        except OSError:
            name.close()
            continue
        _held.append(name.detach())
        if len(_held) > _HELD:
            socket.close(_held.popleft())
        return port
