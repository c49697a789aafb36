from citypatrol.records import Tick
from ingest.gates import Ticks


def test_without_inputs_time_passes() -> None:
    assert Ticks().due(1000) == Tick(1000)


def test_an_input_is_behind_until_it_says_otherwise() -> None:
    ticks = Ticks()
    gate = ticks.input("a")
    assert ticks.due(1000) is None
    assert ticks.behind == ["a"]
    gate.caught_up()
    assert ticks.due(2000) == Tick(2000)


def test_one_input_that_is_away_holds_time() -> None:
    ticks = Ticks()
    one, two = ticks.input("one"), ticks.input("two")
    one.caught_up()
    two.caught_up()
    two.behind(500)
    assert ticks.due(1000) is None
    assert two.newest_payload_ts == 500


def test_time_never_goes_back() -> None:
    ticks = Ticks()
    assert ticks.due(1000) is not None
    assert ticks.due(1000) is None
    assert ticks.due(400) is None
    assert ticks.due(1001) == Tick(1001)


def test_a_process_that_was_away_asks_its_inputs_again() -> None:
    ticks = Ticks()
    gate = ticks.input("a")
    gate.caught_up()
    assert ticks.due(1000) is not None
    assert ticks.due(6000) is not None, "five seconds are slow, not away"
    assert ticks.due(11_001) is None
    assert gate.doubts == 1
    assert ticks.due(12_000) is None
    gate.caught_up()
    assert ticks.due(13_000) == Tick(13_000)


def test_one_name_is_one_gate() -> None:
    ticks = Ticks()
    assert ticks.input("a") is ticks.input("a")
