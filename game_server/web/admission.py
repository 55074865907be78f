"""Who is let in: handshakes a second, connections that have not joined, players in all and of one address, bans.

Admission counts the connections of this process and answers at the two moments when somebody can be turned away: before
the upgrade, while it is cheap, and at the first message, when it is known whether a player comes back to a seat that is
held, who is let in always. An address here is a group of addresses (an IPv6 /64). Knows nothing of rooms or sockets.
"""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from ..core.limits import BucketsByKey, TokenBucket
from ..errors import CloseCode, ProtocolError
from ..settings import Settings
from .addresses import Addresses, group_of
from .bans import Bans


class Admission:
    """The doorkeeper of one process.

    Args:
        settings: the server's.
        addresses: knows which are exempt.
        bans: those that hold.
        note_limit: told the name of the setting whenever a limit is reached.
    """

    def __init__(self, settings: Settings, addresses: Addresses, bans: Bans, note_limit: Callable[[str], None]) -> None:
        self._settings, self._addresses, self._bans, self._note_limit = settings, addresses, bans, note_limit
        #: connections that have not joined, and those that have: in all and, if limited, by who is limited as one
        self.openings = 0
        self.joined = 0
        self.joined_by_group: Counter[str] = Counter()
        self._handshakes = TokenBucket(settings.handshakes_per_s, settings.handshake_burst)
        self._handshakes_by_group = BucketsByKey(settings.handshakes_address_per_s, settings.handshake_address_burst)

    def may_shake_hands(self, address: str, now_s: float) -> bool:
        """Return whether a game connection may be opened now; asked before the upgrade, while it is cheap."""
        if not self._addresses.is_exempt(address) and not self._handshakes_by_group.spend(group_of(address), now_s):
            self._note_limit("handshakes_address_per_s")
            return False
        if not self._handshakes.spend(now_s):
            self._note_limit("handshakes_per_s")
            return False
        return True

    def open(self) -> str | None:
        """Count a new connection, which has yet to join; return why it is refused, or None."""
        self.openings += 1
        if self.openings > self._settings.openings_max:
            self._note_limit("openings_max")
            return f"{self._settings.openings_max} connections are joining already"
        return None

    def refuse_banned(self, address: str, user_id: str | None) -> None:
        """Raise ProtocolError when a ban concerns one of them."""
        ban = self._bans.find(address, user_id, time.time())
        if ban is not None:
            self._bans.refused += 1
            until = datetime.fromtimestamp(ban.until_unix_s, UTC)
            raise ProtocolError(CloseCode.BANNED, f"until {until:%Y-%m-%d %H:%M} UTC: {ban.reason}")

    def refuse_surplus(self, address: str, crowded: frozenset[str]) -> None:
        """Raise ProtocolError when there are too many players to let another one join.

        Args:
            address: of the one who wants to join.
            crowded: those that have as many players on all machines together as one may.
        """
        settings, group = self._settings, group_of(address)
        if self.joined >= settings.connections_max:
            self._refuse("connections_max", f"the server has its {settings.connections_max} players")
        if self._addresses.is_exempt(address):
            return
        if self.joined_by_group[group] >= settings.connections_address_max:
            reason = f"this address has its {settings.connections_address_max} players"
            self._refuse("connections_address_max", reason)
        if group in crowded:
            reason = f"this address has its {settings.service_address_max} players on all machines"
            self._refuse("service_address_max", reason)

    def _refuse(self, limit: str, reason: str) -> None:
        self._note_limit(limit)
        raise ProtocolError(CloseCode.SERVER_FULL, reason)

    def join(self, address: str) -> None:
        """Count an open connection as a player's from now on."""
        self.openings -= 1
        self.joined += 1
        if not self._addresses.is_exempt(address):
            self.joined_by_group[group_of(address)] += 1

    def leave(self, address: str, has_joined: bool) -> None:
        """Forget a connection: it is closed, or goes on elsewhere."""
        if not has_joined:
            self.openings -= 1
            return
        self.joined -= 1
        if self._addresses.is_exempt(address):
            return
        group = group_of(address)
        self.joined_by_group[group] -= 1
        if not self.joined_by_group[group]:
            del self.joined_by_group[group]

    @property
    def limited_addresses(self) -> dict[str, int]:
        """The addresses that are limited in players, and how many each has."""
        return dict(self.joined_by_group)
