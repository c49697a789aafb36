"""Stories of sentence 23 of RULES: what a window holds, and what it says."""

MEAN = "when: {mean: 10s, above: 15}"

# name: (words of the rule, story, incidents)
STORIES: dict[str, tuple[str, str, list[str]]] = {
    "23 a window is worked out full or not": (
        MEAN,
        "0 a x 16",
        ["a x since 0 fired 0 value 16"],
    ),
    "23 a sample is exactly as old as the window: it is out": (
        MEAN,
        "0 a x 90 \n10 a x 15 \n20 a x 16",
        ["a x since 0 fired 0 cleared 10 value 90", "a x since 20 fired 20 value 16"],
    ),
    "23 a millisecond younger: it is in": (
        "when: {mean: 10s, above: 50}",
        "0 b x 1 \n0.001 a x 90 \n10 a x 15 \n10 b x 90",
        ["a x since 0.001 fired 0.001 value 90", "b x since 10 fired 10 value 90"],
    ),
    "23 the newest sample is in": (MEAN, "0 a x 1 \n9 a x 31", ["a x since 9 fired 9 value 16"]),
    "23 between samples the result stands": (
        "when: {mean: 10s, above: 15, for: 60s}",
        "0 a x 16 \n| 59 \n| 60",
        ["a x since 0 fired 60 value 16"],
    ),
    "23 until stale": ("when: {mean: 10s, above: 15, for: 60s}, stale: 60s", "0 a x 16 \n| 99", []),
    "23 a gap in the samples is no more than what the window then holds": (
        "when: {mean: 10s, above: 15}, stale: 5s",
        "0 a x 10 \n8 a x 22 \n30 a x 10",
        ["a x since 8 fired 8 cleared 30 value 16"],
    ),
    "23 since is when it holds, not where the window begins": (
        "when: {mean: 60s, above: 15, for: 20s}",
        "0 a x 10 \n30 a x 22 \n40 a x 22 \n| 99",
        ["a x since 30 fired 50 value 18"],
    ),
    "23 the value of an incident is the window's": (
        MEAN,
        "0 a x 10 \n1 a x 40",
        ["a x since 1 fired 1 value 25"],
    ),
    "23 max": (
        "when: {max: 10s, above: 5}",
        "0 a x 1 \n1 a x 6 \n2 a x 1",
        ["a x since 1 fired 1 value 6"],
    ),
    "23 max: what is gone by is out": (
        "when: {max: 10s, above: 5}",
        "0 a x 6 \n5 a x 1 \n10 a x 2",
        ["a x since 0 fired 0 cleared 10 value 6"],
    ),
    "23 min": (
        "when: {min: 10s, above: 5}",
        "0 a x 1 \n9 a x 7 \n10 a x 9 \n11 a x 5",
        ["a x since 10 fired 10 cleared 11 value 7"],
    ),
    "23 sum": (
        "when: {sum: 10s, above: 5}",
        "0 a x 3 \n9 a x 3 \n10 a x 1",
        ["a x since 9 fired 9 cleared 10 value 6"],
    ),
    "23 count": (
        "when: {count: 10s, above: 2}",
        "0 a x 0 \n4 a x 0 \n4 a x 9 \n9.999 a x 0 \n10 a x 0 \n14 a x 0 \n30 a x 0",
        ["a x since 9.999 fired 9.999 cleared 30 value 3"],
    ),
    "23 p95 is the nearest rank: the greatest of nineteen": (
        "when: {p95: 1h, above: 5}",
        "\n".join(f"{n} a x {6 if n == 3 else 1}" for n in range(19)),
        ["a x since 3 fired 3 value 6"],
    ),
    "23 p95: the second of twenty": (
        "when: {p95: 1h, above: 5}",
        "\n".join(f"{n} a x {6 if n == 3 else 1}" for n in range(20)),
        ["a x since 3 fired 3 cleared 19 value 6"],
    ),
    "23 change is last less first": (
        "when: {change: 10s, above: 5}",
        "0 a x 0 \n5 a x 9 \n9 a x 6 \n11 a x 8 \n16 a x 20",
        [
            "a x since 5 fired 5 cleared 11 value 9",
            "a x since 16 fired 16 value 14",
        ],
    ),
    "23 the change of one sample is nothing": (
        "when: {change: 10s, below: 1}",
        "0 a x 9",
        ["a x since 0 fired 0 value 0"],
    ),
    "23 rate is a second, from first to last": (
        "when: {rate: 10s, above: 0.5}",
        "0 a x 0 \n4 a x 2 \n8 a x 5 \n12 a x 5",
        ["a x since 8 fired 8 cleared 12 value 0.625"],
    ),
    "23 the rate of one sample is unknown": (
        "when: {rate: 10s, above: 0.5, for: 5s}",
        "0 a x 0 \n4 a x 4 \n20 a x 5 \n21 a x 9",
        ["a x since 4 fired 9 value 1"],
    ),
    "23 and does not begin": ("when: {rate: 10s, below: 1}", "0 a x 0 \n20 a x 9", []),
    "23 at_least counts the samples of the window": (
        "when: {mean: 10s, above: 15, at_least: 3 samples}",
        "0 a x 1 \n4 a x 40 \n9 a x 40 \n10 a x 40",
        ["a x since 9 fired 9 value 27"],
    ),
    "23 fewer than at_least is unknown: it does not clear": (
        "when: {mean: 10s, above: 15, at_least: 2 samples}",
        "0 a x 16 \n5 a x 16 \n30 a x 1 \n31 a x 1",
        ["a x since 5 fired 5 cleared 31 value 16"],
    ),
    "23 fewer than at_least ends pending": (
        "when: {mean: 10s, above: 15, at_least: 2 samples, for: 30s}",
        "0 a x 16 \n5 a x 16 \n20 a x 16 \n25 a x 16 \n| 54 \n| 55",
        ["a x since 25 fired 55 value 16"],
    ),
    "23 the same reading twice counts once": (
        "when: {count: 10s, above: 1}",
        "0 a x 1 \n0 a x 1 \n| 9",
        [],
    ),
    "23 what comes late is in no window": (
        "when: {max: 10s, above: 15}",
        "5 a x 1 \n4 a x 16 \n6 a x 1",
        [],
    ),
    "23 within lateness each sample has its own window": (
        "when: {count: 10s, above: 1}, clear: {for: 1h}",
        "seen a lateness=30 \n20 a x 1 \n12 a x 1 \n1 a x 1 \n| 99",
        ["a x since 20 fired 20 value 2"],
    ),
    "23 clear compares the same window": (
        "when: {mean: 10s, above: 15}, clear: {below: 10}",
        "0 a x 16 \n5 a x 1 \n8 a x 1 \n| 9 \n20 a x 16",
        ["a x since 0 fired 0 cleared 5 value 16", "a x since 20 fired 20 value 16"],
    ),
    "23 between the two nothing clears": (
        "when: {mean: 10s, above: 15}, clear: {below: 10}",
        "0 a x 16 \n5 a x 6 \n9 a x 6",
        ["a x since 0 fired 0 cleared 9 value 16"],
    ),
    "23 clear may have a window of its own": (
        "when: {above: 15}, clear: {max: 10s, below: 15}",
        "0 a x 16 \n5 a x 1 \n9.999 a x 1 \n10 a x 2",
        ["a x since 0 fired 0 cleared 10 value 16"],
    ),
    "23 what was said while blind is in no window": (
        "when: {mean: 60s, above: 15}, unless: {metric: fault, above: 0}",
        "0 a fault 1 \n0 a x 99 \n5 a fault 0 \n6 a x 16 \n7 a x 10 \n| 9",
        ["a x since 6 fired 6 cleared 7 value 16"],
    ),
    "23 three times a tenth is a tenth": (
        "when: {mean: 10s, above: 0.1}",
        "0 a x .1 \n1 a x .1 \n2 a x .1",
        [],
    ),
    # 25, so far
    "25 equals": (
        "when: {equals: 1}",
        "0 a x 1 \n1 a x 1.001 \n2 a x 0",
        ["a x since 0 fired 0 cleared 1 value 1"],
    ),
    "25 clear when equal": (
        "when: {above: 1}, clear: {equals: 0}",
        "0 a x 2 \n1 a x 0.5 \n2 a x 0",
        ["a x since 0 fired 0 cleared 2 value 2"],
    ),
    "25 unless equal": (
        "when: {above: 1}, unless: {metric: state, equals: 3}",
        "0 a state 3 \n0 a x 2 \n1 b state 2 \n1 b x 2 \n| 5",
        ["b x since 1 fired 1 value 2"],
    ),
}
