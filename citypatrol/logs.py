"""Log lines: events with keys and values, for people or for programs, on stderr."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import orjson
import structlog

LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(
    level: str,
    *,
    json: bool,
    stream: TextIO | None = None,
    env: Mapping[str, str] = os.environ,
) -> None:
    """Set up structlog and the standard library's logging alike; a second call replaces the first.

    ``level`` is one of ``LEVELS`` (ValueError else); libraries speak from ``warning`` on. Colours
    only on a terminal and without NO_COLOR. Tracebacks never show local variables.
    """
    if level not in LEVELS:
        message = f"'{level}' is no log level; use one of {', '.join(LEVELS)}"
        raise ValueError(message)
    out = sys.stderr if stream is None else stream
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers = (
        _for_programs() if json else _for_people(colors=out.isatty() and "NO_COLOR" not in env)
    )
    structlog.configure(
        processors=[*shared, _name_logger, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *names: _Logger(out, names[0] if names else ""),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderers,
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(LEVELS[level], logging.WARNING))


class _Logger(structlog.WriteLogger):
    """A writer that knows the module that logs."""

    def __init__(self, out: TextIO, name: str) -> None:
        super().__init__(out)
        self.name = name


def _name_logger(
    logger: _Logger, _: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    event["logger"] = logger.name
    return event


def _for_programs() -> list[structlog.typing.Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_dumps)]


def _for_people(*, colors: bool) -> list[structlog.typing.Processor]:
    plain = structlog.dev.plain_traceback  # the default one prints local variables
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _dumps(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
