import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import pictures as files
from detectors.detect import detect, read_regions
from detectors.onnx import ModelError

ANSWER = np.array([[8, 16, 24, 48, 0.9, 0], [0, 0, 8, 8, 0.3, 1]], np.float32)
NAMES = {"names": "{0: 'litter', 1: 'garbage_bag'}"}


@pytest.fixture
def model(write_model: Callable[..., Path]) -> str:
    return str(write_model(ANSWER, metadata=NAMES, name="mine"))


@pytest.fixture
def photo(tmp_path: Path, scene: NDArray[np.uint8]) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), scene)
    return path


def write_clip(path: Path, *, frames: int = 25, rate: int = 10) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for number in range(frames):
            pixels = np.full((64, 128, 3), number * 4 % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_line_is_as_documented(model: str, photo: Path) -> None:
    (line,) = detect(model, [photo])
    assert list(line) == ["path", "width", "height", "findings"]
    assert (line["path"], line["width"], line["height"]) == (str(photo), 320, 240)
    assert line["findings"][0] == {
        "label": "litter",
        "score": 0.9,
        "box": [40.0, 40.0, 120.0, 200.0],
    }
    json.dumps(line)


def test_min_score_is_obeyed(model: str, photo: Path) -> None:
    (line,) = detect(model, [photo], min_score=0.5)
    assert [finding["label"] for finding in line["findings"]] == ["litter"]


def test_each_sampled_frame_of_a_clip_is_a_line(model: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    lines = list(detect(model, [clip], draw_into=tmp_path / "drawn"))
    assert [line["t"] for line in lines] == [0.0, 1.0, 2.0]
    assert {(line["width"], line["height"]) for line in lines} == {(128, 64)}
    assert len(list((tmp_path / "drawn").glob("clip_*.jpg"))) == 3


def test_an_unreadable_file_is_named_and_the_others_go_on(
    model: str, photo: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    empty = tmp_path / "empty.png"
    empty.touch()
    clip = tmp_path / "broken.mp4"
    clip.write_bytes(b"\0" * 500)
    gone, folder = tmp_path / "gone.jpg", tmp_path / "folder"
    folder.mkdir()
    lines = list(detect(model, [text, empty, clip, gone, folder, photo]))
    assert [sorted(line) for line in lines[:5]] == [["error", "path"]] * 5
    for line, words in zip(
        lines,
        (
            "no picture that",
            "no picture that",
            "cannot be read",
            "No such file",
            "is a folder in which no",
        ),
        strict=False,
    ):
        assert line["path"] in line["error"]
        assert words in line["error"]
    assert "findings" in lines[5]


def test_of_a_folder_the_pictures_and_clips_are_judged_by_name(
    model: str, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "day 1"
    (folder / "deeper.jpg").mkdir(parents=True)
    for name in ("b.PNG", "deeper.jpg/x.png", ".hidden.png", "notes.txt"):
        (folder / name).write_bytes(photo.read_bytes())
    (folder / "a.jpg").write_text("no picture")
    write_clip(folder / "c.mp4")
    lines = list(detect(model, [folder, photo]))
    clip = ["c.mp4"] * 3
    assert [Path(line["path"]).name for line in lines] == ["a.jpg", "b.PNG", *clip, "photo.png"]
    assert ["error" in line for line in lines] == [True] + [False] * 5


def test_drawings_of_pictures_of_one_name_lie_beside_each_other(
    model: str, photo: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / photo.name).write_bytes(photo.read_bytes())
    list(detect(model, [photo, other, photo], draw_into=tmp_path / "out"))
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["photo.jpg", "photo_2.jpg"]


def test_a_clip_that_breaks_off_gives_what_was_there(model: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=60)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 4 // 5])
    lines = list(detect(model, [clip]))
    assert lines[0]["t"] == 0.0


@pytest.mark.parametrize("name", ["gone.onnx", "streets"])
def test_an_unknown_model_is_an_error_before_the_first_picture(name: str, photo: Path) -> None:
    with pytest.raises(ModelError, match=f"{name}: no such model.*shipped models are people"):
        next(iter(detect(name, [photo])))


def test_drawings_show_the_findings(model: str, photo: Path, tmp_path: Path) -> None:
    list(detect(model, [photo], draw_into=tmp_path / "out"))
    drawn = cv2.imread(str(tmp_path / "out" / "photo.jpg"))
    assert drawn.shape == (240, 320, 3)
    assert np.abs(drawn[100, 40:42].astype(int) - cv2.imread(str(photo))[100, 40:42]).max() > 50


REGIONS = "path,x1,y1,x2,y2\nphoto.png,60,80,140,160\nphoto.png,0,0,3,3\n"


def test_regions_are_read_one_by_one(photo: Path, tmp_path: Path) -> None:
    table = tmp_path / "regions.csv"
    table.write_text(REGIONS)
    (line,) = detect("traffic_light", [photo], regions=read_regions(table))
    assert list(line) == ["path", "regions"]
    first, second = line["regions"]
    assert first["box"] == [60, 80, 140, 160]
    assert 0 <= first["lit"] <= 1
    assert second["state"] == "unreadable"
    assert second["lit"] > 0.5


def test_a_picture_without_a_region_is_said(photo: Path) -> None:
    (line,) = detect("traffic_light", [photo], regions={"other.png": [(0, 0, 9, 9)]})
    assert "no region" in line["error"]


def test_regions_belong_to_the_traffic_light_model(photo: Path) -> None:
    with pytest.raises(ValueError, match="not by street"):
        next(iter(detect("street", [photo], regions={"photo.png": [(0, 0, 9, 9)]})))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("path,x1,y1,x2\n", ":1: no column `y2`", id="column"),
        pytest.param("", ":1: no column `path`", id="empty"),
        pytest.param("path,x1,y1,x2,y2\na.jpg,1,2,x,4\n", ":2: .*not four numbers", id="text"),
        pytest.param("path,x1,y1,x2,y2\na.jpg,1,2\n", ":2: .*not four numbers", id="short"),
        pytest.param("path,x1,y1,x2,y2\na.jpg,9,2,3,4\n", ":2: .*x1 < x2", id="turned"),
        pytest.param("path,x1,y1,x2,y2\na.jpg,nan,2,3,4\n", ":2: .*x1 < x2", id="nan"),
    ],
)
def test_bad_regions_are_named_with_their_line(tmp_path: Path, text: str, words: str) -> None:
    table = tmp_path / "regions.csv"
    table.write_text(text)
    with pytest.raises(files.Unreadable, match=r"regions\.csv" + words):
        read_regions(table)


def test_missing_regions_are_named(tmp_path: Path) -> None:
    with pytest.raises(files.Unreadable, match=r"gone\.csv: cannot be read"):
        read_regions(tmp_path / "gone.csv")


def test_traffic_light_without_regions_finds_heads(photo: Path) -> None:
    (line,) = detect("traffic_light", [photo], min_score=0.05)
    for finding in line["findings"]:
        assert finding["label"] == "traffic_light"
        assert 0 <= finding["lit"] <= 1
        assert finding["state"]
