import pytest

from citypatrol.chunks import CHUNK_BYTES, Message, Stored, cut, join


def store(topic: dict[str, bytes], *messages: Message) -> None:
    """A compacted topic, newest last."""
    for message in messages:
        topic.pop(message.key, None)
        if message.value is not None:
            topic[message.key] = message.value


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES - 7])
def test_what_is_cut_is_joined(size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    chunks, head = cut("rules", data, position=42, generation="g1")
    assert all(len(chunk.value or b"") <= CHUNK_BYTES for chunk in chunks)
    topic: dict[str, bytes] = {}
    store(topic, *chunks, head)
    stored = join("rules", topic)
    assert (stored.position, stored.data, stored.stale) == (42, data, ())
    assert stored.chunks == tuple(chunk.key for chunk in chunks)


def test_a_save_cut_short_leaves_the_one_before() -> None:
    topic: dict[str, bytes] = {}
    old_chunks, old_head = cut("rules", b"old", position=1, generation="g1")
    store(topic, *old_chunks, old_head)
    new_chunks, _ = cut("rules", b"new" * CHUNK_BYTES, position=2, generation="g2")
    store(topic, *new_chunks[:2])
    assert join("rules", topic) == Stored(1, b"old", ("rules/g1/0",), ())


def test_earlier_saves_are_stale_and_one_being_written_is_not() -> None:
    topic: dict[str, bytes] = {}
    for position, generation in enumerate(("g1", "g2"), start=1):
        chunks, head = cut("rules", b"x", position=position, generation=generation)
        store(topic, *chunks, head)
    being_written, _ = cut("rules", b"y", position=3, generation="g3")
    store(topic, *being_written)
    assert join("rules", topic).stale == ("rules/g1/0",)


def test_names_do_not_mix() -> None:
    topic: dict[str, bytes] = {}
    for name in ("rules", "rules2"):
        chunks, head = cut(name, name.encode(), position=1, generation="g")
        store(topic, *chunks, head)
    assert join("rules", topic).data == b"rules"
    assert join("history", topic) == Stored(None, b"", (), ())


@pytest.mark.parametrize("damage", ["erased", "changed"])
def test_damage_is_said(damage: str) -> None:
    topic: dict[str, bytes] = {}
    chunks, head = cut("rules", b"x" * CHUNK_BYTES + b"y", position=1, generation="g")
    store(topic, *chunks, head)
    store(topic, Message("rules/g/1", None if damage == "erased" else b"z"))
    with pytest.raises(ValueError, match="snapshot 'rules'"):
        join("rules", topic)
