"""What is known of a junction's heads as JSON, and back: for a restart. Pure.

Only what was learned over many looks is kept. A dark time that is under way is not: nobody knows
what the head showed meanwhile.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from detectors.junction import Junction
from detectors.lamp_out import Lamps
from detectors.light_normal import Normal, Shown, Spell
from detectors.light_state import LONGEST_BURST_S, SHORTEST_BURST_S, Head
from detectors.types import Box

_SHORTEST, _LONGEST = SHORTEST_BURST_S, LONGEST_BURST_S
_LARGEST: Final = 1 << 52


def as_json(junction: Junction, *, boxes: Mapping[str, Box]) -> dict[str, Any]:
    """Each head by its name, with the box that it was seen in."""
    heads = {}
    for name, head in junction.heads.items():
        lamps = junction.lamps.get(name, Lamps())
        heads[name] = {
            "box": list(boxes[name]),
            "watched": head.normal.watched,
            "looked": head.normal.looked,
            "shown": {state: asdict(shown) for state, shown in head.normal.shown.items()},
            "spells": [asdict(spell) for spell in head.normal.spells],
            "burst_s": head.burst_s,
            "dark_began": list(lamps.spells),
            "out": sorted(lamps.out),
        }
    return {"heads": heads}


def of_json(
    learned: Mapping[str, Any], *, boxes: Mapping[str, Box], designed: Mapping[str, int | None]
) -> Junction:
    """A head whose box is another now, or that is new, is begun anew. Raises ValueError where this
    is none of ``as_json``."""
    fresh = Junction.of(designed)
    heads, lamps = dict(fresh.heads), dict(fresh.lamps)
    try:
        for name, known in learned["heads"].items():
            if name in boxes and list(boxes[name]) == known["box"]:
                heads[name] = _head(known, designed=designed[name])
                began = tuple(_whole(at) for at in known["dark_began"])
                lamps[name] = Lamps(began, frozenset(map(str, known["out"])))
    except (KeyError, TypeError, AttributeError) as error:
        message = f"is nothing that was learned of heads ({type(error).__name__}: {error})"
        raise ValueError(message) from error
    return Junction(heads, lamps)


def _head(known: Mapping[str, Any], *, designed: int | None) -> Head:
    looked = known["looked"]
    burst_s = float(known["burst_s"])
    normal = Normal(
        designed=designed,
        watched=_whole(known["watched"]),
        looked=None if looked is None else _whole(looked),
        shown={
            str(state): Shown(
                looks=_whole(shown["looks"]),
                appearances=_whole(shown["appearances"]),
                last=_whole(shown["last"]),
                longest_away=_whole(shown["longest_away"]),
            )
            for state, shown in known["shown"].items()
        },
        spells=tuple(
            Spell(_whole(spell["ended"]), _whole(spell["length"]), told=bool(spell["told"]))
            for spell in known["spells"]
        ),
    )
    return Head(normal, burst_s=min(_LONGEST, max(_SHORTEST, burst_s)))


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
        message = f"is nothing that was learned of heads: {value!r} is no count or time in ms"
        raise ValueError(message)
    return value
