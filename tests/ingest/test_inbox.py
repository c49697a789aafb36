import threading

from ingest.inbox import Inbox
from ingest.message import Message


def _message(number: int) -> Message:
    return Message("t", b"%d" % number, number)


def test_nothing_is_taken_before_the_flush() -> None:
    inbox = Inbox()
    inbox.put([_message(1)])
    assert inbox.take(most=10, timeout_s=0.0) == []
    inbox.flush()
    assert inbox.take(most=10, timeout_s=0.0) == [_message(1)]
    assert inbox.take(most=10, timeout_s=0.0) == []


def test_what_is_more_than_a_bulk_is_taken_next() -> None:
    inbox = Inbox()
    for number in range(5):
        inbox.put([_message(number)])
    inbox.flush()
    taken = [len(inbox.take(most=2, timeout_s=0.0)) for _ in range(4)]
    assert taken == [2, 2, 1, 0]


def test_full_by_number_and_by_bytes() -> None:
    inbox = Inbox(most=2)
    inbox.put([_message(1)])
    assert not inbox.is_full
    inbox.put([_message(2)])
    assert inbox.is_full
    large = Inbox()
    large.put([Message("t", bytes(130_000_000), 0)])
    assert large.is_full
    large.flush()
    large.take(most=1, timeout_s=0.0)
    assert not large.is_full


def test_two_threads_lose_nothing() -> None:
    inbox = Inbox()

    def put() -> None:
        for number in range(20_000):
            inbox.put([_message(number)])
            if number % 7 == 0:
                inbox.flush()
        inbox.flush()

    thread = threading.Thread(target=put)
    thread.start()
    taken: list[Message] = []
    while len(taken) < 20_000 and (more := inbox.take(most=100, timeout_s=10.0)):
        taken += more
    thread.join()
    assert [message.arrived for message in taken] == list(range(20_000))
