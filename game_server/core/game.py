"""What a game author writes against: the `Game` class.

A game is a class with rules and declarations: rates and sizes as plain class attributes, room state as annotated
attributes (with a wire type: every player sees it; without: it stays on the server). `start`, `join`, `drop`,
`resume`, `leave`, `step`, `command` and `chat` are hooks. They run inside a tick, in a fixed order, and never read a
clock: time is `self.tick` and `self.dt`, chance is `self.random`.

Everything a game keeps must be declared, or a keyframe would lose it: an assignment to an undeclared `self.x` is
refused when the class is made (its bytecode is scanned) and again when it happens. Knows the room only as the small
`Host` it is given.
"""

import dis
import inspect
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Protocol

import attrs

from ..errors import BadCommand, DefinitionError
from .entity import copy_mutable_defaults
from .fields import METADATA_KEY, check_annotated
from .interest import Nearby
from .past import Past
from .world import World

#: what a game may ask for; a look further back would need captures by the hundred
REWIND_MS_MAX = 2000


@attrs.define(eq=False)
class Seat:
    """A player's place in a room. `number` is its identity there; it is given again after the player left.

    `user_id` is who its signed token says it is; None for a guest.
    """

    number: int
    name: str
    connected: bool = True
    user_id: str | None = None


@attrs.frozen
class OutsideContext:
    """What outside work may use. `data_dir` is the server's folder for files that outlive it."""

    data_dir: Path


OutsideFunction = Callable[..., Awaitable[Any]]


class Host(Protocol):
    """What a room offers its game."""

    world: World
    random: Random
    options: Any
    tick: int

    @property
    def taken(self) -> list[Seat]: ...

    def emit(self, name: str, data: Any, to: Seat | None) -> None: ...

    def outside_call(self, name: str, arguments: Sequence[Any]) -> None: ...

    def close(self, reason: str) -> None: ...

    def lock(self, locked: bool) -> None: ...

    def rewind(self, seat: Seat, max_ms: float | None) -> Past: ...

    def past(self, tick: float) -> Past: ...

    def input_seq(self, seat: Seat) -> int: ...

    def input_tick(self, seat: Seat) -> int: ...


#: states of so long are kept for the public
SPECTATOR_DELAY_MAX_S = 60.0

_HOST_NAMES = ("_host", "dt", "options", "random", "world")


