from rules.pace import GONE_S, Pace, Watchdog


def test_time_stands_still_while_nobody_says_it() -> None:
    assert Pace().due(now_s=0) is None


def test_the_slowest_input_says_the_time() -> None:
    pace = Pace()
    pace.hear("a", 2000, now_s=1)
    pace.hear("b", 1000, now_s=1)
    assert pace.due(now_s=1) == 1000
    assert pace.due(now_s=1) is None, "said once"
    pace.hear("b", 5000, now_s=2)
    assert pace.due(now_s=2) == 2000


def test_one_that_leaves_holds_nobody_back() -> None:
    pace = Pace()
    pace.hear("a", 2000, now_s=1)
    pace.hear("b", 1000, now_s=1)
    pace.leave("b")
    assert pace.due(now_s=1) == 2000
    pace.leave("a")
    pace.leave("never heard of")
    assert pace.due(now_s=1) is None


def test_one_that_died_holds_the_others_back_for_a_while_only() -> None:
    pace = Pace()
    pace.hear("a", 1000, now_s=0)
    pace.hear("b", 1000, now_s=0)
    assert pace.due(now_s=0) == 1000
    pace.hear("b", 9000, now_s=GONE_S)
    assert pace.due(now_s=GONE_S) is None
    assert pace.due(now_s=GONE_S + 1) == 9000


def test_time_never_goes_back() -> None:
    pace = Pace()
    pace.hear("a", 5000, now_s=0)
    assert pace.due(now_s=0) == 5000
    pace.hear("a", 4000, now_s=1)
    assert pace.due(now_s=1) is None


def test_the_watchdog_is_quiet_while_something_moves_or_nothing_waits() -> None:
    dog = Watchdog(patience_s=60)
    assert not dog.is_stuck({0: 5}, ends={0: 9}, now_s=0)
    assert not dog.is_stuck({0: 6}, ends={0: 9}, now_s=59)
    assert not dog.is_stuck({0: 6}, ends={0: 9}, now_s=118)
    assert not dog.is_stuck({0: 6}, ends={0: 6}, now_s=500)
    assert not dog.is_stuck({0: 6}, ends={0: 7}, now_s=559)
    assert not dog.is_stuck({}, ends={}, now_s=5000)


def test_the_watchdog_barks_when_one_waits_and_none_moves() -> None:
    dog = Watchdog(patience_s=60)
    assert not dog.is_stuck({0: 5, 1: 7}, ends={0: 9, 1: 7}, now_s=0)
    assert not dog.is_stuck({0: 5, 1: 7}, ends={0: 19, 1: 7}, now_s=60)
    assert dog.is_stuck({0: 5, 1: 7}, ends={0: 29, 1: 7}, now_s=61)
