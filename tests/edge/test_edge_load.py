"""cameras.yaml: what stands in it, and every mistake with its place."""

from pathlib import Path
from textwrap import dedent

import pytest

from citypatrol.registry import Registry
from edge.load import Cameras, load_cameras

GOOD = """
cameras:
  - id: cam-hanghai-zichen
    url: "rtsp://viewer:${CAM_PASS}@10.0.0.7/stream1"
    every: 10s
    site: hanghai-zichen
    place: {lat: 34.7155, lon: 113.7411}
    detectors:
      - {type: traffic_light, regions: [{name: north, box: [0.41, 0.12, 0.47, 0.30]}]}
      - {type: street, zones: [{name: pavement, polygon: [[0, 0.6], [1, 0.6], [1, 1], [0, 1]]}]}
  - id: clip
    url: file:///srv/clips/street.mp4
"""
CANARY = "canary-c41d"


def write(folder: Path, text: str) -> Path:
    path = folder / "cameras.yaml"
    path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def test_the_example_of_the_reference(tmp_path: Path) -> None:
    cameras, problems = load_cameras(write(tmp_path, GOOD), env={"CAM_PASS": CANARY})
    assert problems == []
    assert cameras is not None
    first, second = cameras
    assert len(cameras) == 2
    assert cameras["clip"] is second
    source = first.source()
    assert (source.id, source.every_ms) == ("cam-hanghai-zichen", 10_000)
    assert source.url.reveal() == f"rtsp://viewer:{CANARY}@10.0.0.7/stream1"
    assert CANARY not in repr(cameras["cam-hanghai-zichen"]) + str(source)
    assert first.labels() == {
        "kind": "camera",
        "site": "hanghai-zichen",
        "lat": "34.7155",
        "lon": "113.7411",
    }
    assert second.labels() == {"kind": "camera"}
    assert second.source().every_ms == 10_000
    assert [type(watch).__name__ for watch in first.watches()] == [
        "CameraHealth",
        "FixedHeads",
        "StreetCounts",
    ]
    assert [type(watch).__name__ for watch in second.watches()] == ["CameraHealth"]


def test_no_cameras_at_all(tmp_path: Path) -> None:
    cameras, problems = load_cameras(write(tmp_path, "cameras: []"))
    assert (problems, list(cameras or ())) == ([], [])
    assert len(Cameras()) == 0


ENCODE = "write a @ : / ? # of user and password as %40 %3A %2F %3F %23"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param("id: a/b", "2:9: camera 'a/b': id: must not contain '/': ", id="slash in id"),
        pytest.param("id: ''", "2:9: camera '': id: must be 1 to 200 printable", id="empty id"),
        pytest.param("evry: 5s", "4:5: camera 'dock': unknown key 'evry'; did you mean", id="typo"),
        pytest.param("every: 10", "4:12: camera 'dock': every: '10' is no duration", id="no unit"),
        pytest.param("every: 50ms", "4:12: camera 'dock': every: must be 100ms", id="too often"),
        pytest.param(
            "url: 10.0.0.7", "3:10: camera 'dock': url: must begin with rtsp://", id="host"
        ),
        pytest.param("url: http://10.0.0.7/", "3:10: camera 'dock': url: must begin", id="scheme"),
        pytest.param(
            "url: rtsp:///stream", "3:10: camera 'dock': url: names no host", id="no host"
        ),
        pytest.param("url: rtsp://h:0/", "3:10: camera 'dock': url: names no host", id="port 0"),
        pytest.param("url: rtsp://h:77777/", "3:10: camera 'dock': url: is no url", id="port"),
        pytest.param("url: rtsp://h/a b", "3:10: camera 'dock': url: has white space", id="space"),
        pytest.param(
            "url: file://clip.mp4", "3:10: camera 'dock': url: must be file://", id="file"
        ),
        pytest.param("url: file:clip.mp4", "3:10: camera 'dock': url: must be file://", id="path"),
        pytest.param(
            f"url: 'rtsp://viewer:12/{CANARY}@h/'",
            f"3:10: camera 'dock': url: has an @ or # behind the host; {ENCODE}",
            id="slash in password",
        ),
        pytest.param(
            f"url: 'rtsp://viewer:{CANARY}/x@h/'",
            f"3:10: camera 'dock': url: is no url; {ENCODE}",
            id="slash later in password",
        ),
        pytest.param(
            f"url: 'rtsp://viewer:12#{CANARY}@h/'",
            f"3:10: camera 'dock': url: has an @ or # behind the host; {ENCODE}",
            id="hash in password",
        ),
        pytest.param(
            "url: 'rtsp://viewer:${NOBODY}@h/'",
            "3:10: url: environment variable NOBODY is not set",
            id="unset variable",
        ),
        pytest.param(
            "place: {lat: 134.7, lon: 113.7}",
            "4:18: camera 'dock': lat: must be at most 90, found 134.7",
            id="lat and lon swapped",
        ),
        pytest.param(
            "detectors: [{type: litter}]",
            "4:24: camera 'dock': unknown type 'litter' in detectors; known: ",
            id="unknown detector",
        ),
    ],
)
def test_mistakes(tmp_path: Path, lines: str, said: str) -> None:
    entry = {"id": "id: dock", "url": "url: rtsp://10.0.0.7/stream1"}
    key = lines.split(":")[0]
    entry[key] = lines
    text = "cameras:\n  - " + "\n    ".join(entry.values()) + "\n"
    _, problems = load_cameras(write(tmp_path, text), env={})
    assert len(problems) == 1, problems
    assert said in str(problems[0])
    assert CANARY not in str(problems[0])


def test_two_of_one_id(tmp_path: Path) -> None:
    text = """
    cameras:
      - {id: dock, url: rtsp://10.0.0.7/a}
      - {id: quay, url: rtsp://10.0.0.7/b}
      - {id: dock, url: rtsp://10.0.0.7/c}
    """
    _, problems = load_cameras(write(tmp_path, text))
    assert [(p.line, p.message) for p in problems] == [
        (4, "camera 'dock': there are two of this id; give one another id")
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    cameras, problems = load_cameras(tmp_path / "none.yaml")
    assert cameras is None
    assert [problem.message for problem in problems] == [
        "cannot be read: No such file or directory"
    ]


REGISTRY = """id,name,kind,site,lat,lon
same,Same,camera,s1,34.7155,113.7411
other,Other,camera,s2,34.7155,113.7411
bare,Bare,camera,,,
"""


def test_a_place_that_differs_from_the_registry(tmp_path: Path) -> None:
    (tmp_path / "registry.csv").write_text(REGISTRY)
    registry, problems = Registry.read(tmp_path / "registry.csv")
    assert problems == []
    text = """
    cameras:
      - {id: same, url: rtsp://h/, site: s1, place: {lat: 34.7155, lon: 113.7411}}
      - {id: other, url: rtsp://h/, site: s3, place: {lat: 34.7155, lon: 113.7412}}
      - {id: bare, url: rtsp://h/, site: s4, place: {lat: 1, lon: 2}}
      - {id: unknown, url: rtsp://h/, site: s5, place: {lat: 1, lon: 2}}
    """
    _, problems = load_cameras(write(tmp_path, text), registry=registry)
    mend = "leave it out here, or mend the registry"
    assert [(p.line, p.message) for p in problems] == [
        (3, f"camera 'other': site: the registry has it at 's2'; {mend}"),
        (3, f"camera 'other': place: the registry has it at 34.7155, 113.7411; {mend}"),
    ]
