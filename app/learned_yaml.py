"""What ``citypatrol camera learn`` has seen as a block for cameras.yaml, figures beside it."""

import json
from collections.abc import Iterator
from typing import Any

from citypatrol.units import format_duration
from detectors.head_habits import Habits
from detectors.learn import Learned, LearnedHead
from detectors.types import Box

_STATES = ("red", "yellow", "green", "dark")


def block(learned: Learned, *, camera: str, when: str, picture: str | None) -> str:
    """Lines to put under the camera. Each head has its figures above it."""
    lines = [
        f"# citypatrol camera learn {camera}, {when}: watched {_long(learned.watched)}, "
        f"{learned.looks} looks, {learned.searches} searches.",
        "# Put this under the camera in cameras.yaml (into its `detectors:` where it has some).",
    ]
    if picture is not None:
        lines.append(
            f"# Look at {picture} first: are these the heads that this camera is to watch?"
        )
    for fault, count in sorted(learned.faults.items()):
        lines.append(f"# WARNING: the camera was at fault meanwhile: {fault}, {count} times seen.")
    for name in learned.lost:
        lines.append(
            f"# WARNING: no head was found at the region {name!r} of cameras.yaml: has the camera "
            "been moved, or is the head too faint to be found?"
        )
    lines += ["detectors:", "  - type: traffic_light", "    regions:"]
    for head in learned.heads:
        lines += [f"      # {words}" for words in _about(head, learned)]
        lines.append(f"      - {_region(head)}")
    return "".join(f"    {line}\n" for line in lines)


def _region(head: LearnedHead) -> str:
    edges = ", ".join(f"{edge:.4f}" for edge in head.box)
    dark = head.habits.dark_by_design if head.habits.known else None
    design = "" if dark is None else f", dark: {format_duration(dark)}"
    return f"{{name: {json.dumps(head.name, ensure_ascii=False)}, box: [{edges}]{design}}}"


def _about(head: LearnedHead, learned: Learned) -> Iterator[str]:
    habits = head.habits
    shares = ", ".join(
        f"{state} {share:.0%}" for state in _STATES if (share := habits.shares.get(state))
    )
    yield (
        f"found in {head.found:.0%} of the searches, read in {habits.readable:.0%} of the looks: "
        f"{shares or 'nothing'}"
    )
    if not habits.never_lit:
        yield _darkness(habits)
    for doubt in habits.doubts():
        yield f"WARNING: {doubt}"
    if head.was is not None and learned.picture is not None:
        height, width = learned.picture.shape[:2]
        across, down = _shift(head.was, head.box)
        if abs(across) * width >= 2 or abs(down) * height >= 2:
            yield (
                f"its region in cameras.yaml lies {abs(across) * width:.0f} px to the "
                f"{'left' if across > 0 else 'right'} and {abs(down) * height:.0f} px "
                f"{'above' if down > 0 else 'below'}"
            )


def _darkness(habits: Habits) -> str:
    if not habits.longest_dark:
        if habits.known:
            return "no dark spell"
        return f"no dark spell, but {_long(habits.watched)} are shorter than many signal programs"
    least = "at least " if habits.cut_short else ""
    often = "once" if habits.spells == 1 else f"{habits.spells} times"
    text = f"dark {often}, {least}{_long(habits.longest_dark)} at the longest"
    if habits.known:
        return f"{text}; `dark` is three times that: lower it where you know better"
    return f"{text}: say `dark:` where that is by design, or watch it for longer"


def _shift(was: Box, now: Box) -> tuple[float, float]:
    """Of the middle, in fractions."""
    return (now[0] + now[2] - was[0] - was[2]) / 2, (now[1] + now[3] - was[1] - was[3]) / 2


def _long(ms: int) -> str:
    return f"{ms / 1000:.0f} s" if ms < 120_000 else f"{ms / 60_000:.0f} min"


def as_facts(learned: Learned) -> dict[str, Any]:
    """The same for programs."""
    return {
        "watched_s": round(learned.watched / 1000, 1),
        "looks": learned.looks,
        "searches": learned.searches,
        "faults": dict(learned.faults),
        "lost": list(learned.lost),
        "heads": [_facts(head) for head in learned.heads],
    }


def _facts(head: LearnedHead) -> dict[str, Any]:
    habits = head.habits
    dark = habits.dark_by_design if habits.known else None
    return {
        "name": head.name,
        "box": [round(edge, 4) for edge in head.box],
        "found": round(head.found, 3),
        "readable": round(habits.readable, 3),
        "turned_away": round(habits.turned_away, 3),
        "states": {state: round(share, 3) for state, share in sorted(habits.shares.items())},
        "dark_spells": habits.spells,
        "longest_dark_s": habits.longest_dark / 1000,
        "dark_s": None if dark is None else dark / 1000,
        "doubts": habits.doubts(),
    }
