"""A few of the kills of `make drill-kill`, so that no commit forgets what they are for."""

import random
from pathlib import Path

from bench.drill_kill import drill
from bench.kill_plan import Kill
from citypatrol.crashpoints import CrashPoint

POINTS = (
    CrashPoint.JOURNAL_APPEND_AFTER,
    CrashPoint.TICKETS_AFTER,
    CrashPoint.DELIVERY_SENT,
)


def test_nothing_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    rng = random.Random(4)
    kills = [Kill(rng.uniform(0.3, 2.0)) for _ in range(5)]
    kills += [Kill(point=point, passing=rng.randint(1, 3)) for point in POINTS]
    rng.shuffle(kills)
    outcome = drill(tmp_path, kills, seed=4, rate=300)
    assert outcome.is_good, (outcome.figures, outcome.unreached)
    assert (outcome.figures["instants"], outcome.figures["points"]) == (5, len(POINTS))
    assert (outcome.figures["acknowledged"] or 0) > 1_000
    assert (outcome.figures["tickets_expected"] or 0) > 3
