"""``/api/v1/cameras`` through a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.camera_facts import WatchedCamera
from citypatrol.secret import Secret
from edge.load import CameraConfig
from tests.app.a_desk import TheDesk, make_desk, serving
from tests.app.a_roll import heard, roll_of

CANARY = "canary-5d01"
DETECTORS = [
    {"type": "traffic_light", "regions": [{"name": "north", "box": [0.4, 0.1, 0.5, 0.3]}]},
    {
        "type": "street",
        "zones": [
            {"name": "pavement", "polygon": [[0, 0.5], [1, 0.5], [1, 1]]},
            {"polygon": [[0, 0], [1, 0], [1, 1]]},
        ],
    },
]


def watched(name: str, *, age_s: float = 1.5, trouble: str = "") -> WatchedCamera:
    config = CameraConfig(
        id=name,
        url=Secret(f"rtsp://viewer:{CANARY}@10.0.0.7:8554/{CANARY}"),
        detectors=DETECTORS if name == "cam-1" else [],  # type: ignore[arg-type]
        place={"lat": 34.7, "lon": 113.7} if name == "cam-1" else None,  # type: ignore[arg-type]
        site="quay",
    )
    return WatchedCamera(config, age_s, trouble)


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[TheDesk]:
    stage = heard(tmp_path)
    cameras = [watched("cam-2", age_s=99, trouble="it does not answer"), watched("cam-1")]
    made = make_desk(tmp_path)
    async with serving(made, roll=roll_of(stage), cameras=lambda: cameras) as running:
        yield running


async def test_each_camera_with_its_parts_and_no_password(city: TheDesk):
    status, body, _ = await city.get("/api/v1/cameras")
    assert status == 200
    assert CANARY not in str(body)
    first, second = body["cameras"]
    assert (first["id"], first["district"], first["site"]) == ("cam-1", "erqi", "quay")
    assert first["place"] == {"lat": 34.7, "lon": 113.7}
    assert first["url"] == "rtsp://***@10.0.0.7:8554"
    assert first["state"] == {"age_s": 1.5, "trouble": None, "fault": None, "fps": None}
    assert [(part["source"], part["kind"]) for part in first["parts"]] == [
        ("cam-1/north", "region"),
        ("cam-1/pavement", "zone"),
    ]
    assert first["parts"][0]["box"] == [0.4, 0.1, 0.5, 0.3]
    assert set(first["parts"][0]["values"]) == {"traffic_light.lit"}
    assert second["state"]["trouble"] == "it does not answer"
    assert (second["place"], second["parts"], second["values"]) == (None, [], {})


async def test_pages_one_camera_and_none(city: TheDesk):
    _, body, _ = await city.get("/api/v1/cameras?limit=1")
    assert ([one["id"] for one in body["cameras"]], body["cursor"]) == (["cam-1"], "cam-1")
    _, rest, _ = await city.get(f"/api/v1/cameras?limit=1&cursor={body['cursor']}")
    assert ([one["id"] for one in rest["cameras"]], rest["cursor"]) == (["cam-2"], None)
    _, one, _ = await city.get("/api/v1/cameras/cam-2")
    assert one["id"] == "cam-2"
    status, problem, _ = await city.get("/api/v1/cameras/cam-9")
    assert (status, problem["detail"]) == (404, "this process watches no camera cam-9")
