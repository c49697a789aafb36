"""The city's mode switches: the rules that judge from here on are others."""

from dataclasses import replace

from citypatrol.records import ModeSwitched
from rules import snapshot
from rules.state import State


def switched(before: State, record: ModeSwitched) -> State:
    """The state after it, as after a reload: rules that are the same in both modes go on; the
    incidents of those that are off, or have another condition, clear now."""
    named = {mode for rule in before.rules.rules for mode, _ in rule.modes}
    if record.mode == before.mode or named.isdisjoint((record.mode, before.mode)):
        before.mode = record.mode
        return before
    after = snapshot.load(before.rules, snapshot.save(before), mode=record.mode)
    known = {one.id for one in before.orphans}
    ended = [one for one in after.orphans if one.id not in known]
    after.orphans = before.orphans
    after.said = before.said
    after.said += [replace(one, cleared_at=max(record.ts, one.fired_at)) for one in ended]
    after.gate.late, after.gate.conflicts = before.gate.late, before.gate.conflicts
    return after
