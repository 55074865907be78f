"""The command line: what may be asked for, and one clear line for what may not.

Knows the games that are installed here, because their brains play; knows nothing of how a run works.
"""

import argparse
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import attrs

from game_server.core.conditions import Conditions
from game_server.core.protocol import SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON
from game_server.errors import DefinitionError
from game_server.web.games import LoadedGame, load_game

from .population import Share
from .scenario import Scenario, ScenarioError, load_scenario, names
from .stages import Stages
from .thresholds import Threshold

SUBPROTOCOLS = {"binary": SUBPROTOCOL_BINARY, "json": SUBPROTOCOL_JSON}
CLIENTS = 100
DURATION_S = 20.0
CLIENTS_A_SECOND = 100
#: what has to hold where --find-limit is told nothing else
LIMIT_THRESHOLDS = ("frames_share>=0.95", "errors<1", "closes<1")
#: after the ramp, until the last clocks are set
SETTLE_S = 1.5
#: CPU time of a received and a sent frame, without and with a body of ten entities and a brain's thought: for `auto`
HEAD_US, DECODE_US = 17.0, 30.0
#: a process that needs more of a core is a limit
CORE_SHARE_MAX = 0.85

_DESCRIPTION = """\
Drive a game server with bots over real sockets, and report what they saw.

With --clients, measuring begins when all are in. Latencies count from when an input was due, not from when it was
sent."""

_EPILOGUE = """\
exit codes: 0 pass, 1 error (nobody could play), 2 bad arguments, 99 a threshold failed, 105 aborted"""


class UsageError(Exception):
    """The arguments make no sense; the text says what would."""


@attrs.frozen(kw_only=True, eq=False)
class Options:
    """One load test."""

    game: LoadedGame
    scenario: Scenario
    scenario_name: str | None
    #: clients over time, or new clients a second
    stages: Stages
    is_arrivals: bool
    #: when measuring begins, in seconds from the start
    measured_from_s: float
    #: fill so many rooms evenly; None: quick match
    rooms: int | None
    url: str
    #: where the server's metrics are; None: leave them alone
    metrics_url: str | None
    #: of every client's network whose behaviour has none of its own, and as it was given
    net: str | None
    conditions: Conditions | None
    codec: str
    seed: int
    #: share of the clients that take the bodies of states apart
    decode_share: float
    room_options: dict[str, Any]
    thresholds: tuple[Threshold, ...]
    processes: int
    is_finding_limit: bool
    clients_max: int
    json: Path | None
    html: Path | None
    #: the process that this is of a run in several; None: the one that was started by hand
    worker: Share | None
    #: as they were given
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.game.definition.name

    @property
    def clients(self) -> int:
        """Most clients at once that are asked for; 0: as many as arrive."""
        return 0 if self.is_arrivals else math.ceil(self.stages.most)


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


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options; raise UsageError with one line that says what is wrong."""
    parser = _make_parser()
    asked = parser.parse_args(arguments)
    scenario = _scenario(asked.scenario)
    _fill_in(parser, asked, scenario)
    game = _game(asked.game, scenario)
    if asked.arrivals is not None and asked.rooms is not None:
        raise UsageError("argument --rooms: with --arrivals nobody knows how many will come: leave it to quick match")
    stages, measured_from_s = _plan(asked)
    clients = 0 if asked.arrivals is not None else math.ceil(stages.most)
    if asked.rooms is not None and asked.rooms > clients:
        raise UsageError(f"argument --rooms: {asked.rooms} rooms need at least as many clients, not {clients}")
    if measured_from_s >= stages.length_s:
        raise UsageError(f"argument --warmup: {measured_from_s:g} s leave nothing of {stages.length_s:g} s to measure")
    return Options(
        game=game,
        scenario=scenario,
        scenario_name=asked.scenario,
        stages=stages,
        is_arrivals=asked.arrivals is not None,
        measured_from_s=measured_from_s,
        rooms=asked.rooms,
        url=asked.url,
        metrics_url=_metrics_url(asked.metrics, asked.url),
        conditions=asked.net and Conditions.parse(asked.net),
        net=asked.net,
        codec=asked.codec,
        seed=asked.seed,
        decode_share=asked.decode_share,
        room_options=_with_seats(game, asked.options, clients, asked.rooms),
        thresholds=tuple(asked.threshold),
        processes=asked.processes or _processes_for(game, clients, asked.decode_share),
        is_finding_limit=asked.find_limit,
        clients_max=asked.clients_max,
        json=asked.json,
        html=asked.html,
        worker=asked.worker,
        arguments=tuple(arguments),
    )


def _scenario(name: str | None) -> Scenario:
    if name is None:
        return Scenario()
    try:
        return load_scenario(name)
    except ScenarioError as error:
        raise UsageError(f"argument --scenario: {error}") from None


def _fill_in(parser: _Parser, asked: argparse.Namespace, scenario: Scenario) -> None:
    """Take from the scenario what no flag has said; a flag about the population overrules all of the scenario's."""
    flags_say_when = any(getattr(asked, name) is not None for name in _WHEN)
    given = {name: getattr(scenario, attribute) for name, attribute in _FROM_SCENARIO.items()}
    for name, value in given.items():
        if getattr(asked, name) is None and value is not None and not (flags_say_when and name in _PLANS):
            as_flag = f"--{name.replace('_', '-')}"
            text = json.dumps(dict(value)) if name == "options" else str(value)
            setattr(asked, name, getattr(parser.parse_args([as_flag, text]), name))
    if asked.find_limit and not asked.threshold and not scenario.thresholds:
        asked.threshold = [Threshold.parse(text) for text in LIMIT_THRESHOLDS]
    asked.threshold = [*(_thresholds_of(scenario) if not asked.threshold else ()), *asked.threshold]
    if asked.options is None:
        asked.options = {}


