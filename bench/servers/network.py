"""A network of our own: servers behind a router that can lose every packet to and from one of them.

Linux network namespaces; the machine's own network is not touched. ``apart`` needs to be root in a
namespace of its own: ``enter()`` starts the whole program again in one.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

INSIDE: Final = "CITYPATROL_OWN_NETWORK"
_CLONE_NEWNET: Final = 0x40000000
_HERE, _HERE_ROUTER = "10.77.1.2", "10.77.1.1"
_THERE, _THERE_ROUTER = "10.77.2.2", "10.77.2.1"


def enter(module: str, words: Sequence[str]) -> None:
    """Returns in a network namespace of our own, loopback up; the first call starts the program
    again there. RuntimeError where this user may not."""
    if os.environ.get(INSIDE) == "1":
        _ip("link", "set", "lo", "up")
        return
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if shutil.which("ip") is None or subprocess.run([*unshare, "true"]).returncode:
        message = "needs iproute2, and to be root or allowed to make user namespaces"
        raise RuntimeError(message)
    os.environ[INSIDE] = "1"
    os.execvp(unshare[0], [*unshare, sys.executable, "-m", module, *words])


class Network:
    """``there`` runs work where the servers live; what it starts or binds stays there."""

    def __init__(self, router: ThreadPoolExecutor, servers: ThreadPoolExecutor) -> None:
        self._router = router
        self._servers = servers

    def there(self, work: Callable[[], T]) -> T:
        return self._servers.submit(work).result()

    def address(self, number: int) -> str:
        """A further address of the servers' side, from 3 on: one for each server."""
        address = f"10.77.2.{number}"
        self.there(lambda: _ip("addr", "add", f"{address}/24", "dev", "there"))
        return address

    def lose(self, address: str) -> None:
        """From now on every packet to and from this address is dropped, without a word."""
        for way in ("to", "from"):
            self._route("add", way, address)

    def pass_on(self, address: str) -> None:
        for way in ("to", "from"):
            self._route("del", way, address)

    def _route(self, verb: str, way: str, address: str) -> None:
        self._router.submit(
            lambda: _ip("rule", verb, "pref", "10", way, address, "blackhole")
        ).result()


@contextmanager
def apart() -> Iterator[Network]:
    """From here (namespace of ``enter``) over a router to the servers."""
    with ExitStack() as stack:
        router, router_id = stack.enter_context(_namespace("router"))
        servers, servers_id = stack.enter_context(_namespace("servers"))
        for name, address, peer, gateway, side in (
            ("here", _HERE, "to-here", _HERE_ROUTER, None),
            ("there", _THERE, "to-there", _THERE_ROUTER, servers_id),
        ):
            _ip("link", "add", name, "type", "veth", "peer", "name", peer, "netns", str(router_id))
            if side is not None:
                _ip("link", "set", name, "netns", str(side))
            router.submit(_up, peer, gateway).result()
            if side is None:
                _up(name, address, via=gateway)
            else:
                servers.submit(_up, name, address, via=gateway).result()
        router.submit(Path("/proc/sys/net/ipv4/ip_forward").write_text, "1").result()
        yield Network(router, servers)


def _up(device: str, address: str, *, via: str | None = None) -> None:
    _ip("addr", "add", f"{address}/24", "dev", device)
    _ip("link", "set", device, "up")
    if via is not None:
        _ip("route", "add", "default", "via", via)


@contextmanager
def _namespace(name: str) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """A thread that lives in a new namespace, and a process that keeps it."""
    keeper = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
    try:
        _until_apart(keeper.pid)
        thread = ThreadPoolExecutor(
            1, thread_name_prefix=name, initializer=_join, initargs=(keeper.pid,)
        )
        with thread:
            thread.submit(_ip, "link", "set", "lo", "up").result()
            yield thread, keeper.pid
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()  # it ends with us, however we end
        keeper.wait(10)


def _until_apart(pid: int) -> None:
    ours = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == ours:
        pass


def _join(pid: int) -> None:
    """This thread, and what it starts, moves (os.setns comes with Python 3.12)."""
    with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
