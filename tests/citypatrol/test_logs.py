import io
import logging

import orjson
import pytest
import structlog

from citypatrol import logs

pytestmark = pytest.mark.usefixtures("logging_undone")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def test_json_lines_have_event_level_logger_time_and_values() -> None:
    out = io.StringIO()
    logs.configure("info", json=True, stream=out)
    structlog.get_logger("ingest.mqtt").info("connected", broker="h", port=1883, raw=b"x")
    structlog.get_logger("ingest.mqtt").debug("not said")
    structlog.get_logger().warning("nameless", values={1: None})
    first, second = lines(out)
    assert str(first.pop("timestamp")).endswith("Z")
    assert first == {
        "event": "connected", "level": "info", "logger": "ingest.mqtt",
        "broker": "h", "port": 1883, "raw": "b'x'",
    }  # fmt: skip
    assert second["values"] == {"1": None}
    assert second["logger"] == ""


def test_libraries_speak_the_same_form_from_warning_on() -> None:
    out = io.StringIO()
    logs.configure("debug", json=True, stream=out)
    logging.getLogger("aiokafka").info("not said")
    logging.getLogger("aiokafka").warning("lost %s", "broker")
    (line,) = lines(out)
    assert (line["event"], line["logger"], line["level"]) == ("lost broker", "aiokafka", "warning")


def test_a_second_call_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.configure("info", json=True, stream=first)
    logs.configure("error", json=True, stream=second)
    logging.getLogger("x").error("once")
    structlog.get_logger("x").warning("not said")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


@pytest.mark.parametrize(
    ("out", "env", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (io.StringIO(), {}, False),
    ],
    ids=["terminal", "NO_COLOR", "pipe"],
)
def test_colours(out: io.StringIO, env: dict[str, str], coloured: bool) -> None:
    logs.configure("info", json=False, stream=out, env=env)
    structlog.get_logger("x").info("started", stages=3)
    assert "started" in out.getvalue()
    assert ("\x1b[" in out.getvalue()) is coloured


def test_stderr_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", json=True)
    structlog.get_logger("x").info("said")
    assert '"said"' in capsys.readouterr().err


def test_a_wrong_level_is_named() -> None:
    with pytest.raises(ValueError, match="'loud' is no log level; use one of debug, info"):
        logs.configure("loud", json=True)
