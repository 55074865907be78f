"""Scenarios: what a load test does, as a short Python file.

    from loadtest.scenario import Behaviour, Scenario

    SCENARIO = Scenario(
        game="arena",
        stages="0:0,30:500,60:500,70:0",
        behaviours=(
            Behaviour("regular", weight=7),
            Behaviour("far away", weight=1, net="delay:120,jitter:40"),
            Behaviour("talker", weight=1, chat_every_s=(3, 8)),
            Behaviour("commuter", weight=1, drop_every_s=20, away_s=(0.5, 3)),
        ),
        thresholds=("ack_p99<150", "errors<1"),
    )

`--scenario evening` runs one of those in `loadtest/scenarios`, `--scenario my_file.py` one of your own; flags beside it
win over what it says. A file is Python and is run: take scenarios from people you trust. Knows no sockets.
"""

import importlib.util
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs

from game_server.core.conditions import Conditions

from . import scenarios

if TYPE_CHECKING:
    from .client import Bot

#: a time in seconds, or the least and most of one that is drawn each time
Span = float | tuple[float, float]

CHAT_TEXTS = ("hello", "good game", "behind you!", "well played", "one more round?")


class ScenarioError(Exception):
    """There is no such scenario, or it makes no sense; the text says what would."""


def _as_span(value: Span | None) -> tuple[float, float] | None:
    return value if value is None or isinstance(value, tuple) else (value, value)


def _check_span(_: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if value is not None and not (len(value) == 2 and 0 <= value[0] <= value[1]):
        raise ValueError(f"{attribute.name} must be seconds, or (least, most), not {value}")


def _as_conditions(value: "str | Conditions | None") -> Conditions | None:
    return Conditions.parse(value) if isinstance(value, str) else value


@attrs.frozen(eq=False)
class Behaviour:
    """What some of the clients do beside playing."""

    name: str
    #: share of the clients, relative to the other behaviours' weights
    weight: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    #: what decides its inputs: called with a Random, gives an object with `think(view, own)`; None: the game's own
    brain: Callable[[Random], Any] | None = attrs.field(default=None, kw_only=True)
    #: leaves after so long, and another client takes its place; None: stays until the population shrinks
    stay_s: tuple[float, float] | None = attrs.field(
        default=None, converter=_as_span, validator=_check_span, kw_only=True
    )
    #: how long that place stays empty
    pause_s: tuple[float, float] = attrs.field(
        default=(0.0, 0.0), converter=_as_span, validator=_check_span, kw_only=True
    )
    #: says something that often; the server allows `chat_per_s`
    chat_every_s: tuple[float, float] | None = attrs.field(
        default=None, converter=_as_span, validator=_check_span, kw_only=True
    )
    chat_texts: tuple[str, ...] = attrs.field(default=CHAT_TEXTS, kw_only=True)
    #: loses its connection that often, without a word, and resumes its seat after `away_s`
    drop_every_s: tuple[float, float] | None = attrs.field(
        default=None, converter=_as_span, validator=_check_span, kw_only=True
    )
    away_s: tuple[float, float] = attrs.field(
        default=(1.0, 1.0), converter=_as_span, validator=_check_span, kw_only=True
    )
    #: tries again so long after it was refused or closed; None: its place stays empty
    retry_s: tuple[float, float] | None = attrs.field(
        default=None, converter=_as_span, validator=_check_span, kw_only=True
    )
    #: what the network does to them, as `--net`: delay:100,jitter:30 (game_server/core/conditions.py)
    net: Conditions | None = attrs.field(default=None, converter=_as_conditions, kw_only=True)
    #: a coroutine run beside its inputs while it is there, with the `Bot`: chat, command, drop and resume, leave
    script: "Callable[[Bot], Awaitable[None]] | None" = attrs.field(default=None, kw_only=True)


STEADY = Behaviour("steady")


@attrs.frozen(eq=False, kw_only=True)
class Scenario:
    """A load test. What is None here is asked for by flags, or has their default."""

    game: str | None = None
    behaviours: Sequence[Behaviour] = (STEADY,)
    #: population over time, as `--stages`
    stages: str | None = None
    #: new clients a second over time, as `--arrivals`
    arrivals: str | None = None
    clients: int | None = None
    rooms: int | None = None
    duration_s: float | None = None
    ramp_s: float | None = None
    #: what rooms are made with
    options: Mapping[str, Any] | None = None
    thresholds: Sequence[str] = ()

    def __attrs_post_init__(self) -> None:
        if not self.behaviours or not all(isinstance(item, Behaviour) for item in self.behaviours):
            raise ValueError("behaviours must be one Behaviour or more, in a tuple or list")
        if isinstance(self.thresholds, str):
            raise ValueError("thresholds must be a tuple or list of texts such as 'ack_p99<100'")

    def behaviour_of(self, number: int) -> Behaviour:
        """Return what client `number` does: among any run of consecutive clients, each behaviour has its share."""
        # The golden ratio spreads consecutive numbers evenly over the weights, whatever these are.
        place = (number * 0.618033988749895) % 1.0 * sum(item.weight for item in self.behaviours)
        for item in self.behaviours:
            place -= item.weight
            if place < 0:
                return item
        return self.behaviours[-1]


def names() -> list[str]:
    """Return the names of the scenarios that come with the load test."""
    return sorted(module.name for module in pkgutil.iter_modules(scenarios.__path__))


def load_scenario(name: str) -> Scenario:
    """Return a scenario by name or file; raise ScenarioError when there is none or it is at fault."""
    path = Path(name)
    if name in names():
        path = Path(scenarios.__path__[0]) / f"{name}.py"
    elif path.suffix != ".py" or not path.is_file():
        raise ScenarioError(f"no scenario {name!r}; there are {', '.join(names())}, or give a Python file")
    try:
        module = _run(path)
    except Exception as error:  # a file of the user's: whatever it raises is told in one line
        raise ScenarioError(f"{path}: {type(error).__name__}: {error}") from error
    scenario = getattr(module, "SCENARIO", None)
    if not isinstance(scenario, Scenario):
        raise ScenarioError(f"{path} has no SCENARIO; write `SCENARIO = Scenario(...)`")
    return scenario


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scenario_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
