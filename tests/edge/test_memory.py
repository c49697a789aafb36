import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from citypatrol.secret import Secret
from detectors.health import CameraHealth
from detectors.types import Frame, Pixels, Watch
from edge.load import CameraConfig
from edge.memory import KEEP_EVERY_MS, OLDEST_MS, Memory, learned_file

NOON = 1_747_100_000_000
REGION = {"name": "north", "box": [0.4, 0.1, 0.5, 0.3]}


def camera(
    id_: str = "dock", *, url: str = "rtsp://viewer:old@10.0.0.7/one", dark: str | None = None
) -> CameraConfig:
    region = REGION if dark is None else {**REGION, "dark": dark}
    return CameraConfig(
        id=id_,
        url=Secret(url),
        detectors=[{"type": "traffic_light", "regions": [region]}],  # type: ignore[arg-type]
    )


def street(seed: int) -> Pixels:
    coarse = np.random.default_rng(seed).integers(20, 230, (24, 40, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 10, axis=0), 10, axis=1)


def watched(seed: int, *, frames: int = 3) -> CameraHealth:
    watch = CameraHealth("dock")
    faults(watch, seed, frames=frames)
    return watch


def faults(watch: CameraHealth, seed: int, *, frames: int = 5, at: int = NOON) -> list[str | None]:
    """Of a picture each 20 s, each with a dot of its own."""
    found = []
    for number in range(frames):
        pixels = street(seed)
        pixels[number, number] = 7
        seen = watch(Frame("dock", at + 20_000 * number, pixels))
        found.append(seen.findings[0].state if seen.findings else None)
    return found


def kept(folder: Path, *, watches: list[Watch] | None = None) -> Path:
    Memory(folder).write(camera(), watches or [watched(1)], now=NOON)
    return learned_file(folder, "dock")


def recalled(folder: Path, config: CameraConfig, *, now: int = NOON + 60_000) -> CameraHealth:
    watch = CameraHealth("dock")
    Memory(folder).recall(config, [watch], now=now)
    return watch


def test_a_camera_that_was_turned_while_nobody_looked_is_at_fault(tmp_path: Path) -> None:
    kept(tmp_path)
    assert faults(recalled(tmp_path, camera()), 1) == [None] * 5
    assert faults(recalled(tmp_path, camera()), 2)[-1] == "wrong_scene"
    assert faults(CameraHealth("dock"), 2)[-1] is None


NEW_VIEW: Mapping[str, CameraConfig] = {
    "another url": camera(url="rtsp://viewer:old@10.0.0.7/two"),
    "a region drawn anew": camera(dark="90s"),
}


@pytest.mark.parametrize("config", NEW_VIEW.values(), ids=NEW_VIEW)
def test_a_view_is_learned_anew_where_a_person_has_said_so(
    tmp_path: Path, config: CameraConfig
) -> None:
    kept(tmp_path)
    assert faults(recalled(tmp_path, config), 2)[-1] is None


def test_a_new_password_is_no_new_camera(tmp_path: Path) -> None:
    path = kept(tmp_path)
    config = camera(url="rtsp://viewer:new@10.0.0.7/one")
    assert faults(recalled(tmp_path, config), 2)[-1] == "wrong_scene"
    assert "old" not in path.read_text()
    assert "10.0.0.7" not in path.read_text()


def test_what_is_older_than_a_season_is_not_believed(tmp_path: Path) -> None:
    kept(tmp_path)
    assert faults(recalled(tmp_path, camera(), now=NOON + OLDEST_MS + 1), 2)[-1] is None
    assert faults(recalled(tmp_path, camera(), now=NOON - 1), 2)[-1] is None


def test_it_writes_each_ten_minutes_and_not_at_each_look(tmp_path: Path) -> None:
    memory, watch = Memory(tmp_path), watched(1)
    memory.recall(camera(), [watch], now=NOON)
    written: list[int] = []
    path = learned_file(tmp_path, "dock")
    for at in range(NOON, NOON + 3 * KEEP_EVERY_MS, 10_000):
        memory.keep(camera(), [watch], now=at)
        if path.exists() and json.loads(path.read_bytes())["saved"] not in written:
            written.append(json.loads(path.read_bytes())["saved"])
    assert [late - early for early, late in itertools.pairwise(written)] == [KEEP_EVERY_MS] * (
        len(written) - 1
    )
    assert len(written) in (2, 3)
    assert [file.name for file in tmp_path.iterdir()] == ["dock.json"]


def test_a_file_that_a_person_takes_away_is_forgotten(tmp_path: Path) -> None:
    memory, watch = Memory(tmp_path), watched(1)
    assert not memory.forgotten("dock")
    memory.write(camera(), [watch], now=NOON)
    assert not memory.forgotten("dock")
    learned_file(tmp_path, "dock").unlink()
    assert memory.forgotten("dock")
    memory.recall(camera(), [CameraHealth("dock")], now=NOON)
    assert not memory.forgotten("dock")


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def edited(data: bytes) -> bytes:
        facts = json.loads(data)
        change(facts)
        return json.dumps(facts).encode()

    return edited


BROKEN: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "no JSON": lambda _: b"\xff\xfe picture",
    "a list": lambda _: b"[]",
    "nested without end": lambda _: b"[" * 100_000,
    "of another version": edit(lambda facts: facts.update(version=2)),
    "another camera's": edit(lambda facts: facts.update(camera="quay")),
    "saved at no time": edit(lambda facts: facts.update(saved="now")),
    "watches are a list": edit(lambda facts: facts.update(watches=[])),
    "a watch is text": edit(lambda facts: facts.update(watches={"CameraHealth": "x"})),
    "a view that is none": edit(
        lambda facts: facts.update(watches={"CameraHealth": {"views": [{"grey": 1}]}})
    ),
    "a view of no base64": edit(
        lambda facts: facts["watches"]["CameraHealth"]["views"][0].update(texture="*")
    ),
    "a view cut short": edit(
        lambda facts: facts["watches"]["CameraHealth"]["views"][0].update(texture="AAAA")
    ),
    "no views": edit(lambda facts: facts.update(watches={"CameraHealth": {}})),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_set_aside_and_all_is_learned_anew(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    path = kept(tmp_path)
    path.write_bytes(spoil(path.read_bytes()))
    with capture_logs() as logs:
        watch = recalled(tmp_path, camera())
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert logs[0]["set_aside"] == str(tmp_path / "dock.broken")
    assert [file.name for file in tmp_path.iterdir()] == ["dock.broken"]
    assert faults(watch, 2)[-1] is None


def test_a_folder_that_cannot_be_written_costs_the_memory_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = Memory(tmp_path / "file" / "learned")
    with capture_logs() as logs:
        for _ in range(3):
            memory.write(camera(), [watched(1)], now=NOON)
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_without_a_folder_nothing_is_kept() -> None:
    memory = Memory(None)
    memory.recall(camera(), [CameraHealth("dock")], now=NOON)
    memory.write(camera(), [CameraHealth("dock")], now=NOON)
    assert not memory.forgotten("dock")


@pytest.mark.parametrize("id_", ["北" * 200, "..", ".", "a b?*:", "x" * 200])
def test_every_id_has_a_file_of_its_own_inside_the_folder(tmp_path: Path, id_: str) -> None:
    Memory(tmp_path).write(camera(id_), [watched(1)], now=NOON)
    path = learned_file(tmp_path, id_)
    assert path.is_file()
    assert path.parent == tmp_path
    assert json.loads(path.read_bytes())["camera"] == id_
