"""``/api/v1/cameras``: which cameras are watched, how they are, and what they last said."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import APIRouter

from app.camera_facts import WatchedCamera
from app.door import Door
from app.problems import Problem
from app.rollcall import Known, RollCall
from app.routes.api import Cursor, Limit
from citypatrol.clock import rfc3339
from detectors.config import DetectorConfig

FAULT: Final = "camera.fault"
PICTURES: Final = "camera.brightness"
"""Said of every picture that is looked at."""


def cameras(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

    @router.get("", summary="Cameras of this process by their id, with regions and zones")
    def listed(limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        watched = sorted(door.cameras(), key=lambda one: one.config.id)
        rest = [one for one in watched if cursor is None or one.config.id > cursor]
        page = rest[:limit]
        more = len(rest) > limit
        return {
            "cameras": [camera_json(one, roll=door.roll) for one in page],
            "cursor": page[-1].config.id if more else None,
        }

    @router.get("/{camera_id}", summary="One camera")
    def shown(camera_id: str) -> dict[str, Any]:
        for one in door.cameras():
            if one.config.id == camera_id:
                return camera_json(one, roll=door.roll)
        raise Problem(404, f"this process watches no camera {camera_id}")

    return router


def camera_json(camera: WatchedCamera, *, roll: RollCall | None) -> dict[str, Any]:
    """``state.fps``: pictures a second that are looked at; ``fault``: what its health last said.
    Null is not known yet."""
    config = camera.config
    known = _known(roll, config.id)
    labels = {**config.labels(), **(known.labels if known is not None else {})}
    values = _values(known)
    fault = values.get(FAULT)
    return {
        "id": config.id,
        "site": labels.get("site"),
        "district": labels.get("district"),
        "place": _place(labels),
        "url": config.url.endpoint,
        "transport": config.transport,
        "every_s": config.every / 1000,
        "state": {
            "age_s": round(camera.age_s, 3),
            "trouble": camera.trouble or None,
            "fault": None if fault is None else fault["value"] > 0,
            "fps": _fps(known),
        },
        "values": values,
        "parts": [
            part | {"values": _values(_known(roll, part["source"]))} for part in _parts(config)
        ],
    }


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Regions and named zones: each is a source of its own."""
    detector: DetectorConfig
    for detector in config.detectors:
        for kind, key in (("region", "regions"), ("zone", "zones")):
            for part in getattr(detector, key, ()):
                if part.name is None:
                    continue
                shape = {"box": part.box} if kind == "region" else {"polygon": part.polygon}
                source = f"{config.id}/{part.name}"
                yield {"source": source, "kind": kind, "detector": detector.type, **shape}


def _known(roll: RollCall | None, source: str) -> Known | None:
    return None if roll is None else roll.source(source)


def _values(known: Known | None) -> dict[str, dict[str, Any]]:
    """The newest of each metric."""
    series = () if known is None else known.series
    return {one.metric: {"value": one.value, "ts": rfc3339(one.newest)} for one in series}


def _fps(known: Known | None) -> float | None:
    for one in () if known is None else known.series:
        if one.metric == PICTURES and one.interval:
            return round(1000 / one.interval, 3)
    return None


def _place(labels: Mapping[str, str]) -> dict[str, float] | None:
    try:
        return {"lat": float(labels["lat"]), "lon": float(labels["lon"])}
    except (KeyError, ValueError):
        return None
