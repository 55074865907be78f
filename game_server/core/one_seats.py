"""Who has each user's one seat, in games that give a user but one, among all processes of a service.

A process that is about to seat such a user asks for a *number*, which only grows, and where the user sits now; it seats
the user, and then *takes* the seat under that number. The highest number has the seat, whoever is heard first, and a
process that holds a lower one ends its own. So a seat is given up only for one that is there already, and two are never
kept: of any two claims one loses, by a comparison that all make alike. To take again what one has changes nothing; so
claims may be told as often as one likes, late, and to a directory that has forgotten everything.

Knows no sockets and no clock. The same in Redis' language stands in cluster/redis_scripts.py.
"""

import attrs


@attrs.frozen(order=True)
class Claim:
    """A process' claim to a seat; the higher one has it."""

    number: int
    node: str


class OneSeats:
    """All claims that were heard, the highest to each seat."""

    def __init__(self) -> None:
        self._held: dict[str, Claim] = {}
        self._newest = 0

    def number(self, now_us: int) -> int:
        """Return a number above all before it; with a clock that goes on, also above those of a directory before."""
        self._newest = max(now_us, self._newest + 1)
        return self._newest

    def holder(self, seat: str) -> Claim | None:
        """Return who has a seat."""
        return self._held.get(seat)

    def take(self, seat: str, claim: Claim) -> tuple[Claim, Claim] | None:
        """Hear a claim; return the winner and the loser where there are two."""
        held = self._held.get(seat)
        if held is None or held.node == claim.node:
            self._held[seat] = max(held, claim) if held else claim
            return None
        winner, loser = max(held, claim), min(held, claim)
        self._held[seat] = winner
        return winner, loser

    def release(self, seat: str, claim: Claim) -> None:
        """Hear that a claim is given up; a later one of the same process stands."""
        if self._held.get(seat) == claim:
            del self._held[seat]

    def forget(self, node: str) -> None:
        """Forget a process that is gone."""
        self._held = {seat: claim for seat, claim in self._held.items() if claim.node != node}
