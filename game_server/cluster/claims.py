"""The one seats of users that this process has given: which session has each, and under which number.

In a game with `one_seat_per_user` the newer of a user's connections has the seat, wherever in the service it is. The
rule is core/one_seats.py's: the highest number wins. This is the part of a process in it: it knows its own claims,
ends what another has won, and tells which have ended by themselves.

Knows the hub and sessions; knows nothing of who decides between processes (a supervisor, Redis) or how it is asked.
"""

from collections.abc import Mapping

import attrs

from ..core.one_seats import Claim
from ..core.protocol import Join
from ..core.session import Session, State
from ..errors import CloseCode, ProtocolError
from ..web.hub import Hub
from ..web.player import Player
from .board import Sought

JOINED_ELSEWHERE = "you joined another room"


@attrs.frozen(eq=False)
class _Held:
    session: Session
    number: int


class Claims:
    """The claims of one process.

    Args:
        hub: its players.
        node: its name.
    """

    def __init__(self, hub: Hub, node: str) -> None:
        self._hub, self._node = hub, node
        self._held: dict[str, _Held] = {}
        #: those that ended, with their numbers, until a directory has been told
        self.ended: dict[str, int] = {}

    def seat_of(self, message: Join) -> str | None:
        """Return which one seat a join is for; None where the game gives none, the join takes none, or is not good."""
        hub = self._hub
        definition = hub.lobby.definitions.get(message.game)
        if definition is None or not definition.cls.one_seat_per_user or message.spectate or message.ticket:
            return None
        if message.identity is None or hub.identity is None:
            return None
        try:
            return seat_key(message.game, hub.identity.verify(message.identity))
        except ProtocolError:
            return None  # whoever takes the join in says what is wrong with it

    def number_after(self, seat: str, number: int) -> int:
        """Return a number of this process' own making that is above what it holds."""
        held = self._held.get(seat)
        return max(number, held.number + 1) if held else number

    def is_outdone(self, sought: Sought) -> bool:
        """Return whether a newer claim to the same seat was seated here while this one was on its way."""
        held = self._live(sought.seat)
        return held is not None and held.number > sought.number

    def hold(self, sought: Sought, player: Player) -> bool:
        """Note that a player has been given a one seat here; return whether it was given one."""
        session = player.session
        if session is None or session.state is State.ENDED:
            return False
        self.ended.pop(sought.seat, None)
        self._held[sought.seat] = _Held(session, sought.number)
        return True

    def lose(self, seat: str, winner: Claim) -> None:
        """End what is held here, if the winner's claim is the higher one."""
        held = self._live(seat)
        if held is None or winner.node == self._node or winner < Claim(held.number, self._node):
            return
        del self._held[seat]
        self._hub.remove(held.session, CloseCode.TAKEN_OVER, JOINED_ELSEWHERE)

    def claim_of(self, seat: str) -> Claim | None:
        """Return this process' claim to a seat."""
        held = self._live(seat)
        return Claim(held.number, self._node) if held else None

    @property
    def numbers(self) -> dict[str, int]:
        """The claims that stand: seat -> number. Those whose session has ended are put to `ended`."""
        for seat in [seat for seat, held in self._held.items() if held.session.state is State.ENDED]:
            self.ended[seat] = self._held.pop(seat).number
        return {seat: held.number for seat, held in self._held.items()}

    def told(self, ended: Mapping[str, int]) -> None:
        """Note that a directory has heard of some that ended."""
        for seat, number in ended.items():
            if self.ended.get(seat) == number:
                del self.ended[seat]

    def _live(self, seat: str) -> _Held | None:
        held = self._held.get(seat)
        return held if held is not None and held.session.state is not State.ENDED else None


def seat_key(game: str, user_id: str) -> str:
    """Return the name of the one seat that a user has in a game."""
    return f"{game} {user_id}"
