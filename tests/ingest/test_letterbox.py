import threading
from collections.abc import Sequence
from pathlib import Path

from citypatrol.dead import DeadStore
from ingest.letterbox import Letterbox
from ingest.message import Letter, Message


def _letters(count: int) -> list[Letter]:
    return [Letter(Message("t", b"%d" % number, number), "because") for number in range(count)]


def test_letters_are_stored_in_order_and_then_told(tmp_path: Path) -> None:
    told: list[Message] = []
    all_told = threading.Event()

    def stored(messages: Sequence[Message]) -> None:
        told.extend(messages)
        if len(told) == 1_200:
            all_told.set()

    dead = DeadStore(tmp_path / "dead.db")
    box = Letterbox(dead, name="a", stored=stored)
    letters = _letters(1_200)
    thread = threading.Thread(target=box.run)
    thread.start()
    box.add(letters)
    assert all_told.wait(20)
    box.stop()
    thread.join(10)
    assert told == [letter.message for letter in letters]
    assert dead.counts() == {"message": 1_200}
    newest = dead.list("message", limit=1)[0]
    assert (newest.origin, newest.reason, newest.at) == ("t", "because", 1_199)
    dead.close()


def test_it_is_full_before_it_is_a_danger_and_stops_at_once(tmp_path: Path) -> None:
    (tmp_path / "dead.db").mkdir()  # no file can be here
    box = Letterbox(DeadStore(tmp_path / "dead.db"), name="a", stored=lambda _: None)
    box.add(_letters(4_999))
    assert not box.is_full
    box.add(_letters(1))
    assert box.is_full
    thread = threading.Thread(target=box.run)
    thread.start()
    box.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert box.is_full
