import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from citypatrol import metrics
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.errors import ConfigError, Retry


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DeadStore]:
    made = DeadStore(tmp_path / "data" / "dead.db")
    yield made
    made.close()


def counted(kind: str) -> float:
    return metrics.REGISTRY.get_sample_value("citypatrol_dead_total", {"kind": kind}) or 0.0


def put(store: DeadStore, payload: bytes = b"x", *, at: int = 1) -> int:
    return store.put("message", origin="city/a", reason="no number", payload=payload, at=at)


def test_constructing_makes_no_file(tmp_path: Path, store: DeadStore) -> None:
    assert not (tmp_path / "data").exists()
    assert store.counts() == {}
    assert (tmp_path / "data" / "dead.db").exists()


def test_a_letter_comes_back_whole_also_after_a_restart(tmp_path: Path, store: DeadStore) -> None:
    before = counted("line")
    id = store.put("line", origin="influx", reason="400: bad", payload=b"\x00\xff", at=7, note="n")
    expected = DeadLetter("line", "influx", "400: bad", b"\x00\xff", 7, "n", id)
    assert store.get(id) == expected
    store.close()
    assert DeadStore(tmp_path / "data" / "dead.db").get(id) == expected
    assert counted("line") == before + 1


def test_half_characters_of_a_broken_topic_are_kept_readable(store: DeadStore) -> None:
    id = store.put("message", origin="city/\udcff", reason="r\udc00", payload=b"", at=1)
    letter = store.get(id)
    assert letter is not None
    assert (letter.origin, letter.reason) == ("city/\\udcff", "r\\udc00")


def test_lists_newest_first_by_kind_in_pages(store: DeadStore) -> None:
    ids = [put(store, b"%d" % n) for n in range(5)]
    line = store.put("line", origin="o", reason="r", payload=b"", at=1)
    assert [letter.id for letter in store.list()] == [line, *reversed(ids)]
    assert [letter.id for letter in store.list("message", limit=2)] == [ids[4], ids[3]]
    assert [letter.id for letter in store.list("message", limit=9, before=ids[3])] == ids[2::-1]
    assert store.counts() == {"message": 5, "line": 1}


def test_dropped_is_out_of_sight_but_can_be_looked_up(store: DeadStore) -> None:
    id = put(store)
    assert store.drop(id, note="replayed")
    assert not store.drop(id, note="again")
    assert not store.drop(99, note="none")
    assert store.list() == []
    assert store.counts() == {}
    letter = store.get(id)
    assert letter is not None
    assert letter.note == "replayed"
    assert store.get(99) is None


def test_prune_deletes_old_dropped_letters_only(store: DeadStore) -> None:
    old, young, kept = put(store, at=10), put(store, at=20), put(store, at=1)
    for id in (old, young):
        store.drop(id, note="done")
    assert store.prune(20) == 1
    assert store.get(old) is None
    assert store.get(young) is not None
    assert store.get(kept) is not None


def test_many_at_once_are_all_or_none(store: DeadStore) -> None:
    letters = [DeadLetter("batch", "o", "r", b"%d" % n, 1) for n in range(3)]
    assert store.put_many(letters) == (1, 2, 3)
    broken = DeadLetter("batch", "o", "r", None, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.put_many([letters[0], broken])
    with pytest.raises(Retry, match="NOT NULL"):
        store.put_many([letters[0], DeadLetter("batch", "o", "r", b"", None)])  # type: ignore[arg-type]
    assert store.counts() == {"batch": 3}
    assert store.put_many([]) == ()


def test_full_means_the_oldest_go_dropped_ones_first_and_it_is_counted(tmp_path: Path) -> None:
    store = DeadStore(tmp_path / "dead.db", max_bytes=10_000)
    ids = [put(store, b"x" * 1_000) for _ in range(8)]
    labels = {"stage": "dead", "reason": "store_full"}
    name = "citypatrol_dropped_total"
    before = metrics.REGISTRY.get_sample_value(name, labels) or 0.0
    store.drop(ids[5], note="done")
    newest = put(store, b"x" * 1_000)
    assert store.get(ids[5]) is None
    store.close()
    again = DeadStore(tmp_path / "dead.db", max_bytes=10_000)
    large = put(again, b"x" * 50_000)
    assert [letter.id for letter in again.list()] == [large]
    assert newest < large
    assert metrics.REGISTRY.get_sample_value(name, labels) == before + 9
    again.close()


def test_many_threads_and_a_second_process_share_it(tmp_path: Path, store: DeadStore) -> None:
    other = DeadStore(tmp_path / "data" / "dead.db")
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: put(store if n % 2 else other, b"%d" % n), range(60)))
    assert len(set(ids)) == 60
    assert store.counts() == other.counts() == {"message": 60}
    other.close()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a database at all" * 99, "dead-letter store is damaged"),
        ("other", "dead-letter store is another program's SQLite file; choose another path"),
        ("newer", "dead-letter store was written by a newer citypatrol (version 9)"),
    ],
    ids=["rubbish", "another program's", "newer"],
)
def test_a_file_that_is_not_ours(tmp_path: Path, content: bytes | str, message: str) -> None:
    path = tmp_path / "dead.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        if content == "newer":
            DeadStore(path).counts()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE other (x)")
            connection.execute(f"PRAGMA user_version = {9 if content == 'newer' else 0}")
        connection.close()
    with pytest.raises(ConfigError) as caught:
        DeadStore(path).counts()
    assert str(caught.value).startswith(f"{path}: {message}")


def test_damage_that_shows_later(tmp_path: Path, store: DeadStore) -> None:
    store.put_many([DeadLetter("batch", "o", "r", b"x" * 3_000, 1) for _ in range(50)])
    store.close()
    path = tmp_path / "data" / "dead.db"
    data = bytearray(path.read_bytes())
    data[8_192:] = b"\xa5" * (len(data) - 8_192)
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"is damaged \(.*\); move the file away"):
        store.list()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="dead-letter store cannot be opened: "):
        DeadStore(tmp_path / "file" / "dead.db").counts()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="dead-letter store cannot be opened: unable to open"):
        DeadStore(tmp_path / "folder").counts()


def test_a_disk_that_is_full_is_a_reason_to_wait(
    store: DeadStore, files_end_at: Callable[[int], AbstractContextManager[None]]
) -> None:
    put(store)
    with files_end_at(100_000), pytest.raises(Retry, match=r"dead-letter store .*dead\.db: "):
        put(store, b"x" * 200_000)
    assert store.counts() == {"message": 1}
    put(store, b"x" * 200_000)
    assert store.counts() == {"message": 2}
