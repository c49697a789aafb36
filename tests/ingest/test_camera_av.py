"""PyAV against a real RTSP server, and against faults that no server can be asked for."""

import itertools
import shutil
import socket
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.servers.clip import make_clip
from bench.servers.free_port import free_port
from bench.servers.rtsp import RtspServer, rtsp_server
from bench.servers.scripted import scripted_camera
from ingest.camera_av import CameraTrouble, pictures
from ingest.camera_retry import Trouble
from ingest.camera_wire import Pixels

CANARY = "canary-5f1c"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "short.mp4")
    make_clip(folder / "b.mp4", b_frames=3)
    make_clip(folder / "rare.mp4", seconds=6, keyframe_s=6)
    make_clip(folder / "small.mp4", width=192, height=128, shade=200)
    with rtsp_server(folder) as server:
        yield server


def watch(
    url: str, *, every_s: float = 0.2, read_s: float = 5, transport: str = "tcp"
) -> Iterator[Pixels]:
    return pictures(
        url,
        every_s=every_s,
        open_s=2,
        read_s=read_s,
        came_back=lambda: None,
        count=lambda reason: None,
        transport=transport,
    )


def trouble(url: str, *, transport: str = "tcp") -> Trouble:
    with pytest.raises(CameraTrouble) as caught:
        next(watch(url, transport=transport))
    assert CANARY not in repr(caught.getrepr(style="short").reprcrash)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.trouble


Answer = Callable[[str], bytes]


@pytest.fixture
def answering() -> Iterator[Callable[[Answer | None], int]]:
    """A port where each request is answered so; with None it is never answered."""
    listeners: list[socket.socket] = []

    def serve(answer: Answer | None) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    with connection:
                        while request := connection.recv(4096):
                            lines = request.decode().split("\r\n")
                            number = next(line for line in lines if line.startswith("CSeq"))
                            connection.sendall(answer(number) if answer is not None else b"")
                except OSError:
                    if listener.fileno() == -1:
                        return

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    yield serve
    for listener in listeners:
        listener.close()


def says(status: str, *headers: str) -> Answer:
    def answer(number: str) -> bytes:
        return "\r\n".join([f"RTSP/1.0 {status}", number, *headers, "", ""]).encode()

    return answer


LOGIN = 'WWW-Authenticate: Digest realm="camera", nonce="1f"'


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(None, Trouble.SILENT, id="silent"),
        pytest.param(says("401 Unauthorized", LOGIN), Trouble.UNAUTHORIZED, id="401"),
        pytest.param(says("403 Forbidden"), Trouble.UNAUTHORIZED, id="403"),
        pytest.param(says("453 Not Enough Bandwidth"), Trouble.BUSY, id="453"),
        pytest.param(says("503 Service Unavailable"), Trouble.BUSY, id="503"),
    ],
)
def test_a_server_that_says_no(
    answering: Callable[[Answer | None], int], answer: Answer | None, expected: Trouble
) -> None:
    port = answering(answer)
    assert trouble(f"rtsp://viewer:{CANARY}@127.0.0.1:{port}/stream1") is expected


def test_refused() -> None:
    url = f"rtsp://viewer:{CANARY}@127.0.0.1:{free_port()}/stream1"
    assert trouble(url) is Trouble.REFUSED


def test_a_name_that_nobody_knows() -> None:
    assert trouble(f"rtsp://viewer:{CANARY}@camera.invalid/stream1") is Trouble.UNREACHABLE


def test_a_stream_that_is_not_there(server: RtspServer) -> None:
    assert trouble(server.url("none.mp4", user=f"viewer:{CANARY}")) is Trouble.NOT_FOUND


def test_a_camera_without_this_transport(server: RtspServer) -> None:
    assert trouble(server.url("short.mp4"), transport="udp") is Trouble.TRANSPORT


def test_a_stream_without_video(server: RtspServer) -> None:
    sound = server.folder / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    assert trouble(sound.as_uri()) is Trouble.NO_VIDEO
    assert trouble(server.url("sound.wav")) is Trouble.BUSY


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100], ids=["empty", "text"])
def test_a_file_that_is_no_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert trouble(path.as_uri()) is Trouble.BROKEN
    assert trouble((tmp_path / "none.mp4").as_uri()) is Trouble.NOT_FOUND


