"""Stories of sentences 10 to 16 of RULES: what is known of a value, and when it has held."""

FLOOD = "when: {above: 15, for: 2m}, clear: {below: 10, for: 5m}"

# name: (words of the rule, story, incidents)
STORIES: dict[str, tuple[str, str, list[str]]] = {
    # 10: strict and inclusive
    "10 above is strict": (
        "when: {above: 15}",
        "0 a x 15 \n1 b x 15.1",
        ["b x since 1 fired 1 value 15.1"],
    ),
    "10 below is strict": (
        "when: {below: 15}",
        "0 a x 15 \n1 b x 14.9",
        ["b x since 1 fired 1 value 14.9"],
    ),
    "10 between holds at its ends": (
        "when: {between: [10, 20]}",
        "0 a x 10 \n1 b x 20 \n2 c x 9.9 \n3 d x 20.1",
        ["a x since 0 fired 0 value 10", "b x since 1 fired 1 value 20"],
    ),
    "10 outside is exactly its opposite": (
        "when: {outside: [10, 20]}",
        "0 a x 10 \n1 b x 20 \n2 c x 9.9 \n3 d x 20.1",
        ["c x since 2 fired 2 value 9.9", "d x since 3 fired 3 value 20.1"],
    ),
    # 11: thresholds by label
    "11 the label's own threshold": (
        "when: {above: {label: limit, default: 15}}",
        "seen a limit=20 \nseen b limit=5 \n0 a x 16 \n1 b x 6",
        ["b x since 1 fired 1 value 6"],
    ),
    "11 an empty cell takes the default": (
        "when: {above: {label: limit, default: 15}}",
        "seen a limit= \n0 a x 16 \n1 b x 14",
        ["a x since 0 fired 0 value 16"],
    ),
    "11 without a default the condition is unknown": (
        "when: {above: {label: limit}}",
        "seen a limit=20 \n0 a x 21 \n0 b x 21",
        ["a x since 0 fired 0 value 21"],
    ),
    "11 a cell that is no number is no threshold": (
        "when: {above: {label: limit, default: 15}}",
        "seen a limit=high \n0 a x 99",
        [],
    ),
    "11 without a clear threshold nothing clears": (
        "when: {above: 15}, clear: {below: {label: dry}}",
        "seen b dry=10 \n0 a x 16 \n0 b x 16 \n5 a x 1 \n5 b x 1",
        ["a x since 0 fired 0 value 16", "b x since 0 fired 0 cleared 5 value 16"],
    ),
    "11 a registry that changes moves the threshold": (
        "when: {above: {label: limit}}",
        "seen a limit=20 \n0 a x 16 \nseen a limit=10 \n1 a x 16",
        ["a x since 1 fired 1 value 16"],
    ),
    "11 a threshold that is gone leaves a firing incident as it is": (
        "when: {above: {label: limit}}",
        "seen a limit=10 \n0 a x 16 \nseen a \n1 a x 1",
        ["a x since 0 fired 0 value 16"],
    ),
    # 12: a value lives until the next one, at most stale
    "12 at exactly stale it is dead": (
        "when: {above: 15, for: 60s}, stale: 60s",
        "0 a x 16 \n| 100",
        [],
    ),
    "12 just before it lives": (
        "when: {above: 15, for: 60s}, stale: 60001ms",
        "0 a x 16 \n| 100",
        ["a x since 0 fired 60 value 16"],
    ),
    "12 a sample at exactly stale goes on": (
        "when: {above: 15, for: 100s}, stale: 60s",
        "0 a x 16 \n60 a x 16 \n| 110",
        ["a x since 0 fired 100 value 16"],
    ),
    "12 stale of the kind": (
        "when: {above: 15, for: 60s}",
        "seen a stale=60 \nseen b stale=61 \n0 a x 16 \n0 b x 16 \n| 100",
        ["b x since 0 fired 60 value 16"],
    ),
    "12 the rule's own stale": (
        "when: {above: 15, for: 60s}, stale: 2m",
        "seen a stale=30 \n0 a x 16 \n| 100",
        ["a x since 0 fired 60 value 16"],
    ),
    # 13: unknown
    "13 unknown ends pending": (
        "when: {above: 15, for: 60s}, stale: 30s",
        "0 a x 16 \n31 a x 16 \n| 80",
        [],
    ),
    "13 pending begins anew after unknown": (
        "when: {above: 15, for: 60s}, stale: 45s",
        "0 a x 16 \n46 a x 16 \n80 a x 16 \n| 120",
        ["a x since 46 fired 106 value 16"],
    ),
    "13 unknown breaks a clear time": (
        "when: {above: 15}, clear: {for: 60s}, stale: 45s",
        "0 a x 16 \n10 a x 1 \n56 a x 1 \n| 100 \n100 a x 1 \n| 120",
        ["a x since 0 fired 0 cleared 116 value 16"],
    ),
    "13 silence does not dry an underpass": (
        FLOOD + ", stale: 5m",
        "0 a x 16 \n| 86400",
        ["a x since 0 fired 120 value 16"],
    ),
    # 14: for
    "14 held for exactly for fires": (
        "when: {above: 15, for: 10s}",
        "0 a x 16 \n10 a x 16",
        ["a x since 0 fired 10 value 16"],
    ),
    "14 a gap inside for is nothing until stale": (
        FLOOD,
        "seen a stale=200 \n0 a x 16 \n199 a x 16 \n| 200",
        ["a x since 0 fired 120 value 16"],
    ),
    "14 pending breaks between clear and when": (
        FLOOD,
        "0 a x 16 \n60 a x 12 \n61 a x 16 \n| 150",
        [],
    ),
    # 15: at_least
    "15 counts samples in a row": (
        "when: {above: 15, at_least: 3 samples}",
        "0 a x 16 \n1 a x 16 \n2 a x 1 \n3 a x 16 \n4 a x 16 \n5 a x 17",
        ["a x since 3 fired 5 value 17"],
    ),
    "15 holds with for 0s too": (
        "when: {above: 15, for: 0s, at_least: 2 samples}",
        "0 a x 16 \n9 a x 16",
        ["a x since 0 fired 9 value 16"],
    ),
    "15 time alone is not enough": (
        "when: {above: 15, for: 10s, at_least: 2 samples}",
        "0 a x 16 \n| 60",
        [],
    ),
    "15 samples alone are not enough": (
        "when: {above: 15, for: 10s, at_least: 2 samples}",
        "0 a x 16 \n1 a x 16 \n2 a x 16 \n| 9",
        [],
    ),
    "15 both met between two samples": (
        "when: {above: 15, for: 10s, at_least: 2 samples}",
        "0 a x 16 \n1 a x 17 \n| 10",
        ["a x since 0 fired 10 value 17"],
    ),
    # 16: clear
    "16 without clear it clears when known to be false": (
        "when: {above: 15}",
        "0 a x 16 \n5 a x 15",
        ["a x since 0 fired 0 cleared 5 value 16"],
    ),
    "16 clear for": (
        "when: {above: 15}, clear: {for: 5m}",
        "0 a x 16 \n10 a x 15 \n| 309.999 \n| 310",
        ["a x since 0 fired 0 cleared 310 value 16"],
    ),
    "16 clear for begins anew when it holds between": (
        "when: {above: 15}, clear: {for: 5m}",
        "0 a x 16 \n10 a x 15 \n200 a x 16 \n201 a x 15 \n| 500 \n| 501",
        ["a x since 0 fired 0 cleared 501 value 16"],
    ),
    "16 with its own threshold": (
        "when: {above: 15}, clear: {below: 10}",
        "0 a x 16 \n10 a x 12 \n20 a x 9",
        ["a x since 0 fired 0 cleared 20 value 16"],
    ),
    "16 a value between restarts the clear time": (
        FLOOD,
        "0 a x 16 \n| 120 \n200 a x 9 \n400 a x 12 \n450 a x 9 \n| 700 \n| 749 \n| 750",
        ["a x since 0 fired 120 cleared 750 value 16"],
    ),
    "16 then it may fire again": (
        "when: {above: 15}",
        "0 a x 16 \n5 a x 15 \n6 a x 20",
        ["a x since 0 fired 0 cleared 5 value 16", "a x since 6 fired 6 value 20"],
    ),
}
