"""Where webhooks may go: public addresses, and the networks that the city allows (SSRF).

The check is made on the addresses that a connection is really opened to: on the answers of DNS,
which are then the only ones used, and once more on every socket before it connects.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from sinks.config import Network

Address = IPv4Address | IPv6Address
Lookup = Callable[[str, int, socket.AddressFamily], Awaitable[Sequence[str]]]
"""The addresses of a host name, as text. Raises OSError."""

_NAT64 = IPv6Network("64:ff9b::/96")


class Refused(OSError):
    """An address that webhooks may not go to."""


class Allowed:
    """Public addresses and those of ``networks``; everything else is refused: private, loopback,
    link-local, multicast, unspecified, and IPv6 forms that lead to such an IPv4 address."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)

    def __contains__(self, address: Address) -> bool:
        address = _carried(address)
        if any(address in network for network in self._networks):
            return True
        return address.is_global and not (
            address.is_multicast or address.is_reserved or address.is_unspecified
        )

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raises Refused if any of them is not allowed: a name that leads inside and outside at
        once is no name to trust."""
        for address in addresses:
            if ip_address(address) not in self:
                message = (
                    f"{host} is {address}, which is no public address; "
                    "if that is right, add its network to webhooks.allow"
                )
                raise Refused(message)

    def socket(
        self, info: tuple[int | socket.AddressFamily, int, int, str, tuple[object, ...]]
    ) -> socket.socket:
        """A socket for a connection to this address of ``getaddrinfo``'s form. It is the last look
        before connecting, and the only one at a URL with an address in place of a name."""
        family, kind, protocol, _, target = info
        self.check("the host", [str(target[0])])
        return socket.socket(family, kind, protocol)


def _carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it does."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return address if inner is None else inner


async def system_lookup(host: str, port: int, family: socket.AddressFamily) -> Sequence[str]:
    """``getaddrinfo`` in a thread of its own: a name server that does not answer blocks neither
    other endpoints, nor the pool that the process shares, nor the process's end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(result: list[str] | OSError) -> None:
        if answer.done():  # given up meanwhile
            return
        if isinstance(result, OSError):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def look_up() -> None:
        result: list[str] | OSError
        try:
            found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
            result = list(dict.fromkeys(str(info[4][0]) for info in found))
        except OSError as error:
            result = error
        except UnicodeError as error:  # no name at all: an empty or overlong label
            result = OSError(f"{host} is no host name: {error}")
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=look_up, name=f"dns {host}", daemon=True).start()
    return await answer
