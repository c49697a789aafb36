"""``citypatrol camera probe`` against real streams, and against cameras that say no."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from app.cli import main
from bench.servers.clip import make_clip
from bench.servers.free_port import free_port
from bench.servers.scripted import ScriptedCamera, scripted_camera

CANARY = "canary-91ab"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "street.mp4", contrast=120, keyframe_s=0.5)
    make_clip(folder / "black.mp4", shade=2, bar=2, codec="libx265")
    return folder


@pytest.fixture(scope="module")
def street(clips: Path) -> Iterator[ScriptedCamera]:
    with scripted_camera(clips / "street.mp4") as camera:
        yield camera


def test_what_a_camera_sends_and_what_it_shows(street, tmp_path, capsys):
    picture = tmp_path / "seen.png"
    url = street.url("a", user=f"viewer:{CANARY}")
    assert main(["camera", "probe", url, "--for", "2s", "--picture", str(picture), "--json"]) == 0
    said = capsys.readouterr()
    facts = json.loads(said.out)
    assert facts["url"] == f"rtsp://***@127.0.0.1:{street.port}"
    assert (facts["codec"], facts["width"], facts["height"]) == ("h264", 320, 192)
    assert facts["frames_per_s"] == pytest.approx(10, abs=1)
    assert facts["keyframe_s"] == pytest.approx(0.5, abs=0.05)
    assert 0 < facts["opened_s"] <= facts["first_picture_s"] < facts["watched_s"]
    assert (facts["lost"], facts["trouble"], facts["health"]["fault"]) == (0, "", None)
    assert cv2.imread(str(picture)).shape == (192, 320, 3)
    assert CANARY not in said.out + said.err


def test_a_black_picture_is_something_wrong_and_said_in_words(clips, capsys):
    with scripted_camera(clips / "black.mp4") as camera:
        status = main(["camera", "probe", camera.url("a"), "--for", "2s", "--transport", "udp"])
    assert status == 1
    said = capsys.readouterr().out
    assert "over udp" in said
    assert "hevc, 320 x 192" in said
    assert "black: it shows nothing" in said


def test_a_camera_of_the_city_is_named_by_its_id(street, tmp_path, capsys):
    (tmp_path / "city.yaml").write_text(
        "city: {name: A, timezone: UTC}\ncameras: cameras.yaml\njournal: {type: sqlite, path: j}\n"
        "inputs: [{type: mqtt, url: mqtt://127.0.0.1:1, topics: "
        "[{match: '{source}/{metric}', payload: plain}]}]\n"
    )
    (tmp_path / "cameras.yaml").write_text(f"cameras: [{{id: dock, url: '{street.url('a')}'}}]\n")
    city = ["--city", str(tmp_path / "city.yaml")]
    assert main(["camera", "probe", "dock", "--for", "1s", *city]) == 0
    assert "h264, 320 x 192" in capsys.readouterr().out
    assert main(["camera", "probe", "quay", *city]) == 1
    assert "has no camera 'quay'; it has dock" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        pytest.param(["http://cam/1"], 2, "must begin with rtsp://", id="no camera's url"),
        pytest.param([f"rtsp://u:p#{CANARY}@h/1"], 2, "as %40", id="a # in the password"),
        pytest.param(["rtsp://h/1", "--picture", "a.gif"], 2, "must end in .jpg", id="a gif"),
        pytest.param([f"rtsp://u:{CANARY}@127.0.0.1:PORT/1"], 3, "refused", id="nobody there"),
    ],
)
def test_what_cannot_be_looked_at_says_why(words, status, why, capsys):
    words = [word.replace("PORT", str(free_port())) for word in words]
    assert main(["camera", "probe", *words]) == status
    said = capsys.readouterr()
    assert why in said.err
    assert CANARY not in said.out + said.err


def test_a_camera_that_refuses_the_login(clips, capsys):
    with scripted_camera(clips / "street.mp4", mode="locked") as camera:
        url = camera.url("a", user=f"viewer:{CANARY}")
        assert main(["camera", "probe", url, "--json"]) == 3
    said = capsys.readouterr()
    assert "refuses the login" in json.loads(said.out)["trouble"]
    assert CANARY not in said.out + said.err
