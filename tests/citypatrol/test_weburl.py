"""Addresses of web services: what is taken, and what is said of the rest."""

import pytest

from citypatrol.weburl import base_url, http_url


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("http://127.0.0.1:8086", id="an address and a port"),
        pytest.param("https://oms.example/hooks?unit=7", id="a path and a query"),
        pytest.param("http://[fd00::1]:8086/", id="IPv6"),
    ],
)
def test_a_url_is_kept_as_it_stands(text: str) -> None:
    assert http_url(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("influx.example", "is no http:// or https:// URL", id="no scheme"),
        pytest.param("ftp://influx.example", "is no http:// or https:// URL", id="another scheme"),
        pytest.param("http://", "is no http:// or https:// URL", id="no host"),
        pytest.param("http://a:0", "is no http:// or https:// URL", id="port 0"),
        pytest.param("http://a:port", "is no URL: Port could not be cast", id="a port in words"),
        pytest.param("http://a/#b", "has a fragment or white space", id="a fragment"),
        pytest.param("http://a b", "has a fragment or white space", id="a blank"),
    ],
)
def test_what_is_no_url_is_named_with_the_way_out(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as said:
        http_url(text)
    assert f"'{text}'" in str(said.value)
    assert "write https://host/path" in str(said.value)


def test_a_password_is_masked_where_it_is_refused() -> None:
    with pytest.raises(ValueError, match="has a user in it") as said:
        http_url("https://me:canary@influx.example")
    assert "canary" not in str(said.value)
    assert "https://***@influx.example" in str(said.value)


def test_a_base_ends_without_a_slash() -> None:
    assert base_url("http://127.0.0.1:8086/influx/") == "http://127.0.0.1:8086/influx"


def test_a_base_has_no_query() -> None:
    with pytest.raises(ValueError, match="has a query in it"):
        base_url("http://127.0.0.1:8086?db=city")
