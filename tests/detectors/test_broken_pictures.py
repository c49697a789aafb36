"""Files that are broken, huge, strange or no pictures: a named error each, and the others go on."""

import re
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import picture_headers
from detectors.detect import detect
from detectors.pictures import MOST_PIXELS, Unreadable, read_clip, read_picture

ANSWER = np.array([[10, 20, 40, 50, 0.9, 0]], np.float32)
NAMES = {"names": "{0: 'litter'}"}
Picture = NDArray[np.uint8]


def encoded(ending: str, picture: NDArray[np.generic]) -> bytes:
    ok, data = cv2.imencode(ending, picture)
    assert ok
    return bytes(data)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_said_to_be(*, width: int, height: int) -> bytes:
    """A PNG file with that header and a row of black pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compress(bytes(3 * width + 1))
    parts = chunk(b"IHDR", header), chunk(b"IDAT", row), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg_said_to_be(data: bytes, *, width: int, height: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def black_tiff(*, side: int, strips: int = 100) -> bytes:
    """A whole grey TIFF file of which every strip is the same few bytes (TIFF 6.0, section 4)."""
    strip = zlib.compress(bytes(side * side // strips))
    tags = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 273: 0, 277: 1, 278: side // strips}
    tags |= {279: 0}
    behind = 8 + 2 + 12 * len(tags) + 4
    tags[273], tags[279] = behind, behind + 4 * strips
    starts = behind + 8 * strips
    entries = [
        struct.pack("<HHII", tag, 4, strips if tag in (273, 279) else 1, value)
        for tag, value in tags.items()
    ]
    lists = struct.pack(f"<{2 * strips}I", *[starts] * strips, *[len(strip)] * strips)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return head + b"".join(entries) + bytes(4) + lists + strip


def with_orientation(data: bytes, turn: int) -> bytes:
    """The JPEG with an EXIF orientation in front (CIPA DC-008: tag 0x0112)."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, turn, 0)
    tiff = b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    exif = b"Exif\x00\x00" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def clip(path: Path, *, seconds: int) -> Path:
    rng = np.random.default_rng(1)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"g": "5"}
        for _ in range(5 * seconds):
            noise = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def photo(scene: Picture) -> bytes:
    return encoded(".jpg", scene)