@pytest.mark.parametrize("clip", ["short.mp4", "b.mp4", "rare.mp4"])
@pytest.mark.parametrize("every_s", [0.2, 1.2])
def test_pictures_come_at_their_pace(server: RtspServer, clip: str, every_s: float) -> None:
    """Also from lone keyframes of a stream that reorders, and between keyframes far apart."""
    times = []
    for pixels in itertools.islice(watch(server.url(clip), every_s=every_s), 3):
        times.append(time.monotonic())
        assert pixels.shape == (192, 320, 3)
        assert pixels.dtype == np.uint8
        assert abs(int(pixels[100, 100, 0]) - 60) < 8
    assert 1.5 * every_s < times[-1] - times[0] < 3 * every_s + 3


def test_a_stream_that_ends_says_so(server: RtspServer) -> None:
    with pytest.raises(CameraTrouble) as caught:
        for _ in watch(server.url("short.mp4", loops=1)):
            pass
    assert caught.value.trouble is Trouble.ENDED


def test_a_freeze_is_noticed(tmp_path: Path) -> None:
    make_clip(tmp_path / "short.mp4")
    with rtsp_server(tmp_path) as server:
        stream = watch(server.url("short.mp4"), read_s=1.5)
        next(stream)
        server.freeze()
        began = time.monotonic()
        with pytest.raises(CameraTrouble) as caught:
            for _ in stream:
                pass
        assert caught.value.trouble is Trouble.FROZEN
        assert time.monotonic() - began < 10


def test_a_stream_may_change_its_size_on_the_way(tmp_path: Path, server: RtspServer) -> None:
    clip = server.folder / "changing.mp4"
    shutil.copy(server.folder / "short.mp4", clip)
    stream = watch(server.url("changing.mp4"))
    assert next(stream).shape == (192, 320, 3)
    aside = tmp_path / "aside.mp4"
    shutil.copy(server.folder / "small.mp4", aside)
    aside.replace(clip)
    shapes = (pixels.shape for pixels in itertools.islice(stream, 60))
    assert (128, 192, 3) in shapes


def test_a_file_is_played_in_a_loop_in_its_own_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, keyframe_s=0.5)
    began = time.monotonic()
    taken = list(itertools.islice(watch(clip.as_uri(), every_s=0.5), 4))
    assert len(taken) == 4
    assert time.monotonic() - began > 1


def test_a_damaged_stream_is_counted_and_goes_on(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", seconds=2, keyframe_s=0.3)
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    clip.write_bytes(data)
    lost: Counter[str] = Counter()
    stream = pictures(
        clip.as_uri(),
        every_s=0.05,
        open_s=2,
        read_s=2,
        came_back=lambda: None,
        count=lambda reason: lost.update([reason]),
    )
    assert len(list(itertools.islice(stream, 12))) == 12
    assert lost.keys() <= {"undecodable", "corrupt"}
    assert lost.total() > 0


def test_frames_of_nonsense_are_a_trouble_of_their_own(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", keyframe_s=0.5)
    with scripted_camera(clip) as camera:
        stream = watch(camera.url("a"), read_s=1)
        next(stream)
        camera.say("corrupt")
        with pytest.raises(CameraTrouble) as caught:
            for _ in itertools.islice(stream, 100):
                pass
    assert caught.value.trouble is Trouble.DAMAGED


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_rtp_over_udp(tmp_path: Path, codec: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", codec=codec)
    with scripted_camera(clip) as camera:
        stream = pictures(
            camera.url("a"),
            every_s=0.2,
            open_s=5,
            read_s=5,
            came_back=lambda: None,
            count=lambda reason: None,
            transport="udp",
        )
        shades = [int(pixels[100, 100, 0]) for pixels in itertools.islice(stream, 3)]
    assert shades == pytest.approx([60] * 3, abs=8)