#: flag -> attribute of a scenario
_FROM_SCENARIO = {
    **{name: name for name in ("game", "stages", "arrivals", "clients", "rooms", "ramp_s", "options")},
    "duration": "duration_s",
}
_PLANS = ("stages", "arrivals")
_WHEN = ("stages", "arrivals", "clients", "duration", "ramp_s")


def _thresholds_of(scenario: Scenario) -> list[Threshold]:
    try:
        return [Threshold.parse(text) for text in scenario.thresholds]
    except ValueError as error:
        raise UsageError(f"argument --scenario: {error}") from None


def _game(name: str | None, scenario: Scenario) -> LoadedGame:
    if name is None:
        raise UsageError("argument --game: say whose bots play, as in --game arena")
    try:
        game = load_game(name)
    except DefinitionError as error:
        raise UsageError(f"argument --game: {error}") from None
    if game.brain is None and not all(behaviour.brain for behaviour in scenario.behaviours):
        raise UsageError(f"argument --game: {name} has no BRAIN, so nobody can play it here")
    return game


def _plan(asked: argparse.Namespace) -> tuple[Stages, float]:
    """Return the population over time and when measuring begins."""
    plans = [name for name in _PLANS if getattr(asked, name) is not None]
    simple = [name for name in ("clients", "duration", "ramp_s") if getattr(asked, name) is not None]
    if len(plans) + bool(simple) > 1:
        flags = [f"--{name.replace('_', '-')}" for name in (*plans, *simple)]
        raise UsageError(f"argument {flags[0]}: it says how many and when, so leave out {', '.join(flags[1:])}")
    if plans and asked.find_limit:
        raise UsageError(f"argument --find-limit: it raises --clients, so leave out --{plans[0]}")
    if plans:
        return getattr(asked, plans[0]), asked.warmup or 0.0
    clients = CLIENTS if asked.clients is None else asked.clients
    duration_s = DURATION_S if asked.duration is None else asked.duration
    ramp_s = clients / CLIENTS_A_SECOND if asked.ramp_s is None else asked.ramp_s
    measured_from_s = ramp_s + SETTLE_S if asked.warmup is None else asked.warmup
    end_s = max(ramp_s, measured_from_s) + duration_s
    return Stages.of([(0.0, 0.0), (ramp_s, clients), (end_s, clients)]), measured_from_s


def with_clients(options: Options, clients: int) -> Options:
    """Return the same load test with another constant population, in rooms as full as before."""
    rooms = options.rooms
    if rooms is not None:
        rooms = max(round(rooms * clients / options.clients), 1)
    overrides = ("--clients", str(clients), *(() if rooms is None else ("--rooms", str(rooms))))
    return parse_options((*options.arguments, *overrides))


def _metrics_url(given: str | None, url: str) -> str | None:
    if given is not None:
        return None if given == "off" else given
    parts = urlsplit(url)
    return f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}/metrics"


def _processes_for(game: LoadedGame, clients: int, decode_share: float) -> int:
    """Return how many processes these clients need, and there are cores for."""
    steps_per_s = clients * game.definition.cls.tick_rate
    us_per_step = HEAD_US + decode_share * DECODE_US
    needed = math.ceil(steps_per_s * us_per_step / 1e6 / CORE_SHARE_MAX)
    return max(min(needed, os.cpu_count() or 1), 1)


def _with_seats(game: LoadedGame, given: dict[str, Any], clients: int, rooms: int | None) -> dict[str, Any]:
    """Return the rooms' options; where the game lets one choose `seats`, as many as `--rooms` needs."""
    declared = game.definition.cls.Options
    if rooms is None or declared is None or "seats" in given or "seats" not in attrs.fields_dict(declared):
        return given
    return {**given, "seats": math.ceil(clients / rooms)}
