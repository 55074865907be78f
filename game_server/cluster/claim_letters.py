"""Claims to one seats, told by one worker of a machine to the others: for where no directory hears them.

The supervisor decides about claims, or with several machines their common directory. Either may be away, and a
supervisor may die with a claim unread. Then the workers agree among themselves: each has every sibling hear of what it
holds, once, and is answered with what the sibling holds above it. By the rule of core/one_seats.py one such letter
settles a seat between two processes, whichever of them sends it. A sibling that does not answer is told again, until it
has heard or is gone.

Knows claims and how a sibling is asked; knows nothing of supervisors, directories or sockets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from ..core.one_seats import Claim
from ..errors import NoAnswer
from ..web.others import Letter
from .claims import Claims
from .tasks import Tasks

RETRY_S = 0.5
#: claims in one letter
CLAIMS_MAX = 1000


class ClaimLetters:
    """What the siblings of a process have yet to hear of its claims.

    Args:
        claims: of this process.
        node: its name.
        siblings: gives the other processes of this machine.
        ask: sends one of them a letter; raises NoAnswer where it is not answered.
    """

    def __init__(
        self,
        claims: Claims,
        node: str,
        siblings: Callable[[], list[str]],
        ask: Callable[[str, Letter], Awaitable[Letter]],
    ) -> None:
        self._claims, self._node, self._siblings, self._ask = claims, node, siblings, ask
        #: for each sibling that is being told: seats of which it has not heard
        self._untold: dict[str, set[str]] = {}
        self._tasks = Tasks("claims_not_told")

    def tell(self, seats: Iterable[str]) -> None:
        """Have the siblings that there are now hear of these seats, soon."""
        seats = set(seats)
        for node in self._siblings() if seats else ():
            if node in self._untold:
                self._untold[node] |= seats
            else:
                self._untold[node] = set(seats)
                self._tasks.spawn(self._keep_telling(node))

    def tell_all(self) -> None:
        """Have them hear of every seat that is held here."""
        self.tell(self._claims.numbers)

    def hear(self, node: str, told: Sequence[tuple[str, int]]) -> Letter:
        """Give up what a sibling has won; answer with what is held here above its claims."""
        higher = []
        for seat, number in told:
            self._claims.lose(seat, Claim(number, node))
            if (held := self._claims.claim_of(seat)) is not None:
                higher.append((seat, held.number))
        return {"higher": higher}

    def stop(self) -> None:
        """Tell nobody any more."""
        self._tasks.cancel()

    async def _keep_telling(self, node: str) -> None:
        try:
            while (untold := self._untold[node]) and node in self._siblings():
                seats = [untold.pop() for _ in range(min(len(untold), CLAIMS_MAX))]
                if not await self._told(node, seats):
                    self._untold[node].update(seats)
                    await asyncio.sleep(RETRY_S)
        finally:
            del self._untold[node]

    async def _told(self, node: str, seats: Sequence[str]) -> bool:
        """Tell a sibling of some seats; return whether it heard."""
        held = [(seat, claim.number) for seat in seats if (claim := self._claims.claim_of(seat)) is not None]
        if not held:
            return True
        try:
            answer = await self._ask(node, {"claims": held, "of": self._node})
        except NoAnswer:
            return False
        for seat, number in answer.get("higher", ()):
            self._claims.lose(seat, Claim(number, node))
        return True