BROKEN: dict[str, tuple[str, Callable[[bytes, Picture], bytes], str]] = {
    "empty": ("a.jpg", lambda photo, scene: b"", "is no picture.*0 bytes"),
    "text": ("a.jpg", lambda photo, scene: b"dear city\n", "is no picture that OpenCV can read"),
    "jpeg cut": ("a.jpg", lambda photo, scene: photo[: len(photo) // 2], "breaks off after"),
    "jpeg without its last byte": ("a.jpg", lambda photo, scene: photo[:-1], "breaks off after"),
    "jpeg head": ("a.jpg", lambda photo, scene: photo[:30], "breaks off after 30 bytes"),
    "png cut": ("a.png", lambda photo, scene: encoded(".png", scene)[:-40], "breaks off after"),
    "huge jpeg": (
        "a.jpg",
        lambda photo, scene: jpeg_said_to_be(photo, width=20_000, height=20_000),
        "is 20000 x 20000 pixels, more than 100 million",
    ),
    "huge png": (
        "a.png",
        lambda photo, scene: png_said_to_be(width=20_000, height=20_000),
        "is 20000 x 20000 pixels",
    ),
    "endless webp": (
        "a.webp",
        lambda photo, scene: b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\xff" * 6,
        "is 16777216 x 16777216 pixels",
    ),
    "clip of text": ("a.mp4", lambda photo, scene: b"dear city\n", "cannot be read"),
    "empty clip": ("a.mp4", lambda photo, scene: b"", "cannot be read"),
}


@pytest.mark.parametrize(("name", "make", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named_and_the_others_are_judged(
    tmp_path: Path,
    write_model: Callable[..., Path],
    photo: bytes,
    scene: Picture,
    name: str,
    make: Callable[[bytes, Picture], bytes],
    words: str,
) -> None:
    (tmp_path / name).write_bytes(make(photo, scene))
    (tmp_path / "good.jpg").write_bytes(photo)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = str(write_model(ANSWER, metadata=NAMES))
    bad, good = detect(model, [tmp_path / name, tmp_path / "good.jpg"])
    assert set(bad) == {"path", "error"}
    assert re.search(f"{re.escape(name)}: .*{words}", bad["error"])
    assert [one["label"] for one in good["findings"]] == ["litter"]
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 150


@pytest.mark.parametrize(
    ("name", "make", "size"),
    [
        pytest.param(
            "a.png",
            lambda scene: encoded(".png", scene.astype(np.uint16) * 257),
            (320, 240),
            id="16 bit",
        ),
        pytest.param("a.png", lambda scene: encoded(".png", scene[..., 0]), (320, 240), id="grey"),
        pytest.param(
            "a.jpg",
            lambda scene: with_orientation(encoded(".jpg", scene), 6),
            (240, 320),
            id="turned",
        ),
        pytest.param(
            "a.jpg",
            lambda scene: with_orientation(encoded(".jpg", scene), 3),
            (320, 240),
            id="upside down",
        ),
        pytest.param(
            "a.jpg", lambda scene: encoded(".png", scene), (320, 240), id="another ending"
        ),
        pytest.param(
            "a.jpg", lambda scene: encoded(".jpg", scene) + b"\0more", (320, 240), id="more behind"
        ),
        pytest.param("a.webp", lambda scene: encoded(".webp", scene), (320, 240), id="webp"),
        pytest.param("a.bmp", lambda scene: encoded(".bmp", scene), (320, 240), id="bmp"),
        pytest.param("a.tif", lambda scene: black_tiff(side=400), (400, 400), id="tiff"),
        pytest.param("a.png", lambda scene: encoded(".png", scene[:1, :1]), (1, 1), id="one dot"),
        pytest.param("a.png", lambda scene: encoded(".png", scene[:1]), (320, 1), id="one line"),
    ],
)
def test_strange_pictures_are_judged(
    tmp_path: Path,
    write_model: Callable[..., Path],
    scene: Picture,
    name: str,
    make: Callable[[Picture], bytes],
    size: tuple[int, int],
) -> None:
    (tmp_path / name).write_bytes(make(scene))
    (line,) = detect(str(write_model(ANSWER, metadata=NAMES)), [tmp_path / name])
    assert "error" not in line
    assert (line["width"], line["height"]) == size
    assert picture_headers.size((tmp_path / name).read_bytes()) in (size, size[::-1], None)


def test_of_an_animated_gif_the_first_picture_is_judged(tmp_path: Path, scene: Picture) -> None:
    path = tmp_path / "a.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "rgb8"
        for shade in (250, 10):
            plain = np.full((240, 320, 3), shade, np.uint8)
            frame = av.VideoFrame.from_ndarray(plain, format="rgb24").reformat(format="rgb8")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert picture_headers.size(path.read_bytes()) == (320, 240)
    assert read_picture(path).mean() > 200


def test_a_clip_that_breaks_off_says_where(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", seconds=20)
    whole = [at for at, _ in read_clip(path)]
    assert whole[-1] == pytest.approx(19, abs=0.5)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seen = []
    with pytest.raises(Unreadable, match=r"a\.mp4: (breaks off after \d+\.\d s of 20\.0 s|cannot)"):
        seen += [at for at, _ in read_clip(path)]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Unreadable, match=r"a\.mp4: (cannot be read|has no video)"):
        list(read_clip(path))


@pytest.mark.parametrize("path", [Path("/dev/zero"), Path("/dev/null"), Path("no/such.jpg")])
def test_what_is_no_picture_file_is_named(path: Path) -> None:
    with pytest.raises(Unreadable, match=str(path)):
        read_picture(path)


def test_a_file_as_large_as_a_disk_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(40 << 30)  # a hole: it takes no room
    with pytest.raises(Unreadable, match=r"a\.jpg: has over 128 MB, too much"):
        read_picture(path)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 9, 20, 24, 40])
def test_no_bytes_make_the_headers_stumble(photo: bytes, scene: Picture, length: int) -> None:
    for data in (photo, *(encoded(form, scene) for form in (".png", ".webp", ".bmp", ".gif"))):
        found = picture_headers.size(data[:length])
        assert found is None or found == (320, 240)
        picture_headers.breaks_off(data[:length])
    assert MOST_PIXELS < 20_000 * 20_000


def test_opencv_decodes_no_picture_of_gigabytes(tmp_path: Path) -> None:
    """In a process of its own: OpenCV asks once how large a picture may be, and here it is loaded
    already."""
    (tmp_path / "a.tif").write_bytes(black_tiff(side=10_100))
    read = "from detectors.pictures import read_picture; from pathlib import Path"
    command = [sys.executable, "-c", f"{read}; read_picture(Path('{tmp_path}/a.tif'))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert re.search(r"a\.tif: is no picture .*of at most 100 million pixels", done.stderr)
