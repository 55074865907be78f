"""Closes: a client that keeps to the protocol is never blamed, punished, or refused a seat that is there.

And the server never fails: no line of its log is an error, but for games that were made to raise.
"""

from collections.abc import Mapping
from typing import Any

from game_server.core.session import State

from ..client import Client
from . import Check

#: what happens to honest clients: the network, an admin, the game, or too late
HONEST = frozenset((1000, 1006, 4003, 4004, 4005, 4010, 4011, 4012, 4013, 4014, 4015, 4016, 4017, 4018))
#: what an honest client may be told
ERRORS = frozenset(("bad_command", "chat_refused", "rate_limited"))
EXPECTED_ERRORS = frozenset(("room_crashed",))


class Closes(Check):
    """See above."""

    name = "closes"

    def closed(self, client: Client, code: int, reason: str) -> None:
        if code not in HONEST:
            self.fail(f"client {client.number} was closed with {code}: {reason}")
        session = client.session
        if code == 4015 and session is not None and session.state is not State.ENDED and not client.has_twin:
            self.fail(f"client {client.number} is refused the seat that is held for it ({session.state.value})")

    def heard(self, client: Client, message: Mapping[str, Any]) -> None:
        if message["type"] == "error" and message["code"] not in ERRORS:
            self.fail(f"client {client.number} was told {message['code']}: {message['message']}")

    def at_rest(self) -> None:
        for client in self.court.clients:
            if not client.is_playing and client.status != "stopped":
                self.fail(f"client {client.number} is still {client.status}, after {client.close_code}")
