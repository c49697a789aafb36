import os
import re
import stat
from pathlib import Path

import pytest

from app.config import CityFile
from app.places import EvidenceLinks, Places
from citypatrol.signing import SignatureError, verify_evidence

NOW = 1_778_630_531_480
BASE = {
    "city": {"name": "Z", "timezone": "Asia/Shanghai"},
    "journal": {"type": "sqlite"},
    "inputs": [],
}


def _places(folder: Path, **more) -> Places:
    return Places(CityFile.model_validate(BASE | more), folder)


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("sqlite:///data/tickets.db", "sqlite:///FOLDER/data/tickets.db"),
        ("sqlite:////var/tickets.db", "sqlite:////var/tickets.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql+psycopg://u:p%40ss@h/d", "postgresql+psycopg://u:p%40ss@h/d"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_relative_database_lies_beside_city_yaml(tmp_path, url, absolute):
    found = _places(tmp_path, tickets={"url": url}).tickets_url
    assert found == absolute.replace("FOLDER", str(tmp_path))


def test_a_relative_city_is_made_absolute_once(tmp_path, monkeypatch):
    """The process may change its folder; the database must not move with it."""
    monkeypatch.chdir(tmp_path)
    assert _places(Path()).tickets_url == f"sqlite:///{tmp_path}/data/tickets.db"


def test_what_does_not_go_on_lies_beside_the_journal(tmp_path):
    journal = {"type": "sqlite", "path": "store/j.db"}
    assert _places(tmp_path, journal=journal).dead == tmp_path / "store" / "dead.db"


def test_the_signing_key_is_made_once_and_is_ours_alone(tmp_path):
    places = _places(tmp_path)
    key = places.evidence_key()
    assert len(key) == 32
    assert places.evidence_key() == key
    path = tmp_path / "data" / "evidence" / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.truncate(path, 3)  # a start that was cut short
    again = places.evidence_key()
    assert len(again) == 32
    assert again != key


def test_links_are_good_for_a_month_and_not_longer(tmp_path):
    links = EvidenceLinks(b"k" * 32, "https://desk.example")
    sha = "ab" * 32
    found = re.fullmatch(
        rf"https://desk\.example/evidence/{sha}\.jpg\?expires=(\d+)&signature=([0-9a-f]{{64}})",
        links(sha, NOW),
    )
    assert found is not None
    expires = int(found[1])
    assert expires == NOW // 1000 + 30 * 86_400
    verify_evidence(
        b"k" * 32, sha, expires=expires, signature=found[2], now_s=NOW // 1000 + 29 * 86_400
    )
    with pytest.raises(SignatureError):
        verify_evidence(b"k" * 32, sha, expires=expires, signature=found[2], now_s=expires + 1)


@pytest.mark.parametrize(
    ("http", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"listen": "127.0.0.1:9000"}, "http://127.0.0.1:9000"),
        ({"public_url": "https://desk.example/"}, "https://desk.example"),
        ({"listen": "[::1]:9000"}, "http://[::1]:9000"),
    ],
)
def test_callbacks_come_to_the_public_address(tmp_path, http, url):
    assert _places(tmp_path, http=http).callback_url("roads") == f"{url}/api/v1/callbacks/roads"
