import base64

import pytest

from app.guard import Guard, host_of, is_loopback
from citypatrol.secret import Secret

LOCAL = Guard.of(listen_host="127.0.0.1", public_url="http://127.0.0.1:8080", token=None)
TOKEN = Guard.of(listen_host="0.0.0.0", public_url="https://x.example", token=Secret("tök en"))


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def _status(guard: Guard, method: str, path: str, **headers: str) -> int | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = guard.refuse(method=method, path=path, headers=named)
    return refusal.status if refusal else None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1:8080", None, id="own address"),
        pytest.param("localhost:8080", None, id="localhost"),
        pytest.param("LOCALHOST", None, id="capitals"),
        pytest.param("[::1]:8080", None, id="v6"),
        pytest.param("evil.example:8080", 421, id="rebound name"),
        pytest.param("127.0.0.1.evil.example", 421, id="own address as a prefix"),
        pytest.param("", 421, id="no host"),
        pytest.param("[::1", 421, id="nonsense"),
        pytest.param("a@127.0.0.1:80@evil.example", 421, id="user part"),
    ],
)
def test_without_a_token_only_own_names_are_answered(host, status):
    assert _status(LOCAL, "GET", "/", host=host) == status
    assert _status(LOCAL, "GET", "/healthz", host=host) == status


def test_the_public_name_is_an_own_name():
    guard = Guard.of(listen_host="127.0.0.1", public_url="http://Desk.test:80/x", token=None)
    assert _status(guard, "GET", "/", host="desk.test") is None
    assert _status(guard, "GET", "/", host="desk.test.evil") == 421


@pytest.mark.parametrize(
    ("path", "authorization", "status"),
    [
        pytest.param("/", None, 401, id="page without"),
        pytest.param("/metrics", None, 401, id="metrics without"),
        pytest.param("/api/v1/tickets", "Bearer tök en", None, id="bearer"),
        pytest.param("/api/v1/tickets", "bearer tök en", None, id="scheme in lower case"),
        pytest.param("/api/v1/tickets", "Bearer tok", 401, id="wrong bearer"),
        pytest.param("/api/v1/tickets", "Token tök en", 401, id="another scheme"),
        pytest.param("/api/v1/tickets", _basic("anyone:tök en"), None, id="basic"),
        pytest.param("/api/v1/tickets", _basic("tök en:"), 401, id="token as user name"),
        pytest.param("/api/v1/tickets", "Basic !!!", 401, id="basic nonsense"),
        pytest.param("/api/v1/tickets", "Basic /w==", 401, id="basic not utf-8"),
        pytest.param("/healthz", None, None, id="health"),
        pytest.param("/readyz", None, None, id="ready"),
        pytest.param("/static/desk.css", None, None, id="style"),
        pytest.param("/evidence/ab.jpg", None, None, id="evidence checks its own signature"),
        pytest.param("/api/v1/callbacks/u", None, None, id="callback checks its own signature"),
        pytest.param("/api/v1/callbacks", None, 401, id="not a callback"),
        pytest.param("/healthz/../api", None, 401, id="not health"),
    ],
)
def test_with_a_token(path, authorization, status):
    headers = {} if authorization is None else {"authorization": authorization}
    assert _status(TOKEN, "GET", path, host="any.name", **headers) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, None, id="a program"),
        pytest.param({"origin": "http://127.0.0.1:8080"}, None, id="own page"),
        pytest.param({"origin": "http://127.0.0.1:9"}, 403, id="another port"),
        pytest.param({"origin": "http://evil.example"}, 403, id="another site"),
        pytest.param({"origin": "null"}, 403, id="sandboxed page"),
        pytest.param({"sec_fetch_site": "cross-site"}, 403, id="browser says cross-site"),
        pytest.param({"sec_fetch_site": "same-site"}, 403, id="another port, browser says"),
        pytest.param({"sec_fetch_site": "same-origin"}, None, id="browser says own"),
        pytest.param(
            {"sec_fetch_site": "same-origin", "origin": "https://desk.example"},
            None,
            id="own page behind a proxy that changes the name",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_page_of_another_site_cannot_change_anything(method, headers, status):
    path = "/api/v1/tickets/ZZ-1/close"
    assert _status(LOCAL, method, path, host="127.0.0.1:8080", **headers) == status
    assert _status(LOCAL, "GET", path, host="127.0.0.1:8080", **headers) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.3.4.5", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback(host, loopback):
    assert is_loopback(host) is loopback


def test_host_of_takes_the_name_only():
    assert host_of("Desk.Example:8080") == "desk.example"
