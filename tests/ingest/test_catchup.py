import pytest

from ingest.catchup import CatchUp

WALL = 1_747_094_531_480
OLD = WALL - 3_600_000


def _begun(*, round_trip_s: float = 0.001) -> CatchUp:
    catch_up = CatchUp()
    catch_up.begin(100.0, wall=WALL, round_trip_s=round_trip_s)
    return catch_up


def test_nothing_is_known_before_the_subscription() -> None:
    assert not CatchUp().done(1e9, in_hand=0)


@pytest.mark.parametrize(
    ("round_trip_s", "at", "done"),
    [(0.001, 100.2, False), (0.001, 100.3, True), (0.2, 100.9, False), (0.2, 101.1, True)],
)
def test_a_quiet_broker_holds_nothing(round_trip_s: float, at: float, done: bool) -> None:
    assert _begun(round_trip_s=round_trip_s).done(at, in_hand=0) is done


def test_quiet_counts_from_the_last_message_or_acknowledgement() -> None:
    catch_up = _begun()
    catch_up.moved(100.2)
    assert not catch_up.done(100.4, in_hand=0)
    assert catch_up.done(100.5, in_hand=0)


def test_what_is_in_hand_is_not_journaled() -> None:
    assert not _begun().done(105.0, in_hand=1)


def test_a_backlog_is_not_over_while_its_times_are_old_and_run_fast() -> None:
    catch_up = _begun()
    for step in range(60):
        now_s = 100.0 + step
        catch_up.moved(now_s)
        catch_up.journaled([OLD + step * 50_000 + n for n in range(100)], now_s=now_s)
        assert not catch_up.done(now_s, in_hand=20), f"after {step} s"
    assert catch_up.newest == OLD + 59 * 50_000 + 99


def test_fresh_times_end_it_though_the_stream_never_stops() -> None:
    catch_up = _begun()
    catch_up.journaled([OLD] * 100, now_s=100.1)
    assert not catch_up.done(100.1, in_hand=20)
    catch_up.journaled([WALL + n for n in range(60)], now_s=100.2)
    assert catch_up.done(100.2, in_hand=20)


def test_a_few_devices_with_fast_clocks_do_not_end_it() -> None:
    catch_up = _begun()
    catch_up.journaled(([OLD] * 3 + [WALL + 60_000]) * 50, now_s=100.1)
    assert not catch_up.done(100.1, in_hand=20)


def test_devices_whose_clocks_are_all_behind() -> None:
    catch_up = _begun()
    for step in range(13):
        now_s = 100.0 + step
        catch_up.moved(now_s)
        catch_up.journaled([OLD + step * 1000 + n for n in range(60)], now_s=now_s)
    assert catch_up.done(112.0, in_hand=20)


def test_a_steady_stream_without_any_times_is_taken_as_read_in_the_end() -> None:
    catch_up = _begun()
    catch_up.moved(129.9)
    assert not catch_up.done(129.9, in_hand=5)
    assert catch_up.done(130.1, in_hand=5)


def test_a_reconnect_begins_again() -> None:
    catch_up = _begun()
    assert catch_up.done(101.0, in_hand=0)
    catch_up.begin(200.0, wall=WALL + 100_000, round_trip_s=0.001)
    assert not catch_up.done(200.1, in_hand=0)


@pytest.mark.parametrize(
    ("away_s", "at", "done"),
    [
        pytest.param(20.0, 119.0, False, id="as long as it was away"),
        pytest.param(20.0, 120.0, True, id="and no longer"),
        pytest.param(7_200.0, 159.0, False, id="at most a minute"),
        pytest.param(7_200.0, 160.0, True, id="then time goes on"),
    ],
)
def test_the_devices_of_a_broker_that_was_away_may_come_back_first(
    away_s: float, at: float, done: bool
) -> None:
    catch_up = CatchUp()
    catch_up.begin(100.0, wall=WALL, away_s=away_s)
    assert catch_up.done(at, in_hand=0) is done
