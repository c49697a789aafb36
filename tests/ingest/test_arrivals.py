from ingest.arrivals import Arrivals


def test_a_burst_takes_one_millisecond_each() -> None:
    arrivals = Arrivals()
    taken = [arrivals.next_free(("s", "m"), at=1000) for _ in range(500)]
    assert taken == list(range(1000, 1500))


def test_many_series_are_forgotten_once_they_cannot_collide() -> None:
    arrivals = Arrivals()
    for number in range(100_001):
        arrivals.next_free((f"s{number}", "m"), at=number)
    assert arrivals.next_free(("s100000", "m"), at=100_000) == 100_001
    assert len(arrivals) < 20_000


def test_times_of_payloads_are_remembered_within_bounds() -> None:
    arrivals = Arrivals()
    arrivals.next_free(("s", "m"), at=0)
    for ts in range(10_000):
        arrivals.stamped(("s", "m"), ts=ts)
    assert arrivals.next_free(("s", "m"), at=9_999) == 10_000
    assert len(arrivals) <= 65


def test_nothing_is_remembered_of_series_that_bring_their_times() -> None:
    arrivals = Arrivals()
    arrivals.stamped(("s", "m"), ts=1000)
    assert not arrivals
    arrivals.next_free(("s", "m"), at=1000)
    assert arrivals
