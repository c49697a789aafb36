"""One thing that the doctor looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """``detail``: what was seen, or what is wrong with the way out; never a secret."""

    service: str
    ok: bool
    detail: str


def well(service: str, detail: str) -> Finding:
    return Finding(service, True, detail)


def ill(service: str, detail: str) -> Finding:
    return Finding(service, False, detail)
