"""Stories of sentences 1 to 8 of RULES: when a sample is judged, and when a timer ends."""

FLOOD = "when: {above: 15, for: 2m}, clear: {below: 10, for: 5m}"
SILENT = "when: {missing: 10m}"

# name: (words of the rule, story, incidents)
STORIES: dict[str, tuple[str, str, list[str]]] = {
    # 1: every duration is half open
    "1 a timer ends exactly for after it started": (
        FLOOD,
        "0 a x 16 \n| 119.999 \n| 120",
        ["a x since 0 fired 120 value 16"],
    ),
    "1 a timer needs no sample to end": (
        FLOOD,
        "0 a x 16 \n| 600",
        ["a x since 0 fired 120 value 16"],
    ),
    "1 not before it ends": (FLOOD, "0 a x 16 \n| 119.999", []),
    "1 samples of an instant come before its timers: one that ends it": (
        FLOOD,
        "0 a x 16 \n120 a x 9 \n| 130",
        [],
    ),
    "1 samples of an instant come before its timers: one that goes on": (
        FLOOD,
        "0 a x 16 \n120 a x 17 \n| 130",
        ["a x since 0 fired 120 value 17"],
    ),
    "1 samples of an instant come before the end of a clear time": (
        FLOOD,
        "0 a x 16 \n| 120 \n200 a x 9 \n500 a x 16 \n| 600",
        ["a x since 0 fired 120 value 16"],
    ),
    # 2: since, fired_at, cleared_at are event times
    "2 since is the first sample of the unbroken time": (
        FLOOD,
        "0 a x 16 \n30 a x 9 \n60 a x 16 \n90 a x 18 \n| 300",
        ["a x since 60 fired 180 value 18"],
    ),
    "2 fired and cleared are no tick's time": (
        "when: {above: 15, for: 5s}, clear: {for: 5s}",
        "0.25 a x 16 \n| 7 \n8.5 a x 1 \n| 20",
        ["a x since 0.25 fired 5.25 cleared 13.5 value 16"],
    ),
    "2 fired is when both for and at_least are met": (
        "when: {above: 15, for: 10s, at_least: 3 samples}",
        "0 a x 16 \n4 a x 16 \n| 12 \n14 a x 17 \n| 20",
        ["a x since 0 fired 14 value 17"],
    ),
    # 3: when a sample is judged
    "3 without lateness at once": (
        "when: {above: 15}",
        "0 a x 16",
        ["a x since 0 fired 0 value 16"],
    ),
    "3 once the newest timestamp is lateness ahead": (
        "when: {above: 15}",
        "seen a lateness=30 \n0 a x 16 \n29.999 a x 1",
        [],
    ),
    "3 once the newest timestamp is exactly lateness ahead": (
        "when: {above: 15}",
        "seen a lateness=30 \n0 a x 16 \n30 a x 1",
        ["a x since 0 fired 0 value 16"],
    ),
    "3 at the first tick lateness after its arrival": (
        "when: {above: 15}",
        "seen a lateness=30 \n| 99 \n70 a x 16 \n| 129",
        ["a x since 70 fired 70 value 16"],
    ),
    "3 not at a tick before": (
        "when: {above: 15}",
        "seen a lateness=30 \n| 99 \n70 a x 16 \n| 128.999",
        [],
    ),
    "3 what is older is judged with it": (
        "when: {above: 15}, clear: {for: 1s}",
        "seen a lateness=30 \n| 1 \n1 a x 16 \n| 20 \n0 a x 17 \n| 31",
        ["a x since 0 fired 0 value 17"],
    ),
    "3 a timer waits for the samples that wait": (
        FLOOD,
        "seen a lateness=30 \n0 a x 16 \n40 a x 16 \n| 145 \n110 a x 1 \n| 150 \n| 200",
        [],
    ),
    "3 a timer ends lateness later": (FLOOD, "seen a lateness=30 \n0 a x 16 \n| 149.999", []),
    "3 with unless at the first tick lateness after its time": (
        "when: {below: 1}, unless: {metric: fault, above: 0}",
        "seen a lateness=30 \n0 a x 0 \n100 a x 5 \n| 29.999",
        [],
    ),
    "3 with unless at that tick": (
        "when: {below: 1}, unless: {metric: fault, above: 0}",
        "seen a lateness=30 \n0 a x 0 \n| 30",
        ["a x since 0 fired 0 value 0"],
    ),
    "3 with unless all samples of an instant together": (
        "when: {below: 1}, unless: {metric: fault, above: 0}",
        "0 a x 0 \n0 a fault 1 \n| 1",
        [],
    ),
    "3 with unless everything that has arrived by then": (
        "when: {below: 1, for: 10s}, unless: {metric: fault, above: 0}",
        "0 a x 0 \n12 a x 0 \n5 a fault 1 \n| 12",
        [],
    ),
    # 4: late samples
    "4 exactly lateness behind is not late": (
        "when: {above: 15}, clear: {for: 1h}",
        "seen a lateness=30 \n40 a x 1 \n10 a x 16 \n| 99",
        ["a x since 10 fired 10 value 16"],
    ),
    "4 more than lateness behind is late": (
        "when: {above: 15}",
        "seen a lateness=30 \n40 a x 1 \n9.999 a x 16 \n| 99",
        [],
    ),
    "4 older than a judged sample is late": (
        "when: {above: 15}",
        "seen a lateness=30 \n| 0 \n20 a x 1 \n| 50 \n19 a x 16 \n| 99",
        [],
    ),
    "4 without lateness older is late": ("when: {above: 15}", "5 a x 1 \n4 a x 16 \n| 9", []),
    "4 any order within lateness": (
        FLOOD,
        "seen a lateness=30 \n30 a x 17 \n0 a x 16 \n20 a x 9 \n10 a x 18 \n| 500",
        ["a x since 30 fired 150 value 17"],
    ),
    "4 a late sample is no sign of life": (
        SILENT,
        "0 a x 1 \n599 b x 1 \n| 0.5 \n0.2 a x 1 \n-5 a x 1 \n| 601 \n550 b x 1 \n| 1199",
        ["a x since 600.2 fired 600.2 value 1", "b x since 1199 fired 1199 value 1"],
    ),
    # 5: two values of one millisecond
    "5 the first to arrive is judged": (
        "when: {above: 15}",
        "0 a x 1 \n0 a x 16 \n| 9",
        [],
    ),
    "5 the first to arrive is judged, also while it waits": (
        "when: {above: 15}",
        "seen a lateness=30 \n0 a x 16 \n0 a x 1 \n| 99",
        ["a x since 0 fired 0 value 16"],
    ),
    "5 the same value again is nothing": (
        "when: {above: 15, at_least: 2 samples}",
        "0 a x 16 \n0 a x 16 \n| 9",
        [],
    ),
    # 8: what happened while nobody listened
    "8 an incident that began and ended meanwhile opens and clears": (
        FLOOD,
        "0 a x 16 \n130 a x 16 \n140 a x 9 \n441 a x 9",
        ["a x since 0 fired 120 cleared 440 value 16"],
    ),
    "8 a silence that began and ended meanwhile opens and clears": (
        SILENT,
        "0 a x 3 \n700 a x 4",
        ["a x since 600 fired 600 cleared 700 value 3"],
    ),
}
