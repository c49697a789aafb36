"""Where webhooks may go."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from sinks.allow import Allowed, Refused, system_lookup


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.0.9", id="all of loopback"),
        pytest.param("10.1.2.3", id="ten"),
        pytest.param("172.16.0.1", id="172.16"),
        pytest.param("192.168.1.1", id="192.168"),
        pytest.param("169.254.169.254", id="cloud metadata"),
        pytest.param("100.64.0.1", id="carrier's NAT"),
        pytest.param("0.0.0.0", id="unspecified"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("192.0.2.1", id="documentation"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("::1", id="loopback 6"),
        pytest.param("::", id="unspecified 6"),
        pytest.param("fe80::1", id="link-local 6"),
        pytest.param("fe80::1%eth0", id="link-local with a zone"),
        pytest.param("fd00::1", id="unique local"),
        pytest.param("ff02::1", id="multicast 6"),
        pytest.param("2001:db8::1", id="documentation 6"),
        pytest.param("::ffff:10.0.0.1", id="mapped"),
        pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
        pytest.param("::127.0.0.1", id="compatible"),
        pytest.param("2002:a00:1::", id="6to4 of ten"),
        pytest.param("64:ff9b::a00:1", id="NAT64 of ten"),
        pytest.param("2001:0:a00:1::", id="Teredo"),
    ],
)
def test_refused(address):
    assert ip_address(address) not in Allowed([])


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "8.8.8.8",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::",
    ],
)
def test_public(address):
    assert ip_address(address) in Allowed([])


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.20.3.4", True),
        ("::ffff:10.20.3.4", True),
        ("64:ff9b::a14:304", True),
        ("10.21.0.1", False),
        ("127.0.0.1", False),
        ("fd00:1::9", True),
        ("fd00:2::9", False),
        ("8.8.8.8", True),
    ],
)
def test_networks_of_the_city(address, allowed):
    networks = [ip_network("10.20.0.0/16"), ip_network("fd00:1::/32")]
    assert (ip_address(address) in Allowed(networks)) is allowed


def test_a_name_that_leads_inside_and_outside_is_refused():
    with pytest.raises(Refused, match=r"oms\.example is 10\.0\.0\.1, .*webhooks\.allow"):
        Allowed([]).check("oms.example", ["8.8.8.8", "10.0.0.1"])
    Allowed([]).check("oms.example", ["8.8.8.8", "2606:4700::1111"])


@pytest.mark.parametrize(
    ("family", "target"),
    [(socket.AF_INET, ("127.0.0.1", 80)), (socket.AF_INET6, ("::1", 80, 0, 0))],
)
def test_no_socket_to_a_refused_address(family, target):
    with pytest.raises(Refused):
        Allowed([]).socket((family, socket.SOCK_STREAM, 0, "", target))


def test_a_socket_to_an_allowed_address():
    allowed = Allowed([ip_network("127.0.0.0/8")])
    with allowed.socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))) as made:
        assert made.family == socket.AF_INET


async def test_system_lookup_asks_the_system():
    assert "127.0.0.1" in await system_lookup("127.0.0.1", 80, socket.AF_INET)


@pytest.mark.parametrize("host", ["no such host", "a..b", "x" * 80 + ".example"])
async def test_system_lookup_of_no_name_is_an_oserror(host):
    with pytest.raises(OSError, match=r"."):
        await system_lookup(host, 80, socket.AF_UNSPEC)
