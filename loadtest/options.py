"""The command line: what may be asked for, and one clear line for what may not.

Knows the games that are installed here, because their brains play; knows nothing of how a run works.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import attrs

from game_server.core.protocol import SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON
from game_server.errors import DefinitionError
from game_server.web.games import LoadedGame, load_game

from .thresholds import Threshold

SUBPROTOCOLS = {"binary": SUBPROTOCOL_BINARY, "json": SUBPROTOCOL_JSON}
CLIENTS_A_SECOND = 100

_DESCRIPTION = """\
Drive a game server with bots over real sockets, and report what they saw.

Measuring begins when all clients are in. Latencies count from when an input was due, not from when it was sent."""

_EPILOGUE = """\
exit codes: 0 pass, 1 error (nobody could play), 2 bad arguments, 99 a threshold failed, 105 aborted"""


class UsageError(Exception):
    """The arguments make no sense; the text says what would."""


@attrs.frozen(kw_only=True, eq=False)
class Options:
    """One load test."""

    game: LoadedGame
    clients: int
    #: fill so many rooms evenly; None: quick match
    rooms: int | None
    #: what is measured, after the ramp
    duration_s: float
    ramp_s: float
    url: str
    codec: str
    seed: int
    #: share of the clients that take the bodies of states apart
    decode_share: float
    room_options: dict[str, Any]
    thresholds: tuple[Threshold, ...]
    json: Path | None

    @property
    def name(self) -> str:
        return self.game.definition.name


class _Parser(argparse.ArgumentParser):
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


def _make_parser() -> _Parser:
    parser = _Parser(
        prog="python -m loadtest",
        description=_DESCRIPTION,
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    whole = _number(int, 1, 100_000, "a whole number from 1 to 100000")
    seconds = _number(float, 0.1, 1e6, "seconds, at least 0.1")
    add = parser.add_argument
    add("--game", required=True, help="whose bots play: a folder of game_server/games, or an importable module")
    add("--clients", type=whole, default=100, metavar="N", help="how many bots (100)")
    add("--rooms", type=whole, metavar="N", help="fill N new rooms evenly; without it, quick match")
    add("--options", type=_json_object, default={}, metavar="JSON", help="what the rooms are made with")
    add("--duration", type=seconds, default=20.0, metavar="S", help="seconds to measure, after the ramp (20)")
    add(
        "--ramp-s",
        type=_number(float, 0, 1e6, "seconds, 0 or more"),
        metavar="S",
        help=f"seconds over which the clients come (1 for each {CLIENTS_A_SECOND})",
    )
    add("--url", type=_url, default="ws://127.0.0.1:8888/ws", help="the game socket (%(default)s)")
    add("--codec", choices=tuple(SUBPROTOCOLS), default="binary", help="(%(default)s)")
    add("--seed", type=int, default=1, help="of the bots' choices (1)")
    add(
        "--decode-share",
        type=_number(float, 1e-6, 1, "above 0 and at most 1"),
        default=1.0,
        metavar="X",
        help="share of the bots that take states apart and think; the others copy a roommate's input (1.0)",
    )
    add(
        "--threshold",
        type=_threshold,
        action="append",
        default=[],
        metavar="'ack_p99<100'",
        help="what a figure must be (times in ms), or the exit code is 99; may be repeated",
    )
    add("--json", type=_file, metavar="FILE", help="write the report there as well")
    return parser


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options; raise UsageError with one line that says what is wrong."""
    asked = _make_parser().parse_args(arguments)
    try:
        game = load_game(asked.game)
    except DefinitionError as error:
        raise UsageError(f"argument --game: {error}") from None
    if game.brain is None:
        raise UsageError(f"argument --game: {asked.game} has no BRAIN, so nobody can play it here")
    if asked.rooms is not None and asked.rooms > asked.clients:
        raise UsageError(f"argument --rooms: {asked.rooms} rooms need at least as many clients, not {asked.clients}")
    return Options(
        game=game,
        clients=asked.clients,
        rooms=asked.rooms,
        duration_s=asked.duration,
        ramp_s=asked.clients / CLIENTS_A_SECOND if asked.ramp_s is None else asked.ramp_s,
        url=asked.url,
        codec=asked.codec,
        seed=asked.seed,
        decode_share=asked.decode_share,
        room_options=_with_seats(game, asked.options, asked.clients, asked.rooms),
        thresholds=tuple(asked.threshold),
        json=asked.json,
    )


def _with_seats(game: LoadedGame, given: dict[str, Any], clients: int, rooms: int | None) -> dict[str, Any]:
    """Return the rooms' options; where the game lets one choose `seats`, as many as `--rooms` needs."""
    declared = game.definition.cls.Options
    if rooms is None or declared is None or "seats" in given or "seats" not in attrs.fields_dict(declared):
        return given
    return {**given, "seats": math.ceil(clients / rooms)}
