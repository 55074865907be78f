"""A connection on its way from one process to another: what is told of it beside its descriptor.

Knows frozen connections; knows nothing of who takes them (worker.py) or how it is decided whose they are (post.py).
"""

import base64
from typing import Any

import attrs

from ..web.others import Letter
from ..web.transport import FrozenConnection
from .board import Sought


@attrs.frozen
class HandOver:
    """A connection and its first message, which is taken where it belongs.

    Args:
        frozen: the connection, as it was behind that message.
        text: the message.
        ticket: the supervisor's, to be named when it has got there.
        room: that a directory chose for it.
        placement: the directory's ticket for a seat in that room.
        sought: the claim to a user's one seat that the message makes.
    """

    frozen: FrozenConnection
    text: str
    ticket: int = 0
    room: str | None = None
    sought: Sought | None = None
    placement: str | None = None

    def letter(self) -> Letter:
        """Return it as an offer tells of it; the descriptor goes beside that."""
        sought = (self.sought.seat, self.sought.number) if self.sought else None
        values = {"message": self.text, "ticket": self.ticket, "room": self.room, "seat": sought}
        values["placement"] = self.placement
        return {"offer": {"connection": _frozen_values(self.frozen), **values}}

    @classmethod
    def parse(cls, letter: Letter, descriptor: int) -> "HandOver":
        """Return what a letter tells of, with the descriptor that came with it.

        Raises:
            ValueError: another version of this program has written it.
        """
        values = letter["offer"]
        try:
            sought = Sought(*values["seat"]) if values["seat"] else None
            frozen = _thawable(values["connection"], descriptor)
            return cls(frozen, values["message"], values["ticket"], values["room"], sought, values["placement"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"it is not understood: {error!r}") from error


def _frozen_values(frozen: FrozenConnection) -> dict[str, Any]:
    values = attrs.asdict(frozen)
    del values["descriptor"]
    for name in ("unread", "unsent"):
        values[name] = base64.b64encode(values[name]).decode()
    return values


def _thawable(values: dict[str, Any], descriptor: int) -> FrozenConnection:
    data = {name: base64.b64decode(values[name]) for name in ("unread", "unsent")}
    return FrozenConnection(**{**values, **data, "descriptor": descriptor})
