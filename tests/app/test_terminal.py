import io

import pytest

from app.commands.detect import in_words
from app.terminal import BLOCKS, SIGNS, colour_wanted, heights, paint, printable, table, width

LITTER = {"label": "litter", "score": 0.8, "box": [1, 2.5, 3, 4]}
HEAD = {"label": "traffic_light", "score": 1, "box": [1, 2, 3, 4], "lit": 0.97}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "env", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
    ids=["terminal", "NO_COLOR", "NO_COLOR is empty", "dumb", "pipe"],
)
def test_colour(stream, env, wanted):
    assert colour_wanted(stream, env) is wanted


def test_nothing_is_painted_in_a_pipe():
    assert paint("text", code="31") == "text"


@pytest.mark.parametrize(
    ("encoding", "drawn"),
    [("utf-8", BLOCKS), ("latin-1", SIGNS), ("ascii", SIGNS)],
)
def test_blocks_where_a_terminal_can_show_them(encoding, drawn):
    class Encoded(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    assert heights(Encoded(io.BytesIO(), encoding=encoding)) == drawn
    assert heights(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) == SIGNS


def test_chinese_takes_two_columns():
    assert width("管城a") == 5
    assert table(("unit", "state"), [("管城", "open"), ("ab", "closed")]) == (
        "unit  state\n管城  open\nab    closed"
    )


def test_no_rows_no_table():
    assert table(("a",), []) == ""


def test_text_from_outside_cannot_drive_the_terminal():
    assert printable("a\x1b[2Jb\x07\u202ec") == "a\ufffd[2Jb\ufffd\ufffdc"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"path": "a.jpg", "findings": []}, "a.jpg:\n  nothing"),
        (
            {"path": "a.mp4", "t": 2.0, "findings": [LITTER]},
            "a.mp4 at 2 s:\n  litter 0.80, box 1 2.5 3 4",
        ),
        (
            {"path": "a.jpg", "findings": [HEAD]},
            "a.jpg:\n  traffic_light 1.00, box 1 2 3 4, lit 0.97",
        ),
        (
            {"path": "a.jpg", "regions": [{"box": [1, 2, 3, 4], "lit": 0.02, "state": "dark"}]},
            "a.jpg:\n  dark, lit 0.02, box 1 2 3 4",
        ),
    ],
    ids=["nothing", "a clip", "a head", "a region"],
)  # fmt: skip
def test_detections_in_words(line, words):
    assert in_words(line) == words
