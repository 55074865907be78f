"""Structured logs: structlog on top of the standard library, so that Tornado's own lines look the same.

`RateLimited` keeps one noisy cause (a client that floods) from filling the disk: each cause is logged at most once a
second, with how many were left out. No secret is ever logged.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog

LEVELS = ("debug", "info", "warning", "error")

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("game_server")


def configure(level: str, as_json: bool) -> None:
    """Set logging up for the process: lines for people, or JSON lines for collectors, to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        # Plain tracebacks: those with local variables would show tokens, and take half a second to draw.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=24, exception_formatter=structlog.dev.plain_traceback
        )
    )
    if as_json:
        shared.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def log_level() -> str:
    """Return the level from which on lines are written."""
    return logging.getLevelName(logging.getLogger().level).lower()


def set_log_level(level: str) -> None:
    """Write lines from this level of LEVELS on."""
    logging.getLogger().setLevel(level.upper())
    # structlog keeps the loggers that it made; they ask the standard library for the level each time.


def printable(text: str) -> str:
    """Return text that may be a client's with all escaped that a terminal would act on."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class RateLimited:
    """Logs a cause at most once a second.

    Args:
        clock: monotonic seconds.
    """

    CAUSES_MAX = 1000

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last_s: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, cause: str, **values: Any) -> None:
        """Log a warning, unless the same cause was logged within the last second."""
        now_s = self._clock()
        if now_s - self._last_s.get(cause, -1.0) < 1.0:
            self._left_out[cause] = self._left_out.get(cause, 0) + 1
            return
        if len(self._last_s) > self.CAUSES_MAX:
            self._last_s.clear()
        self._last_s[cause] = now_s
        left_out = self._left_out.pop(cause, 0)
        if left_out:
            values["left_out"] = left_out
        log.warning(cause, **values)
