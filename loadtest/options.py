"""What a load test is asked to do: flags, scenario and defaults put together, and what contradicts itself refused.

Knows the games that are installed here, because their brains play; knows nothing of how a run works.
"""

import argparse
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from game_server.core.conditions import Conditions
from game_server.errors import DefinitionError
from game_server.web.games import LoadedGame, load_game

from .arguments import CLIENTS, CLIENTS_A_SECOND, DURATION_S, Parser, UsageError, make_parser
from .population import Share
from .scenario import Scenario, ScenarioError, load_scenario
from .stages import Stages
from .thresholds import Threshold

#: what has to hold where --find-limit is told nothing else
LIMIT_THRESHOLDS = ("frames_share>=0.95", "errors<1", "closes<1")
#: after the ramp, until the last clocks are set
SETTLE_S = 1.5
#: CPU time of a received and a sent frame, without and with a body of ten entities and a brain's thought: for `auto`
HEAD_US, DECODE_US = 17.0, 30.0
#: a process that needs more of a core is a limit
CORE_SHARE_MAX = 0.85


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


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options; raise UsageError with one line that says what is wrong."""
    parser = make_parser()
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


def _fill_in(parser: Parser, asked: argparse.Namespace, scenario: Scenario) -> None:
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
