"""What must hold, each claim in a module of its own; `ALL` is every one of them.

A check is told of each tick that is over, of all that clients see, of the moment when everything has come to rest, and
of the end when everybody has left. It tells its `Court` of what should not be.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from game_server.core.codec import StateMessage
from game_server.core.room import Room

from ..client import Client
from ..server import Process


class Court(Protocol):
    """Who hears of violations."""

    process: Process
    clients: list[Client]

    @property
    def now(self) -> float:
        """True time, in s."""

    def violated(self, check: str, what: str) -> None:
        """Note that a claim was false."""


class Check:
    """One claim. Hooks that a check does not override cost nothing."""

    name = ""

    def __init__(self, court: Court) -> None:
        self.court = court

    def fail(self, what: str) -> None:
        """Say what should not be."""
        self.court.violated(self.name, what)

    def after_tick(self, room: Room) -> None:
        """A room's tick is over and its frames are sent."""

    def welcomed(self, client: Client, welcome: Mapping[str, Any]) -> None:
        """A client was given its seat, and has not taken the welcome in yet."""

    def applied(self, client: Client, message: StateMessage) -> None:
        """A client took a state in."""

    def heard(self, client: Client, message: Mapping[str, Any]) -> None:
        """A client was sent events or an error, and has not taken them in yet."""

    def closed(self, client: Client, code: int, reason: str) -> None:
        """A client's connection ended."""

    def before_rest(self) -> None:
        """All faults are over; soon everything has come to rest."""

    def at_rest(self) -> None:
        """Everybody who wants to play does, and all lines are good."""

    def at_end(self) -> None:
        """Everybody has left, and seats and rooms have had the time to go."""
