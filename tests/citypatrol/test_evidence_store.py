import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from citypatrol.evidence import EvidenceStore

JPEG = b"\xff\xd8 not quite \xff\xd9"
SHA = hashlib.sha256(JPEG).hexdigest()
FINDINGS = {"camera": "cam-1", "ts": 5, "findings": [{"label": "litter", "score": 0.5}]}


def test_a_picture_and_its_findings_come_back(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    assert store.put(JPEG, FINDINGS) == SHA
    path = store.path(SHA)
    assert path == tmp_path / "evidence" / SHA[:2] / f"{SHA}.jpg"
    assert path.read_bytes() == JPEG
    assert path.stat().st_mode & 0o777 == 0o644
    assert store.findings(SHA) == FINDINGS
    assert sorted(file.suffix for file in path.parent.iterdir()) == [".jpg", ".json"]


def test_nothing_is_made_before_the_first_picture(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    assert store.path(SHA) is None
    assert store.findings(SHA) is None
    assert store.prune(10**15) == 0
    assert not (tmp_path / "evidence").exists()


@pytest.mark.parametrize(
    "sha", ["", "ab", "../../etc/passwd", SHA.upper(), SHA + "\n", f"{SHA}/.."]
)
def test_what_is_no_sha_is_no_path(tmp_path: Path, sha: str) -> None:
    store = EvidenceStore(tmp_path)
    store.put(JPEG, FINDINGS)
    assert store.path(sha) is None


def test_the_same_picture_twice_is_one_and_young_again(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    store.put(JPEG, {"n": np.float64(1.5)})
    path = store.path(SHA)
    assert path is not None
    os.utime(path, (1_000, 1_000))
    store.put(JPEG, {"n": 2})
    assert store.findings(SHA) == {"n": 2}
    assert store.prune(2_000_000) == 0
    assert len(list(tmp_path.rglob("*.jpg"))) == 1


def test_prune_takes_old_pictures_and_leftovers_only(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    store.put(JPEG, FINDINGS)
    young = store.put(b"young", FINDINGS)
    leftover = tmp_path / SHA[:2] / ".aside-x"
    leftover.write_bytes(b"half")
    for file in (tmp_path / SHA[:2]).iterdir():
        os.utime(file, (1_000, 1_000))
    assert store.prune(1_000_000) == 0
    assert store.prune(1_000_001) == 1
    assert store.path(SHA) is None
    assert not leftover.exists()
    assert store.path(young) is not None


def test_findings_that_are_gone(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    store.put(JPEG, FINDINGS)
    (tmp_path / SHA[:2] / f"{SHA}.json").unlink()
    assert store.findings(SHA) is None


def test_a_disk_that_does_not_take_it_leaves_nothing(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    (tmp_path / SHA[:2] / f"{SHA}.jpg").mkdir(parents=True)
    with pytest.raises(OSError, match=SHA):
        store.put(JPEG, FINDINGS)
    assert not list(tmp_path.rglob(".aside-*"))
