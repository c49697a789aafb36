"""The command line from outside: a process, its output, its exit status."""

import socket
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from app.commands import BUILT, NOT_BUILT
from tests.app.a_city import write_city

PICTURE = str(Path(__file__).parents[2] / "app/demo/pictures/corner.jpg")
CITYPATROL = str(Path(sys.executable).with_name("citypatrol"))


def test_help_is_instant():
    """DOORS: under 0.3 s; other work on the machine must not fail it, so the quickest of many."""
    took = []
    for _ in range(9):
        began = time.perf_counter()
        subprocess.run([CITYPATROL, "--help"], capture_output=True, timeout=60, check=True)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.3, f"median {statistics.median(took):.2f} s"


def test_help_loads_nothing_heavy(run):
    script = "import sys; from app.cli import build_parser; build_parser(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    heavy = {"pydantic", "numpy", "pyarrow", "sqlalchemy", "fastapi", "cv2", "aiohttp", "asyncio"}
    assert heavy & set(loaded) == set()


def test_help_lists_what_is_built_and_nothing_else(run):
    text = run("--help").stdout
    for name in BUILT:
        assert f"\n    {name} " in text
    for name in NOT_BUILT:
        assert f"    {name} " not in text


@pytest.mark.parametrize("name", BUILT)
def test_every_command_has_help(run, name):
    done = run(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: citypatrol {name}")


@pytest.mark.parametrize("name", NOT_BUILT)
def test_a_documented_command_that_is_not_built_says_so(run, name):
    for words in ((name,), ("-v", name, "file.yaml"), (name, "--help")):
        done = run(*words)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith(f"citypatrol: '{name}' is documented but not built yet: "), (
            done.stderr
        )


def test_version(run):
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"citypatrol {version('citypatrol')}\n",
        "",
    )


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        pytest.param((), 2, "usage: citypatrol", id="no command"),
        pytest.param(("patrol",), 2, "invalid choice: 'patrol'", id="unknown command"),
        pytest.param(("check",), 2, "the following arguments are required: PATH", id="no path"),
        pytest.param(
            ("check", "nowhere"), 2, "nowhere: there is no such file or folder", id="path"
        ),
        pytest.param(("run", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read: No such", id="run"),
        pytest.param(("serve", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read", id="serve"),
        pytest.param(("worker", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read", id="worker"),
        pytest.param(("doctor", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read", id="doctor"),
        pytest.param(("tickets", "list"), 1, "city.yaml: cannot be read", id="tickets, no city"),
        pytest.param(("tickets",), 2, "the following arguments are required: VERB", id="no verb"),
        pytest.param(("tickets", "paint", "x"), 2, "invalid choice: 'paint'", id="wrong verb"),
        pytest.param(
            ("tickets", "verdict", "x", "maybe"), 2, "invalid choice: 'maybe'", id="verdict"
        ),
        pytest.param(
            ("dead", "list", "--kind", "letter"), 2, "invalid choice: 'letter'", id="kind"
        ),
        pytest.param(("dead", "show", "one"), 2, "invalid int value: 'one'", id="number"),
        pytest.param(("detect", "no.onnx", "x.jpg"), 2, "no.onnx: no such model file", id="model"),
        pytest.param(
            ("detect", "street", "x.jpg", "--min-score", "7"), 2, "7 is no share of 1", id="score"
        ),
        pytest.param(
            ("detect", "street", "x.jpg", "--min-score", "high"),
            2,
            "high is no share of 1; write one like 0.35",
            id="score in words",
        ),
        pytest.param(
            ("detect", "traffic_light", "x.jpg", "--regions", "no.csv"),
            2,
            "no.csv: cannot be read: No such file or directory",
            id="no regions",
        ),
        pytest.param(
            ("detect", "street", PICTURE, "--draw", "/proc/no"),
            3,
            "--draw: cannot write /proc/no: No such file or directory",
            id="nowhere to draw",
        ),
        pytest.param(
            ("detect", "street", "/dev/null"), 1, "no picture that OpenCV can read", id="no picture"
        ),
        pytest.param(
            ("tickets", "list", "--limit", "0"), 2, "'0' is no number from 1 to 1000", id="limit"
        ),
        pytest.param(
            ("check", "/dev/null"), 2, "/dev/null: is neither a file nor a folder", id="no file"
        ),
        pytest.param(
            ("demo", "--port", "99999"), 2, "'99999' is no number from 1 to 65535", id="no port"
        ),
        pytest.param(("demo", "--devices", "5"), 2, "needs 400 or more", id="few devices"),
        pytest.param(
            ("demo", "--influx", "db"), 2, "'db' is no address; write one like http", id="influx"
        ),
    ],
)
def test_wrong_usage(run, tmp_path, words, status, says):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(run, tmp_path):
    write_city(tmp_path)
    script = f"{CITYPATROL} check . | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=True
    )
    assert done.stdout == "0\n"
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_said_before_anything_starts(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        done = run("demo", "--once", "--port", str(number))
    assert done.returncode == 3
    assert done.stderr == (
        f"citypatrol demo: --port {number}: Address already in use; name another port\n"
    )
