"""Find or create a room: quick match, by id, by private code; resume by token; limits.

`Lobby` holds the rooms of a process and the table of tokens. Tokens are looked up by their hash and then compared in
constant time; the one before stays good until the client has the new one, or a lost welcome would lock the player
out.

Knows rooms and definitions; knows nothing of connections, time or where randomness comes from: `now_s`, ids, seeds
and tokens are given.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import attrs

from ..errors import CloseCode, ProtocolError
from .definition import GameDefinition
from .limits import BucketsByKey, LobbyLimits, RoomLimits, TokenBucket
from .metrics import Counts, total
from .protocol import Join, Resume
from .quiet import QuietRooms
from .room import Room
from .session import Role, Session, State
from .tickets import Tickets
from .words import clean_name

#: no 0 O 1 I L: codes are read aloud and typed on phones
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LEN = 6
#: above all events: a device that is new to a seat has missed none
EVENT_NEWEST = 2**63


@attrs.frozen(eq=False)
class Secrets:
    """Where unguessable things come from (the shell uses the `secrets` module, tests a seeded random)."""

    make_token: Callable[[], str]
    make_room_id: Callable[[], str]
    random: Random


class Lobby:
    """The rooms of one process.

    Args:
        definitions: the games, by name.
        room_limits: what bounds each room.
        limits: what bounds their number.
        secrets: for tokens, ids, codes and seeds.
    """

    def __init__(
        self, definitions: Mapping[str, GameDefinition], room_limits: RoomLimits, limits: LobbyLimits, secrets: Secrets
    ) -> None:
        self.definitions = dict(definitions)
        self.limits, self.room_limits = limits, room_limits
        self.rooms: dict[str, Room] = {}
        self._quiet = QuietRooms()
        self.is_draining = False
        #: whether all processes together have as many rooms as they may
        self.is_service_full = False
        #: tallies of rooms that have ended
        self.ended_counts = Counts()
        self.rooms_made = 0
        #: how often a limit was reached, by its name
        self.limited: Counter[str] = Counter()
        self._secrets = secrets
        self._by_code: dict[str, Room] = {}
        self._by_token: dict[bytes, Session] = {}
        #: of games with one seat for each user, by (game, user)
        self.one_seats: dict[tuple[str, str], Session] = {}
        self._bucket = TokenBucket(limits.rooms_per_s, max(limits.rooms_per_s, 1))
        self._maker_buckets = BucketsByKey(limits.rooms_address_per_s, limits.rooms_address_burst)
        self.tickets = Tickets(secrets.make_token)
        #: digests of the tokens that lead to a session, of which some may be good no more
        self._digests: dict[Session, set[bytes]] = {}

    # ---- joining -----------------------------------------------------------------------------------------------

    def join(
        self,
        request: Join,
        link: Any,
        is_json: bool,
        now_s: float,
        maker: str | None = None,
        user_id: str | None = None,
        placed_in: str | None = None,
    ) -> Session:
        """Seat a player as its join message asks; raise ProtocolError with the documented code when that cannot be.

        `maker` is who is limited in making rooms, None for nobody; `user_id` is None for a guest; `placed_in` is the
        room that a directory chose for it, which may have to be made.
        """
        if self.is_draining:
            raise ProtocolError(CloseCode.DRAINING, "the server is shutting down")
        definition = self.definitions.get(request.game)
        if definition is None:
            known = ", ".join(sorted(self.definitions))
            raise ProtocolError(CloseCode.BAD_JOIN, f"no game {request.game!r}; there are {known}"[:110])
        if definition.cls.requires_identity and user_id is None and not request.ticket:
            raise ProtocolError(CloseCode.BAD_IDENTITY, f"{definition.name} wants a signed token in join.identity")
        self._check_schema(request.schema_hash, definition)
        if request.spectate or request.ticket:
            return self._watch(request, definition, link, is_json, now_s)
        name = self._clean(request.name)
        room = self._room_for(request, definition, now_s, maker, placed_in)
        self.disturb(room)
        token = self._secrets.make_token()
        session = room.join(name, token, link, is_json, now_s, user_id)
        self._remember(token, session)
        if user_id is not None and definition.cls.one_seat_per_user:
            self.one_seats[definition.name, user_id] = session
        return session

    def seat_of_user(self, request: Join, user_id: str | None) -> Session | None:
        """Return the one seat that a user has in the game it asks for, if the game gives each user but one."""
        if user_id is None or request.spectate or request.ticket:
            return None
        session = self.one_seats.get((request.game, user_id))
        return session if session is not None and session.state is not State.ENDED else None

    def move(self, request: Join, session: Session, link: Any, is_json: bool, now_s: float) -> bool:
        """Give a user's seat to its newest device; return False when the join asks for another room than the seat's."""
        room: Room = session.room
        asked = request.room or (request.code or "").upper() or None
        if request.create or asked not in (None, room.room_id, room.code):
            return False
        self._check_schema(request.schema_hash, room.definition)
        self.disturb(room)
        self._forget_tokens(session)
        token = self._secrets.make_token()
        room.resume(session, token, link, is_json, None, EVENT_NEWEST, now_s)
        session.old_token = None  # it is another device's
        self._remember(token, session)
        return True

    def _watch(self, request: Join, definition: GameDefinition, link: Any, is_json: bool, now_s: float) -> Session:
        if request.create or request.options:
            raise ProtocolError(CloseCode.BAD_JOIN, "who watches makes no room; give room, code or none of them")
        if request.ticket:
            room = self.tickets.room(request.ticket, now_s)
            if room is None or room.room_id not in self.rooms:
                raise ProtocolError(CloseCode.ROOM_NOT_FOUND, "this ticket is for no room, or not good any more")
            self.disturb(room)
            return room.watch(Role.UNSEEN, link, is_json, now_s)
        if not request.room and not request.code:
            watchable = [room for room in self.rooms.values() if self._is_watchable(room, definition)]
            if not watchable:
                raise ProtocolError(CloseCode.ROOM_NOT_FOUND, f"nobody plays {definition.name} now")
            room = max(watchable, key=lambda room: len(room.sessions))
        else:
            room = self._room_for(request, definition, now_s, None)
        self.disturb(room)
        return room.watch(Role.PUBLIC, link, is_json, now_s)

    def _is_watchable(self, room: Room, definition: GameDefinition) -> bool:
        return room.definition is definition and room.code is None and room.closing is None and room.is_watchable

    def _room_for(
        self,
        request: Join,
        definition: GameDefinition,
        now_s: float,
        maker: str | None,
        placed_in: str | None = None,
    ) -> Room:
        asked = [key for key in ("room", "code", "create") if getattr(request, key)]
        if len(asked) > 1:
            raise ProtocolError(CloseCode.BAD_JOIN, f"give one of room, code, create, not {' and '.join(asked)}")
        if request.private and not request.create:
            raise ProtocolError(CloseCode.BAD_JOIN, "private goes with create")
        if request.room or request.code:
            room = self.rooms.get(request.room or "") or self._by_code.get((request.code or "").upper())
            if room is None or room.definition is not definition or (room.code and not request.code):
                what = "room" if request.room else "code"
                raise ProtocolError(CloseCode.ROOM_NOT_FOUND, f"no {definition.name} room has this {what}")
            return room
        options = definition.parse_options(request.options)
        placed = self.rooms.get(placed_in or "")
        if not request.create:
            if placed is not None and self._fits(placed, definition, options):
                return placed
            if placed is None and placed_in:
                return self.create(definition, options, False, now_s, maker, placed_in)
            fitting = [room for room in self.rooms.values() if self._fits(room, definition, options)]
            if fitting:
                return max(fitting, key=lambda room: len(room.sessions))
        return self.create(definition, options, request.private, now_s, maker, None if placed else placed_in)

    def _fits(self, room: Room, definition: GameDefinition, options: Any) -> bool:
        is_open = room.code is None and not room.is_locked and room.closing is None and room.has_free_seat
        return is_open and room.definition is definition and room.options == options

    def create(
        self,
        definition: GameDefinition,
        options: Any,
        is_private: bool,
        now_s: float,
        maker: str | None = None,
        room_id: str | None = None,
    ) -> Room:
        """Make a room, under an id that was given out already or a new one.

        Raises:
            ProtocolError: there are too many.
        """
        if len(self.rooms) >= self.limits.rooms_max:
            self.limited["rooms_max"] += 1
            raise ProtocolError(CloseCode.SERVER_FULL, f"the server has its {self.limits.rooms_max} rooms")
        if self.is_service_full:
            self.limited["service_rooms_max"] += 1
            raise ProtocolError(CloseCode.SERVER_FULL, "the service has all the rooms that it may have")
        if maker is not None and not self._maker_buckets.spend(maker, now_s):
            self.limited["rooms_address_per_s"] += 1
            rate = self.limits.rooms_address_per_s
            raise ProtocolError(CloseCode.RATE_LIMITED, f"over {rate:g} new rooms a second from this address")
        if not self._bucket.spend(now_s):
            self.limited["rooms_per_s"] += 1
            raise ProtocolError(CloseCode.SERVER_FULL, f"over {self.limits.rooms_per_s:g} new rooms a second")
        code = self._make_code() if is_private else None
        seed = self._secrets.random.getrandbits(63)
        origin_s = self._origin_s(definition.cls.tick_rate, now_s)
        room_id = room_id or self._secrets.make_room_id()
        room = Room(room_id, definition, options, seed, self.room_limits, origin_s, code)
        self.rooms[room.room_id] = room
        self.disturb(room)
        self.rooms_made += 1
        if code:
            self._by_code[code] = room
        return room

    def _origin_s(self, tick_rate: int, now_s: float) -> float:
        """Return when a new room's tick 0 is due: at most one period ago, in the slot of the period with fewest rooms.

        Rooms are spread evenly over the period, but in slots: those of one slot tick one after the other, which
        wakes the process less often and finds its caches warm.
        """
        period_s = 1.0 / tick_rate
        slots = max(1, round(period_s * 1000 / self.limits.tick_slot_ms))
        taken = [0] * slots
        for room in self.rooms.values():
            if room.clock.tick_rate == tick_rate:
                taken[round(room.clock.origin_s % period_s / period_s * slots) % slots] += 1
        origin_s = now_s // period_s * period_s + taken.index(min(taken)) * period_s / slots
        return origin_s if origin_s <= now_s else origin_s - period_s

    def _make_code(self) -> str:
        while True:
            code = "".join(self._secrets.random.choice(CODE_ALPHABET) for _ in range(CODE_LEN))
            if code not in self._by_code:
                return code

    def _clean(self, name: str) -> str:
        len_max = self.room_limits.name_len_max
        longer = clean_name(name, len_max + 1)
        if len(longer) <= len_max:
            return longer
        self.limited["name_len_max"] += 1
        return clean_name(name, len_max)

    def _check_schema(self, schema_hash: str | None, definition: GameDefinition) -> None:
        if schema_hash is not None and schema_hash != definition.schema_hash:
            raise ProtocolError(CloseCode.SCHEMA_CHANGED, f"{definition.name} has changed; reload the page")

    def resume(self, request: Resume, link: Any, is_json: bool, now_s: float) -> tuple[Session, Any]:
        """Give a player its seat again; return its session and the connection that held it until now, or None."""
        session = self._by_token.get(_digest(request.token))
        good = session.good_tokens if session else ()
        if session is None or not any(hmac.compare_digest(request.token.encode(), token.encode()) for token in good):
            raise ProtocolError(CloseCode.SEAT_GONE, "no seat is held for this token; join again")
        room: Room = session.room
        self._check_schema(request.schema_hash, room.definition)
        old_link = session.link if session.state is State.SEATED else None
        self.disturb(room)
        self._forget_tokens(session, but=_digest(request.token))
        # The token shown is the one the client holds for sure: it is the one that stays good.
        session.token = request.token
        token = self._secrets.make_token()
        room.resume(session, token, link, is_json, request.tick, request.event, now_s)
        self._remember(token, session)
        return session, old_link

    def _remember(self, token: str, session: Session) -> None:
        digest = _digest(token)
        self._by_token[digest] = session
        self._digests.setdefault(session, set()).add(digest)

    def _forget(self, session: Session) -> None:
        self._forget_tokens(session)
        key = (session.room.definition.name, session.seat.user_id or "")
        if self.one_seats.get(key) is session:
            del self.one_seats[key]

    def _forget_tokens(self, session: Session, but: bytes | None = None) -> None:
        digests = self._digests.pop(session, set())
        if but in digests:
            self._digests[session] = {but}
            digests.discard(but)
        for digest in digests:
            del self._by_token[digest]

    # ---- keeping house -----------------------------------------------------------------------------------------

    def disturb(self, room: Room) -> None:
        """Say that something was done to a room: it is looked at again, even if it was quiet."""
        if self.rooms.get(room.room_id) is room:
            self._quiet.disturb(room)

    def forget_ended(self, room: Room) -> None:
        """Take the tokens of a room's ended sessions out of the table."""
        if room.ended:
            self.disturb(room)
        for session in room.ended:
            self._forget(session)
        room.ended.clear()

    def look(self, now_s: float) -> list[Room]:
        """Return the rooms to keep, which are all but those in which nothing can happen yet."""
        return self._quiet.look(now_s)

    def keep_house(self, now_s: float) -> list[Room]:
        """Free seats whose hold is over and return the rooms that have been empty long enough to vanish."""
        return [room for room in self.look(now_s) if self.keep_room(room, now_s)]

    def keep_room(self, room: Room, now_s: float) -> bool:
        """Free a room's seats whose hold is over; return whether it has been empty long enough to vanish."""
        room.expire(now_s)
        self.forget_ended(room)
        if now_s < room.quiet_until_s and not room.has_news:
            self._quiet.put_aside(room)
        if room.sessions or room.empty_since_s is None:
            return False
        return now_s - room.empty_since_s >= self.limits.empty_room_s

    def discard(self, room: Room) -> None:
        """Forget a room; its tally stays."""
        self._quiet.forget(room)
        del self.rooms[room.room_id]
        self.tickets.forget(room)
        if room.code:
            del self._by_code[room.code]
        self.forget_ended(room)
        for session in room.sessions.values():
            self._forget(session)
        self.ended_counts.add(room.counts)

    @property
    def users(self) -> dict[str, str]:
        """The users who are here, by id, with the id of the room that each joined last."""
        sessions = (session for room in self.rooms.values() for session in room.sessions.values())
        return {session.seat.user_id: session.room.room_id for session in sessions if session.seat.user_id}

    def room_of_code(self, code: str) -> str:
        """Return the id of the private room with this code."""
        return self._by_code[code].room_id

    @property
    def codes(self) -> list[str]:
        """The codes of private rooms."""
        return list(self._by_code)

    @property
    def players(self) -> int:
        return self._quiet.seats_taken

    def counts(self) -> Counts:
        """Return what all rooms have counted, those that have ended included."""
        return total((self.ended_counts, self._quiet.counts()))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