class Game:
    """A game's rules. Subclass it, declare, and write `step`."""

    #: shown in the lobby
    title: ClassVar[str] = ""
    #: steps a second
    tick_rate: ClassVar[int] = 20
    #: a state message every so many ticks
    send_every: ClassVar[int] = 1
    #: most players in a room
    seats: ClassVar[int] = 16
    #: entity classes on the wire, in the order of their type index
    entities: ClassVar[tuple[type, ...]] = ()
    #: the input class
    input: ClassVar[type]
    #: only users with a signed token may join; `seat.user_id` tells who
    requires_identity: ClassVar[bool] = False
    #: a user who joins again, from another device perhaps, takes the seat over; else each join gets a seat
    one_seat_per_user: ClassVar[bool] = False
    #: attrs class of room options, or None for a game without
    Options: ClassVar[type | None] = None
    #: of which types a seat sees only what is near; None: everything
    view: ClassVar[Nearby | None] = None
    #: types about which `sees` decides, for each seat
    veiled: ClassVar[tuple[type, ...]] = ()
    #: how long after the players the public sees the room, in s; None: no spectators
    spectator_delay_s: ClassVar[float | None] = None
    #: most bytes of state messages a second and seat; 0: no bound; None: what the server's setting says
    seat_bytes_per_s: ClassVar[int | None] = None
    #: how far `rewind` goes back, at most, in ms before the step; None: never, and nothing is kept for it
    rewind_max_ms: ClassVar[float | None] = None
    #: name -> async function(context, *arguments) for work outside the tick
    outside: ClassVar[Mapping[str, OutsideFunction]] = {}

    _declared: ClassVar[frozenset[str]] = frozenset(_HOST_NAMES)

    world: ClassVar[World]
    random: ClassVar[Random]
    options: ClassVar[Any]
    dt: ClassVar[float]
    _host: ClassVar[Host]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        check_annotated(cls)
        _check_shared(cls)
        attrs.define(slots=False, eq=False, kw_only=True, auto_attribs=True, field_transformer=copy_mutable_defaults)(
            cls
        )
        declared: Any = cls
        for attribute in attrs.fields(declared):
            wire = attribute.metadata.get(METADATA_KEY)
            if hasattr(Game, attribute.name) or attribute.name in _HOST_NAMES:
                raise DefinitionError(
                    f"{cls.__name__}.{attribute.name}: every game has it; to set it, write `{attribute.name} = ...` "
                    "without an annotation, and choose another name for state of your own"
                )
            if attribute.default is attrs.NOTHING:
                raise DefinitionError(f"{cls.__name__}.{attribute.name} needs a default")
            if wire is not None and (wire.to != "all" or wire.predict):
                raise DefinitionError(f"{cls.__name__}.{attribute.name}: room state is for all and never predicted")
        cls._declared = frozenset(attribute.name for attribute in attrs.fields(declared)) | frozenset(_HOST_NAMES)
        _check_assignments(cls)
        _check_sizes(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._declared:
            raise AttributeError(
                f"{type(self).__name__}.{name} is not declared; write `{name}: type = default` in the class"
            )
        object.__setattr__(self, name, value)

    def attach(self, host: Host) -> None:
        """Give the game its room; the room calls this once, before `start`."""
        self._host = host  # type: ignore[misc]
        self.world, self.random, self.options = host.world, host.random, host.options  # type: ignore[misc]
        self.dt = 1 / self.tick_rate  # type: ignore[misc]

    @property
    def tick(self) -> int:
        """Number of the step under way, from 1."""
        return self._host.tick

    @property
    def taken(self) -> list[Seat]:
        """The seats with a player, dropped ones included, in number order."""
        return self._host.taken

    def emit(self, name: str, data: Any = None, to: Seat | None = None) -> None:
        """Send an event (JSON data) to everybody, or to one seat: reliable, in order, also across a reconnection."""
        self._host.emit(name, data, to)

    def outside_call(self, name: str, *arguments: Any) -> None:
        """Ask for one of `outside`; the result enters a later tick through `on_outside`."""
        self._host.outside_call(name, arguments)

    def rewind(self, seat: Seat, max_ms: float | None = None) -> Past:
        """Return the world as this player saw it when it gave the input of this step, to judge a shot by.

        Its own entities are as they are now. Entities of a `Past` have the fields on the wire; `world.get(id)` is the
        live one, or None when it is gone by now. Needs `rewind_max_ms`.

        Args:
            seat: who looked.
            max_ms: no older than so many ms before the input arrived, whatever the client says it saw.
        """
        return self._host.rewind(seat, max_ms)

    def past(self, tick: float) -> Past:
        """Return the world at a tick, which may have a fraction, no older than `rewind_max_ms`."""
        return self._host.past(tick)

    def input_seq(self, seat: Seat) -> int:
        """Return the number of this step's input of a seat (0: none yet), for what the browser made of it ahead."""
        return self._host.input_seq(seat)

    def input_tick(self, seat: Seat) -> int:
        """Return the tick before which this step's input of a seat had arrived."""
        return self._host.input_tick(seat)

    def close_room(self, reason: str) -> None:
        """End the room after this tick; players are told the reason."""
        if not isinstance(reason, str):
            raise TypeError(f"close_room takes the reason as text, not {reason!r}")
        self._host.close(reason)

    def lock_room(self, locked: bool = True) -> None:
        """Keep new players out (or let them in again)."""
        self._host.lock(locked)

    # ---- hooks -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The room begins."""

    def join(self, seat: Seat) -> None:
        """A player took a seat."""

    def drop(self, seat: Seat) -> None:
        """A player lost its connection; the seat is held for it."""

    def resume(self, seat: Seat) -> None:
        """A dropped player is back."""

    def leave(self, seat: Seat) -> None:
        """A player gave its seat up, or did not come back in time."""

    def step(self, inputs: dict[Seat, Any]) -> None:
        """Advance the world by `self.dt` seconds.

        Every taken seat has exactly one input; a missing one is the last repeated.
        """
        raise NotImplementedError

    def command(self, seat: Seat, name: str, data: Any) -> None:
        """A player asks for a one-off act; raise `BadCommand` with what would be right to refuse it."""
        raise BadCommand(f"this game has no command {name!r}"[:100])

    def chat(self, seat: Seat, text: str) -> str | None:
        """Return the chat text to pass on, or None to refuse it."""
        return text

    def draining(self, left_s: float) -> None:
        """The server shuts down in so many seconds; a room that ends by itself before is not cut off."""

    def on_outside(self, name: str, result: Any, error: str | None) -> None:
        """Outside work is done: its result, or None and what went wrong."""

    # ---- what is seen; asked after the step, so these change nothing -------------------------------------------

    def eyes(self, seat: Seat) -> Iterable[tuple[float, float]] | None:
        """Return the places that a seat looks from; None: where it looked from last.

        Unless you say otherwise: from the oldest entity it owns that has a place.
        """
        names = (self.view.x, self.view.y) if self.view else ("x", "y")
        for entity_id in self.world.owned.get(seat.number, ()):
            entity = self.world.get(entity_id)
            try:
                return ((getattr(entity, names[0]), getattr(entity, names[1])),)
            except AttributeError:
                continue  # it has no place
        return None

    def sees(self, seat: Seat, entity: Any) -> bool:
        """Return whether a seat sees an entity of a `veiled` type. It always sees what it owns."""
        return True

    def visible(self, seat: Seat, of: type) -> Iterable[int]:
        """Return the ids of all entities of a `veiled` type that a seat sees.

        Asks `sees` about each; write this one where there are thousands.
        """
        entities: list[Any] = self.world.all(of)
        return [entity.id for entity in entities if self.sees(seat, entity)]

    def spectator_sees(self, entity: Any) -> bool:
        """Return whether the public sees an entity of a `veiled` type."""
        return True

    def spectator_visible(self, of: type) -> Iterable[int]:
        """Return the ids of all entities of a `veiled` type that the public sees."""
        entities: list[Any] = self.world.all(of)
        return [entity.id for entity in entities if self.spectator_sees(entity)]


def _check_shared(cls: type) -> None:
    """Refuse an undeclared list, dict or set: all rooms of the process would share it, and no keyframe hold it."""
    for name, value in vars(cls).items():
        is_declared = name in inspect.get_annotations(cls) or hasattr(Game, name)
        if type(value).__hash__ is None and not is_declared and not name.isupper():
            kind = type(value).__name__
            raise DefinitionError(
                f"{cls.__name__}.{name} is one {kind} for all rooms; write `{name}: {kind} = ...` and each room has "
                "its own, or capitals if it never changes"
            )


def _check_assignments(cls: type) -> None:
    """Refuse `self.x = ...` of an undeclared x, with the line it stands in."""
    declared: frozenset[str] = cls._declared  # type: ignore[attr-defined]
    for name, member in vars(cls).items():
        code = getattr(getattr(member, "fget", member), "__code__", None)
        if code is None or not code.co_varnames or name.startswith("__"):
            continue
        before, line = None, code.co_firstlineno
        for instruction in dis.get_instructions(code):
            line = instruction.starts_line or line
            is_of_self = before is not None and before.opname == "LOAD_FAST" and before.argval == code.co_varnames[0]
            if instruction.opname == "STORE_ATTR" and is_of_self and instruction.argval not in declared:
                raise DefinitionError(
                    f"{cls.__name__}.{name} (line {line}) sets self.{instruction.argval}, which is not declared; "
                    f"write `{instruction.argval}: type = default` in the class, so that keyframes hold it"
                )
            before = instruction


def _check_sizes(cls: type[Game]) -> None:
    for name, most in (("tick_rate", 240), ("send_every", 240), ("seats", 65_535)):
        value = getattr(cls, name)
        if type(value) is not int or not 1 <= value <= most:
            raise DefinitionError(f"{cls.__name__}.{name} must be a whole number from 1 to {most}, not {value!r}")
    _check_number(cls, "spectator_delay_s", cls.spectator_delay_s, SPECTATOR_DELAY_MAX_S)
    _check_number(cls, "seat_bytes_per_s", cls.seat_bytes_per_s, math.inf)
    _check_number(cls, "rewind_max_ms", cls.rewind_max_ms, REWIND_MS_MAX)


def _check_number(cls: type[Game], name: str, value: Any, most: float) -> None:
    if value is not None and (type(value) not in (int, float) or not 0 <= value <= most):
        raise DefinitionError(f"{cls.__name__}.{name} must be None or from 0 to {most:g}, not {value!r}")
