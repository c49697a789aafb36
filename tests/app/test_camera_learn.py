"""``citypatrol camera learn`` on clips and streams, and the block that it writes."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from app.camera_learning import learn_stream
from app.cli import main
from app.learned_yaml import as_facts, block
from bench.servers.clip import make_clip
from bench.servers.scripted import scripted_camera
from citypatrol.secret import Secret
from detectors.head_habits import Habits
from detectors.learn import Learned, LearnedHead
from detectors.types import Finding
from edge.load import load_cameras
from ingest.camera_source import CameraSource

CANARY = "canary-77c3"


def habits(**changes: object) -> Habits:
    facts: dict[str, object] = {
        "looks": 4500,
        "watched": 1_800_000,
        "readable": 0.99,
        "turned_away": 0.0,
        "shares": {"red": 0.52, "yellow": 0.04, "green": 0.44},
        "spells": 0,
        "longest_dark": 0,
        "cut_short": False,
    }
    return Habits(**facts | changes)  # type: ignore[arg-type]


LEARNED = Learned(
    heads=(
        LearnedHead("left", (0.1, 0.2, 0.15, 0.4), 0.96, habits(), was=(0.13, 0.2, 0.18, 0.4)),
        LearnedHead(
            "middle",
            (0.4, 0.2, 0.45, 0.4),
            0.9,
            habits(shares={"green": 0.26, "dark": 0.74}, spells=20, longest_dark=89_000),
        ),
        LearnedHead(
            'o\'clock: "right" #3', (0.8, 0.2, 0.85, 0.4), 0.5, habits(turned_away=0.9, readable=0)
        ),
    ),
    picture=np.zeros((100, 200, 3), np.uint8),
    watched=1_800_000,
    looks=4500,
    searches=24,
    faults={"frozen": 2},
    lost=("west",),
)


def test_the_block_fits_under_a_camera(tmp_path: Path) -> None:
    words = block(LEARNED, camera="cam-1", when="2026-05-13 08:00 UTC", picture="cam-1.heads.jpg")
    path = tmp_path / "cameras.yaml"
    path.write_text(f"cameras:\n  - id: cam-1\n    url: rtsp://10.0.0.7/one\n{words}")
    cameras, problems = load_cameras(path)
    assert problems == []
    assert cameras is not None
    [detector] = cameras["cam-1"].detectors
    assert detector.type == "traffic_light"
    assert [(region.name, region.box, region.dark) for region in detector.regions] == [
        ("left", (0.1, 0.2, 0.15, 0.4), None),
        ("middle", (0.4, 0.2, 0.45, 0.4), 270_000),
        ('o\'clock: "right" #3', (0.8, 0.2, 0.85, 0.4), None),
    ]
    assert "red 52%, yellow 4%, green 44%" in words
    assert "dark 20 times, 89 s at the longest" in words
    assert "WARNING: shows its back or side" in words
    assert "WARNING: the camera was at fault meanwhile: frozen, 2 times" in words
    assert "WARNING: no head was found at the region 'west'" in words
    assert "6 px to the right and 0 px" in words
    assert as_facts(LEARNED)["heads"][1]["dark_s"] == 270


def test_a_short_watch_says_what_it_cannot_know() -> None:
    short = habits(watched=60_000, spells=1, longest_dark=20_000, cut_short=True)
    head = LearnedHead("head", (0.1, 0.2, 0.15, 0.4), 0.9, short)
    learned = Learned((head,), LEARNED.picture, 60_000, 150, 12)
    words = block(learned, camera="a", when="", picture=None)
    assert "at least 20 s at the longest: say `dark:`" in words
    assert "dark: " not in words.rpartition("- {")[2]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something with edges and without signals, 9 s at 5 frames a second."""
    path = tmp_path_factory.mktemp("clips") / "street.mp4"
    coarse = np.random.default_rng(1).integers(40, 200, (12, 20, 3), dtype=np.uint8)
    pixels = np.repeat(np.repeat(coarse, 16, axis=0), 16, axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        stream.options = {"preset": "ultrafast", "x264-params": "keyint=5:log-level=warning"}
        for number in range(45):
            shown = pixels.copy()
            shown[:8, 4 * number : 4 * number + 8] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def test_a_clip_without_heads_says_so_and_leaves_its_picture(street, tmp_path, capsys):
    assert main(["-q", "camera", "learn", str(street), "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "no signal head was found in" in said
    assert (tmp_path / "street.heads.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert not (tmp_path / "street.heads.yaml").exists()


def test_a_clip_that_is_too_short(tmp_path, capsys):
    make_clip(tmp_path / "short.mp4", contrast=120)
    status = main(["camera", "learn", str(tmp_path / "short.mp4"), "--out", str(tmp_path)])
    said = capsys.readouterr().err
    assert status == 1
    assert "too few to tell what stays from what passes" in said


def test_a_camera_that_gives_no_picture_is_named_without_its_password(street, tmp_path, capsys):
    (tmp_path / "city.yaml").write_text(
        "city: {name: A, timezone: UTC}\ncameras: cameras.yaml\njournal: {type: sqlite, path: j}\n"
        "inputs: []\n"
    )
    (tmp_path / "cameras.yaml").write_text("cameras:\n  - {id: dock, url: rtsp://10.0.0.7/a}\n")
    city = ["--city", str(tmp_path / "city.yaml"), "--out", str(tmp_path)]
    assert main(["camera", "learn", "quay", *city]) == 1
    assert "has no camera 'quay'; it has dock" in capsys.readouterr().err
    assert main(["camera", "learn", "ftp://10.0.0.7/a", *city]) == 2
    with scripted_camera(street, mode="locked") as camera:
        url = camera.url("a", user=f"viewer:{CANARY}")
        status = main(["camera", "learn", url, "--for", "8s", *city])
    said = capsys.readouterr()
    assert status == 3
    assert "it refuses the login" in said.err
    assert CANARY not in said.out + said.err
    for bad in ("2s", "2d", "soon"):
        with pytest.raises(SystemExit):
            main(["camera", "learn", "dock", "--for", bad])


def test_a_stream_is_searched_beside_its_looks(street):
    head = Finding("traffic_light", 0.6, (100, 40, 120, 90))
    told = []
    with scripted_camera(street) as camera:
        learned = learn_stream(
            CameraSource("a", Secret(camera.url("a")), 400),
            seconds=6,
            known={},
            progress=told.append,
            find=lambda _: [head],
        )
    assert learned.searches >= 2
    assert learned.looks >= 4
    assert learned.picture is not None
    assert learned.picture.shape == (192, 320, 3)


def test_no_clip_and_a_broken_one(tmp_path, capsys):
    (tmp_path / "broken.mp4").write_bytes(b"\x00" * 100)
    assert main(["camera", "learn", str(tmp_path / "broken.mp4")]) == 2
    assert "broken.mp4: cannot be read" in capsys.readouterr().err
    assert main(["camera", "learn", str(tmp_path / "none.mp4"), "--json"]) == 2
    assert "none.mp4" in capsys.readouterr().err
