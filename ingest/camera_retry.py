"""When a camera is tried again: quickly at first, then ever more rarely, and never in step."""

import enum


class Trouble(enum.Enum):
    """Why a camera gives no frame, and what a person would look at."""

    REFUSED = "connection refused; is the camera on, and is the port right?"
    UNREACHABLE = "no way to the host; is its name or address right?"
    TRANSPORT = "it does not speak this transport; write the other one: transport: tcp, or udp"
    SILENT = "it does not answer; is the camera alive?"
    UNAUTHORIZED = "it refuses the login; are user and password right?"
    NOT_FOUND = "it knows no such stream; is the path of the url right?"
    NO_VIDEO = "the stream holds no video that can be decoded; which codec does it send?"
    FROZEN = "frames stopped coming; is the stream up?"
    DAMAGED = "its frames cannot be decoded; is its network sound, and its encoder?"
    ENDED = "it closed the stream"
    BUSY = "it answers with an error of its own; does it send video, and to one more viewer?"
    BROKEN = "it does not speak RTSP as it should"


_FIRST_S = {Trouble.UNAUTHORIZED: 10.0}
"""Cameras lock an address out after some failed logins, so the login is tried rarely at once."""

_CAP_S = dict.fromkeys((Trouble.SILENT, Trouble.FROZEN, Trouble.DAMAGED, Trouble.ENDED), 8.0)
"""A host that accepts connections is asked often: it must be back within 15 s of its return."""

SLOWEST_S = 60.0
_SLOWEST_RESTART_S = 30.0
ASK_PORT_S = 5.0
"""How often a host that accepts no connection is tried for one, which costs it and us nothing."""


def retry_delay(trouble: Trouble, *, failures: int, reachable: bool, roll: float) -> float:
    """Seconds until the next attempt after the ``failures``-th failure in a row (from 1).

    ``reachable``: whether the host takes connections; one that takes none is tried at the slowest
    pace, because its port is asked meanwhile. ``roll`` in 0..1 spreads the delays by 30 % each way.
    """
    cap = _CAP_S.get(trouble, SLOWEST_S) if reachable else SLOWEST_S
    delay = min(cap, _FIRST_S.get(trouble, 0.5) * 2.0 ** min(failures - 1, 10))
    return min(SLOWEST_S, delay * (0.7 + 0.6 * roll))


def restart_delay(deaths: int) -> float:
    """Seconds until a camera process is started again after so many early deaths in a row."""
    return 0.0 if deaths < 2 else min(_SLOWEST_RESTART_S, 0.5 * 2.0 ** min(deaths - 2, 10))
