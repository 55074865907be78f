"""The command line: which flags there are, and one clear line for a value that makes no sense.

Knows the form of each value; knows nothing of what the flags mean together.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from game_server.core.conditions import Conditions
from game_server.core.protocol import SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON

from .population import Share
from .scenario import names
from .stages import Stages
from .thresholds import Threshold

SUBPROTOCOLS = {"binary": SUBPROTOCOL_BINARY, "json": SUBPROTOCOL_JSON}
CLIENTS = 100
DURATION_S = 20.0
CLIENTS_A_SECOND = 100

_DESCRIPTION = """\
Drive a game server with bots over real sockets, and report what they saw.

With --clients, measuring begins when all are in. Latencies count from when an input was due, not from when it was
sent."""

_EPILOGUE = """\
exit codes: 0 pass, 1 error (nobody could play), 2 bad arguments, 99 a threshold failed, 105 aborted"""


class UsageError(Exception):
    """The arguments make no sense; the text says what would."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would end the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _number(kind: Callable[[str], float], low: float, high: float, what: str) -> Callable[[str], Any]:
    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {what}, not {text!r}")
        return value

    return convert


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise argparse.ArgumentTypeError(f"must be like ws://127.0.0.1:8888/ws, not {text!r}")
    return text


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"""must be a JSON object like '{{"seats": 20}}', not {text!r}""")
    return value


def _stages(text: str) -> Stages:
    try:
        return Stages.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _conditions(text: str) -> str:
    try:
        Conditions.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _processes(text: str) -> int:
    """Return how many; 0 for `auto`."""
    return 0 if text == "auto" else int(_number(int, 1, 64, "auto or a whole number from 1 to 64")(text))


def _metrics(text: str) -> str:
    if text != "off" and urlsplit(text).scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError(f"must be off, or like http://127.0.0.1:8888/metrics, not {text!r}")
    return text


def _worker(text: str) -> Share:
    index, _, count = text.partition("/")
    return Share(int(index), int(count))


def _threshold(text: str) -> Threshold:
    try:
        return Threshold.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"must be a file in a folder that exists, not {text!r}")
    return path


def make_parser() -> Parser:
    """Return the parser of all flags; None stands for what was not said."""
    parser = Parser(
        prog="python -m loadtest",
        description=_DESCRIPTION,
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    whole = _number(int, 1, 100_000, "a whole number from 1 to 100000")
    seconds = _number(float, 0.1, 1e6, "seconds, at least 0.1")
    _add_who_plays(parser, whole)
    _add_when(parser, whole, seconds)
    _add_how(parser)
    _add_what_comes_out(parser)
    return parser


def _add_who_plays(parser: argparse.ArgumentParser, whole: Callable[[str], Any]) -> None:
    add = parser.add_argument_group("who plays").add_argument
    add("--game", help="whose bots play: a folder of game_server/games, or an importable module")
    add("--scenario", metavar="NAME", help=f"what they do: {', '.join(names())}, or a Python file (docs/loadtest.md)")
    add("--rooms", type=whole, metavar="N", help="fill N new rooms evenly; without it, quick match")
    add("--options", type=_json_object, metavar="JSON", help="what the rooms are made with")
    add("--seed", type=int, default=1, help="of the bots' choices (1)")


def _add_when(parser: argparse.ArgumentParser, whole: Callable[[str], Any], seconds: Callable[[str], Any]) -> None:
    none_or_more = _number(float, 0, 1e6, "seconds, 0 or more")
    add = parser.add_argument_group("when").add_argument
    add("--clients", type=whole, metavar="N", help=f"how many bots ({CLIENTS})")
    add("--duration", type=seconds, metavar="S", help=f"seconds to measure, after the ramp ({DURATION_S:g})")
    text = f"seconds over which the clients come (1 for each {CLIENTS_A_SECOND})"
    add("--ramp-s", type=none_or_more, metavar="S", help=text)
    text = "instead: clients over time, as in 0:0,30:500,60:500,70:0; clients that leave are replaced"
    add("--stages", type=_stages, metavar="S:N,...", help=text)
    text = "instead: new clients a second over time, at random moments; nobody is replaced"
    add("--arrivals", type=_stages, metavar="S:N,...", help=text)
    text = "leave out the first seconds (all of the ramp; with --stages and --arrivals, 0)"
    add("--warmup", type=none_or_more, metavar="S", help=text)
    text = "raise the clients from --clients on until a threshold fails; each time measured for --duration"
    add("--find-limit", action="store_true", help=text)
    add("--clients-max", type=whole, default=10_000, metavar="N", help="where --find-limit stops (%(default)s)")


def _add_how(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how").add_argument
    add("--url", type=_url, default="ws://127.0.0.1:8888/ws", help="the game socket (%(default)s)")
    text = "what the network does to every client, such as delay:100,jitter:30,stall:300/10000 (docs/loadtest.md)"
    add("--net", type=_conditions, metavar="CONDITIONS", help=text)
    add("--codec", choices=tuple(SUBPROTOCOLS), default="binary", help="(%(default)s)")
    share = _number(float, 1e-6, 1, "above 0 and at most 1")
    text = "share of the bots that take states apart and think; the others copy a roommate's input (1.0)"
    add("--decode-share", type=share, default=1.0, metavar="X", help=text)
    text = "processes to share the clients among (auto: as many as they need, and there are cores)"
    add("--processes", type=_processes, default=0, metavar="N", help=text)
    text = "where the server's metrics are, or off (/metrics of the same server)"
    add("--metrics", type=_metrics, metavar="URL", help=text)
    add("--worker", type=_worker, help=argparse.SUPPRESS)  # how a run starts its further processes


def _add_what_comes_out(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what comes out").add_argument
    text = "what a figure must be (times in ms), or the exit code is 99; may be repeated"
    add("--threshold", type=_threshold, action="append", default=[], metavar="'ack_p99<100'", help=text)
    add("--json", type=_file, metavar="FILE", help="write the report there as well")
    add("--html", type=_file, metavar="FILE", help="write it there as one page with charts")
