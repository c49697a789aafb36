"""Stories of sentences 17 to 22 of RULES: what is missing, and what is not to be believed."""

DARK = "when: {below: 0.5, for: 60s}, unless: {metric: fault, above: 0}"
SILENT = "when: {missing: 10m}"
ANY_SILENT = "select: {metric: '*'}, when: {missing: 10m}"

# name: (words of the rule, story, incidents)
STORIES: dict[str, tuple[str, str, list[str]]] = {
    # 17: missing
    "17 a gap of exactly the duration is not missing": (SILENT, "0 a x 1 \n600 a x 1 \n| 601", []),
    "17 a gap of a millisecond more is": (
        SILENT,
        "0 a x 1 \n600.001 a x 1 \n| 601",
        ["a x since 600 fired 600 cleared 600.001 value 1"],
    ),
    "17 said at the first tick from then on": (
        SILENT,
        "0 a x 1 \n| 599.999 \n| 600",
        ["a x since 600 fired 600 value 1"],
    ),
    "17 said lateness later": (SILENT, "seen a lateness=30 \n0 a x 1 \n| 629.999", []),
    "17 and then": (
        SILENT,
        "seen a lateness=30 \n0 a x 1 \n| 40 \n| 630",
        ["a x since 600 fired 600 value 1"],
    ),
    "17 a sample that waits comes before the silence": (
        SILENT,
        "seen a lateness=30 \n0 a x 1 \n| 625 \n590 a x 2 \n| 640 \n| 700",
        [],
    ),
    "17 a sample that comes clears": (
        SILENT,
        "0 a x 1 \n| 700 \n705 a x 2",
        ["a x since 600 fired 600 cleared 705 value 1"],
    ),
    "17 clear for: heard so long without a silence": (
        SILENT + ", clear: {for: 15m}",
        "0 a x 1 \n| 700 \n700 a x 2 \n1200 a x 2 \n| 1599 \n| 1600",
        ["a x since 600 fired 600 cleared 1600 value 1"],
    ),
    "17 clear for: a silence between begins it anew": (
        SILENT + ", clear: {for: 15m}",
        "0 a x 1 \n| 700 \n700 a x 2 \n1400 a x 2 \n2000 a x 2 \n| 2299 \n| 2300",
        ["a x since 600 fired 600 cleared 2300 value 1"],
    ),
    "17 said before its sample came: it clears when it fired": (
        SILENT,
        "0 a x 1 \n| 700 \n590 a x 2",
        ["a x since 600 fired 600 cleared 600 value 1"],
    ),
    # 18: a series exists from its first sample
    "18 never heard of is not missing": (SILENT, "seen a \n| 9999", []),
    # 19: missing of a whole source
    "19 one alarm a source, its metric is *": (
        ANY_SILENT,
        "0 a x 1 \n5 a y 2 \n| 700",
        ["a * since 605 fired 605 value 2"],
    ),
    "19 any metric is a sign of life": (ANY_SILENT, "0 a x 1 \n500 a y 2 \n| 700", []),
    "19 online aside": (
        ANY_SILENT,
        "0 a x 1 \n500 a online 1 \n| 600",
        ["a * since 600 fired 600 value 1"],
    ),
    "19 a source of which only online was heard does not exist": (
        ANY_SILENT,
        "0 a online 1 \n| 9999",
        [],
    ),
    "19 any metric clears": (
        ANY_SILENT,
        "0 a x 1 \n| 700 \n710 a y 2 \n| 711",
        ["a * since 600 fired 600 cleared 710 value 1"],
    ),
    "19 the parent is another source": (
        ANY_SILENT,
        "0 cam/n x 1 \n599 cam x 2 \n| 600",
        ["cam/n * since 600 fired 600 value 1"],
    ),
    # 21: unless
    "21 what it says while blind is worthless": (
        DARK,
        "0 a fault 1 \n5 a x 0 \n| 100",
        [],
    ),
    "21 blindness ends pending": (
        DARK,
        "0 a x 0 \n30 a fault 1 \n40 a fault 0 \n| 100",
        [],
    ),
    "21 and until the next sample": (
        DARK,
        "0 a x 0 \n30 a fault 1 \n40 a fault 0 \n50 a x 0 \n| 109 \n| 110",
        ["a x since 50 fired 110 value 0"],
    ),
    "21 a sample at the end of blindness counts": (
        DARK,
        "0 a fault 1 \n50 a fault 0 \n50 a x 0 \n| 110",
        ["a x since 50 fired 110 value 0"],
    ),
    "21 blindness does not clear": (
        DARK,
        "0 a x 0 \n| 60 \n70 a fault 1 \n75 a x 1 \n| 80",
        ["a x since 0 fired 60 value 0"],
    ),
    "21 blindness breaks a clear time": (
        DARK + ", clear: {for: 30s}",
        "0 a x 0 \n| 60 \n70 a x 1 \n80 a fault 1 \n90 a fault 0 \n| 120 \n130 a x 1 \n| 160",
        ["a x since 0 fired 60 cleared 160 value 0"],
    ),
    "21 blind at the very end of for": (DARK, "0 a x 0 \n60 a fault 1 \n| 61", []),
    "21 blind just after for": (
        DARK,
        "0 a x 0 \n60.001 a fault 1 \n| 61",
        ["a x since 0 fired 60 value 0"],
    ),
    "21 missing is gated while blind": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "0 a x 1 \n500 a fault 1 \n| 700 \n800 a fault 0 \n| 799.9",
        [],
    ),
    "21 missing is said when the gate opens": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "0 a x 1 \n500 a fault 1 \n| 700 \n800 a fault 0 \n| 800",
        ["a x since 600 fired 600 value 1"],
    ),
    "21 missing heard again behind the gate is not said": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "0 a x 1 \n500 a fault 1 \n| 700 \n750 a x 1 \n800 a fault 0 \n| 900",
        [],
    ),
    "21 missing clears when the gate opens": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "0 a x 1 \n| 700 \n700.5 a fault 1 \n750 a x 1 \n| 790 \n800 a fault 0 \n| 810",
        ["a x since 600 fired 600 cleared 800 value 1"],
    ),
    "21 missing, the end of a veto waits for lateness too": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen a lateness=30 \n0 a x 1 \n500 a fault 1 \n610 a fault 0 \n| 639.999",
        [],
    ),
    "21 missing, and then": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen a lateness=30 \n0 a x 1 \n500 a fault 1 \n610 a fault 0 \n| 639 \n| 640",
        ["a x since 600 fired 600 value 1"],
    ),
    "21 missing, a veto that came behind its silence": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen a lateness=30 \n0 a x 1 \n| 610 \n599 a fault 1 \n| 700",
        [],
    ),
    "21 missing, a veto that began in the instant of its silence": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen a lateness=30 \n0 a x 1 \n600 a fault 1 \n| 700",
        [],
    ),
    "21 missing, a veto that began just behind": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen a lateness=30 \n0 a x 1 \n600.001 a fault 1 \n| 700",
        ["a x since 600 fired 600 value 1"],
    ),
    "21 missing, a veto that has died": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen a stale=620 \n0 a x 1 \n10 a fault 1 \n| 629 \n| 630",
        ["a x since 600 fired 600 value 1"],
    ),
    "21 missing, what came behind a veto clears in its own time": (
        SILENT + ", unless: {metric: fault, above: 0}, clear: {for: 60s}",
        "0 a x 1 \n| 700 \n710 a fault 1 \n720 a fault 0 \n730 a x 1 \n| 789 \n| 790",
        ["a x since 600 fired 600 cleared 790 value 1"],
    ),
    "21 as long as the parent's samples may wait": (
        DARK,
        "seen cam lateness=30 \nseen cam/n \n0 cam/n x 0 \n| 89.999",
        [],
    ),
    "21 no longer than that": (
        DARK,
        "seen cam lateness=30 \nseen cam/n \n0 cam/n x 0 \n| 61 \n| 90",
        ["cam/n x since 0 fired 60 value 0"],
    ),
    "21 a parent that was blind in time": (
        DARK,
        "seen cam lateness=30 \nseen cam/n \n0 cam/n x 0 \n| 70 \n55 cam fault 1 \n| 99",
        [],
    ),
    "21 missing, as long as the parent's samples may wait": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen cam lateness=30 \nseen cam/n \n0 cam/n x 0 \n| 629.999",
        [],
    ),
    "21 missing, no longer than that": (
        SILENT + ", unless: {metric: fault, above: 0}",
        "seen cam lateness=30 \nseen cam/n \n0 cam/n x 0 \n| 610 \n| 630",
        ["cam/n x since 600 fired 600 value 0"],
    ),
    # 22: where unless looks
    "22 at the parent": (
        DARK,
        "0 cam fault 1 \n5 cam/n x 0 \n5 other/n x 0 \n| 100",
        ["other/n x since 5 fired 65 value 0"],
    ),
    "22 at the source first": (
        DARK,
        "0 cam fault 1 \n0 cam/n fault 0 \n5 cam/n x 0 \n| 100",
        ["cam/n x since 5 fired 65 value 0"],
    ),
    "22 at the parent where the source's own is dead": (
        DARK + ", stale: 90s",
        "0 cam/n fault 0 \n90 cam fault 1 \n95 cam/n x 0 \n| 200",
        [],
    ),
    "22 no known value vetoes nothing": (DARK, "0 a x 0 \n| 60", ["a x since 0 fired 60 value 0"]),
    "22 a dead value vetoes nothing": (
        DARK + ", stale: 80s",
        "0 a fault 1 \n80 a x 0 \n| 140",
        ["a x since 80 fired 140 value 0"],
    ),
}
