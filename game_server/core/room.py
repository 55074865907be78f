"""One room: seats, the order of one tick, and what goes out.

    take_inputs()   what was told since the last tick (joins, drops, commands, replies), then one input a seat
    step()          the game's rules
    capture()       quantise the world, compare with the capture before
    outgoing()      the frames to send, one state message a seat at most

The shell calls these in this order when a tick is due, so that it can time each; everything else only queues or
answers at once (`receive`, `join`, `resume`, `drop`). Seats with the same baseline share one encoded body; a seat's
own part is a few bytes in front and, if it owns entities with owner-only fields, a few behind. A seat that skipped
states gets the merge of the diffs since its baseline.

A room is a pure function of its class, options, seed and what it was told at each tick. Knows no sockets and no
clock: `now_s` is given.
"""

import enum
from collections.abc import Sequence
from random import Random
from typing import Any

import attrs

from ..errors import CloseCode, ErrorCode, ProtocolError, Refused
from . import codec, json_codec
from .clock import TickClock
from .definition import GameDefinition
from .event_log import EventLog, LoggedEvent
from .game import Seat
from .inputs import Input
from .limits import RoomLimits
from .metrics import Counts
from .outgoing import Outgoing
from .past import Past
from .protocol import Ack, Chat, ClientMessage, Command, Leave, Ping, Resync, parse_binary, parse_text
from .rewind import History
from .session import NO_SEAT, Event, Role, Session, State
from .snapshot import Snapshot
from .spectators import Spectators, check_message
from .welcome import welcome_message
from .words import clean_chat
from .world import World

#: a message over the limit of its kind costs so many more: who goes on is closed within a second
LIMITED_COST = 9
INPUT_TAG = bytes((codec.Tag.INPUT,))


class Told(enum.Enum):
    """Kinds of what a room is told between ticks; each but CHAT and OUTSIDE names a hook of the game."""

    JOIN = "join"
    DROP = "drop"
    RESUME = "resume"
    LEAVE = "leave"
    COMMAND = "command"
    CHAT = "chat"
    NOTICE = "notice"
    DRAINING = "draining"
    OUTSIDE = "on_outside"


@attrs.frozen(eq=False)
class Act:
    """Something a room was told; taken at the next tick, in order."""

    kind: Told
    seat: Seat | None
    arguments: tuple[Any, ...] = ()


@attrs.frozen(eq=False)
class OutsideCall:
    """Work that the game asked for; its reply comes back through `Room.outside_done`."""

    name: str
    arguments: Sequence[Any]


class Room:
    """One match.

    Args:
        room_id: unique for good.
        definition: the game.
        options: the game's parsed options.
        seed: of the room's random.
        limits: what bounds it.
        origin_s: when its tick 0 is due.
        code: of a private room.
    """

    def __init__(
        self,
        room_id: str,
        definition: GameDefinition,
        options: Any,
        seed: int,
        limits: RoomLimits,
        origin_s: float,
        code: str | None = None,
    ) -> None:
        self.room_id, self.definition, self.options, self.code = room_id, definition, options, code
        self.limits = limits.for_tick_rate(definition.cls.tick_rate)
        self.seed = seed
        self.random = Random(seed)
        self.clock = TickClock(definition.cls.tick_rate, origin_s, limits.catch_up_ticks_max)
        self.counts = Counts()
        self.tick = 0
        self.is_locked = False
        self.closing: tuple[CloseCode, str] | None = None
        self.empty_since_s: float | None = origin_s
        #: before then nothing is due in a room that sleeps: whoever keeps house need not look at it
        self.quiet_until_s = 0.0
        self.seats_max = min(definition.cls.seats, getattr(options, "seats", definition.cls.seats))
        self.sessions: dict[int, Session] = {}
        #: what `connected` returned; None: it has to look again
        self._connected: list[Session] | None = None
        self.outside_calls: list[OutsideCall] = []
        #: sessions that ended since the shell last looked, for the token table
        self.ended: list[Session] = []
        #: the newest refusal of each kind that a player was told since the shell last looked: seat number and words
        self.refused: dict[ErrorCode, tuple[int, str]] = {}

        self._acts: list[Act] = []
        #: sessions that the game refused something in this tick
        self._answered: list[Session] = []
        self._inputs: dict[Seat, Any] = {}
        self._decode_input = definition.input_type.decode_binary
        self._events = EventLog(limits.event_log_len_max)
        self._outside_pending = 0

        self._history: History | None = None

        self.game = definition.cls()
        self.world = World(definition.types, self.game)
        self.game.attach(self)
        if definition.cls.rewind_max_ms is not None:
            rewind_max_ms = min(definition.cls.rewind_max_ms, limits.rewind_max_ms)
            self._history = History(self.world, definition.cls.tick_rate, rewind_max_ms, self.counts)
        self.game.start()
        views, broadcast = definition.views(self.game, limits), definition.broadcast()
        self._outgoing = Outgoing(
            self.world, self._events, definition.cls.tick_rate, limits, self.counts, views, broadcast
        )
        self.spectators = Spectators(broadcast, limits, self.counts, origin_s)
        if self._history is not None:
            self._history.add(self._outgoing.snapshot)

    # ---- what the game sees (Host) -----------------------------------------------------------------------------

    @property
    def taken(self) -> list[Seat]:
        return [self.sessions[number].seat for number in sorted(self.sessions)]

    def emit(self, name: str, data: Any, to: Seat | None) -> None:
        self.counts.events += 1
        self._events.add(self.tick, name, data, to)

    def outside_call(self, name: str, arguments: Sequence[Any]) -> None:
        if name not in self.definition.cls.outside:
            raise KeyError(f"{self.definition.cls.__name__}.outside has no {name!r}")
        if self._outside_pending >= self.limits.outside_calls_max:
            error = f"over {self.limits.outside_calls_max} calls at once"
            self._acts.append(Act(Told.OUTSIDE, None, (name, None, error)))
            self.counts.outside_failures += 1
            return
        self._outside_pending += 1
        self.counts.outside_calls += 1
        self.outside_calls.append(OutsideCall(name, arguments))

    def close(self, reason: str) -> None:
        if self.closing is None:
            self.closing = (CloseCode.ROOM_CLOSED, reason)

    def lock(self, locked: bool) -> None:
        self.is_locked = locked

    def rewind(self, seat: Seat, max_ms: float | None) -> Past:
        return self._kept.rewind(seat.number, max_ms)

    def past(self, tick: float) -> Past:
        return self._kept.at(tick)

    def input_seq(self, seat: Seat) -> int:
        return self._kept.input_seq(seat.number)

    def input_tick(self, seat: Seat) -> int:
        return self._kept.input_tick(seat.number)

    @property
    def _kept(self) -> History:
        if self._history is None or not len(self._history):
            raise RuntimeError(
                f"{self.definition.cls.__name__} looks into the past before its first step, or without `rewind_max_ms` "
                "in the class"
            )
        return self._history

    # ---- being told --------------------------------------------------------------------------------------------

    @property
    def has_free_seat(self) -> bool:
        return len(self.sessions) < self.seats_max

    @property
    def is_watchable(self) -> bool:
        """Whether the public may watch."""
        return self.definition.cls.spectator_delay_s is not None

    @property
    def is_awake(self) -> bool:
        """Whether anybody is connected: a room without steps nothing and costs nothing."""
        return bool(self.connected())

    @property
    def has_news(self) -> bool:
        """Whether it was told something that no tick has taken yet, as when its last player has just been lost."""
        return bool(self._acts)

    def connected(self) -> list[Session]:
        """Return the sessions with a connection, in seat order; the same list until one comes, goes or reconnects."""
        if self._connected is None:
            self._connected = [session for session in self.sessions.values() if session.state is State.SEATED]
        return self._connected

    def join(
        self, name: str, token: str, link: Any, is_json: bool, now_s: float, user_id: str | None = None
    ) -> Session:
        """Seat a new player and queue its welcome; raise ProtocolError when there is no seat."""
        if self.is_locked or self.closing:
            raise ProtocolError(CloseCode.ROOM_FULL, "the room takes no more players")
        if not self.has_free_seat:
            raise ProtocolError(CloseCode.ROOM_FULL, f"all {self.seats_max} seats are taken")
        number = next(number for number in range(self.seats_max) if number not in self.sessions)
        self._wake(now_s)
        seat = Seat(number, name or f"guest-{number + 1}", user_id=user_id)
        session = Session(seat, token, is_json, self.definition.input_type, self.limits, self.counts)
        session.handle(Event.JOIN)
        session.room = self
        session.connect(link, is_json)
        session.event_number = self._events.newest_number
        self._outgoing.seat(session)
        self.sessions[number] = session
        self._connected = None
        self._sort_sessions()
        self.counts.joins += 1
        self._acts.append(Act(Told.JOIN, seat))
        self._welcome(session, now_s, resumed=False)
        return session

    def resume(
        self, session: Session, token: str, link: Any, is_json: bool, tick: int | None, event: int, now_s: float
    ) -> None:
        """Give a session its new connection and queue the welcome; the shell closes the old connection, if any."""
        self._wake(now_s)
        was_dropped = session.state is State.DROPPED
        session.handle(Event.RESUME)
        self._connected = None
        session.connect(link, is_json)
        session.old_token, session.token, session.token_tick = session.token, token, self.tick
        # A full state that it still waits for was asked for because what it holds is wrong.
        session.sent_tick = self._outgoing.base_at(session, None if session.resync_wanted else tick)
        # What it applied on the connection before says nothing about how it keeps up on this one.
        session.acked_tick = session.sent_tick or 0
        session.sent_ack = session.consumed_seq
        session.event_number = min(max(event, 0), self._events.newest_number)
        session.seat.connected = True
        self.counts.resumes += 1
        if was_dropped:
            self._acts.append(Act(Told.RESUME, session.seat))
        self._welcome(session, now_s, resumed=True)

    def watch(self, role: Role, link: Any, is_json: bool, now_s: float) -> Session:
        """Let somebody watch and queue what is there to see; raise ProtocolError when that cannot be."""
        if self.closing:
            raise ProtocolError(CloseCode.ROOM_CLOSED, "the room is closing")
        self.spectators.admit(role)
        seat = Seat(NO_SEAT, "")
        session = Session(seat, "", is_json, self.definition.input_type, self.limits, self.counts, role)
        session.handle(Event.JOIN)
        session.room = self
        session.connect(link, is_json)
        session.event_number = self._events.newest_number
        self.spectators.add(session)
        self.quiet_until_s = 0.0
        self._welcome(session, now_s, resumed=False)
        if role is Role.PUBLIC:
            session.outbox += [message for _, message in self.spectators.frames([session])]
        else:
            session.outbox.append(self._outgoing.full(session))
        return session

    def drop(self, session: Session, now_s: float) -> None:
        """Note a lost connection: the seat is held for `seat_hold_s`."""
        if session.role is not Role.PLAYER:
            self.spectators.remove(session, Event.LEAVE)
            return
        session.handle(Event.LOST)
        self._connected = None
        session.disconnect(now_s)
        self.quiet_until_s = 0.0
        session.seat.connected = False
        self.counts.drops += 1
        self._acts.append(Act(Told.DROP, session.seat))
        if not self.is_awake:
            self.empty_since_s = now_s

    def remove(self, session: Session, event: Event, code: CloseCode, reason: str, now_s: float) -> None:
        """End a session and free its seat: by its own wish, an admin's, or because its time is up."""
        session.close_with = (code, reason)
        if session.role is not Role.PLAYER:
            self.spectators.remove(session, event)
            return
        session.handle(event)
        self._connected = None
        self.quiet_until_s = 0.0
        session.seat.connected = False
        del self.sessions[session.seat.number]
        self.ended.append(session)
        self.counts.leaves += 1
        self._acts.append(Act(Told.LEAVE, session.seat))
        if not self.is_awake:
            self.empty_since_s = now_s

    def expire(self, now_s: float) -> list[Session]:
        """Free the seats of players who did not come back within `seat_hold_s`; return their sessions."""
        self.spectators.refill(now_s)
        held_s = self.limits.seat_hold_s
        gone = [s for s in self.sessions.values() if s.state is State.DROPPED and now_s - s.dropped_at_s >= held_s]
        for session in gone:
            self.remove(session, Event.EXPIRED, CloseCode.SEAT_GONE, f"away for {held_s:g} s", now_s)
        if self.sessions and self.empty_since_s is not None and not any(self.spectators):
            self.quiet_until_s = min(session.dropped_at_s for session in self.sessions.values()) + held_s
        return gone

    def notice(self, text: str, **more: Any) -> None:
        """Tell everybody something at the next tick; `more` is data that stands beside the text."""
        self._acts.append(Act(Told.NOTICE, None, ({"text": text, **more},)))

    def draining(self, left_s: float) -> None:
        """Let the game know at the next tick that the server shuts down."""
        self._acts.append(Act(Told.DRAINING, None, (left_s,)))

    def outside_done(self, name: str, result: Any, error: str | None) -> None:
        """Bring the reply of outside work in; it reaches the game in the next tick."""
        self._outside_pending -= 1
        if error is not None:
            self.counts.outside_failures += 1
        self._acts.append(Act(Told.OUTSIDE, None, (name, result, error)))

    def _wake(self, now_s: float) -> None:
        if not self.is_awake:
            self.clock.restart(self.tick + 1, now_s)
        self.empty_since_s = None
        self.quiet_until_s = 0.0

    def _sort_sessions(self) -> None:
        self.sessions = dict(sorted(self.sessions.items()))

    def _welcome(self, session: Session, now_s: float, resumed: bool) -> None:
        session.partial = resumed and self._events.lost_since(session.event_number) > 0
        place = {"room": self.room_id, "code": self.code}
        room_ms = self._room_ms(session, now_s)
        session.outbox.append(welcome_message(self.definition, self.limits, session, place, room_ms, resumed))

    # ---- messages ----------------------------------------------------------------------------------------------

    def receive(self, session: Session, data: bytes | str, now_s: float) -> None:
        """Take one message of a seated session.

        What it asks for enters the next tick; an immediate answer (pong, error) is put into the session's outbox.

        Raises:
            ProtocolError: the connection is to be closed with its code.
        """
        self.counts.messages_in += 1
        session.message_budget -= 1
        if session.message_budget < 0:
            self.counts.messages_limited += 1
            raise session.too_many_messages()
        try:
            if data.__class__ is bytes and data[:1] == INPUT_TAG and not session.is_json:
                message: ClientMessage = self._decode_input(data)
            elif isinstance(data, str):
                message = parse_text(data, self.definition.input_type, session.acked_tick, session.lag)
            elif session.is_json:
                raise ProtocolError(CloseCode.UNSUPPORTED_DATA, "a binary frame under the JSON codec")
            else:
                message = parse_binary(data, self.definition.input_type)
            if session.role is not Role.PLAYER:
                check_message(message)
            if isinstance(message, Input):
                self.counts.inputs += 1
                self.counts.inputs_discarded += session.queue_input(message)
            else:
                self._receive_other(session, message, now_s)
        except Refused as refusal:
            if refusal.code is ErrorCode.RATE_LIMITED:
                session.message_budget -= LIMITED_COST
            self._refuse(session, refusal)

    def _receive_other(self, session: Session, message: Any, now_s: float) -> None:
        if isinstance(message, Leave):
            self.remove(session, Event.LEAVE, CloseCode.NORMAL, "left", now_s)
            return
        session.handle(Event.PLAY if isinstance(message, Ack | Ping | Resync | Chat | Command) else Event.JOIN)
        if isinstance(message, Ping):
            if not session.ping_bucket.spend(now_s):
                self.counts.pings_limited += 1
                raise _over(self.limits.pings_per_s, "pings")
            self._pong(session, message.client_ms, now_s)
        elif isinstance(message, Ack):
            session.acked_tick = max(session.acked_tick, min(message.ack, self.tick))
        elif isinstance(message, Resync):
            if not session.resync_bucket.spend(now_s):
                self.counts.resyncs_limited += 1
                raise _over(self.limits.resyncs_per_s, "full states")
            self.counts.resyncs += 1
            session.resync_wanted = True
        elif isinstance(message, Command):
            if not session.command_bucket.spend(now_s):
                self.counts.commands_limited += 1
                raise _over(self.limits.commands_per_s, "commands")
            self._acts.append(Act(Told.COMMAND, session.seat, (message.name, message.data)))
        else:
            text = clean_chat(message.text)
            if not text or len(text) > self.limits.chat_len_max:
                raise Refused(ErrorCode.CHAT_REFUSED, f"chat has 1 to {self.limits.chat_len_max} visible characters")
            if not session.chat_bucket.spend(now_s):
                self.counts.chats_limited += 1
                raise _over(self.limits.chat_per_s, "chat messages")
            self._acts.append(Act(Told.CHAT, session.seat, (text,)))

    def _room_ms(self, session: Session, now_s: float) -> float:
        """Return the room's time; for the public, the time that it sees."""
        delay_s = self.definition.cls.spectator_delay_s if session.role is Role.PUBLIC else 0.0
        return self.clock.room_ms(now_s) - (delay_s or 0.0) * 1000

    def _pong(self, session: Session, client_ms: float, now_s: float) -> None:
        if session.is_blocked:
            return  # it would wait behind what is unsent, and tell a time that has passed
        room_ms, late_ms = self._room_ms(session, now_s), self.clock.late_s * 1000
        if session.is_json:
            answer = {
                "type": "pong",
                "client_ms": client_ms,
                "room_ms": round(room_ms, 3),
                "late_ms": round(late_ms, 3),
            }
            session.outbox.append(json_codec.dump(answer))
        else:
            session.outbox.append(codec.encode_pong(client_ms, room_ms, late_ms))

    def _refuse(self, session: Session, refusal: Refused) -> None:
        """Count a refusal and tell the player, at most once a second for each code."""
        if refusal.code is ErrorCode.STALE_INPUT:
            self.counts.inputs_stale += 1
        elif refusal.code is ErrorCode.BAD_VALUE:
            self.counts.values_refused += 1
        else:
            self.counts.messages_refused += 1
        last_tick = session.refusals.get(refusal.code)
        if last_tick is None or self.tick - last_tick >= self.definition.cls.tick_rate:
            session.refusals[refusal.code] = self.tick
            self.refused[refusal.code] = session.seat.number, refusal.message
            session.outbox.append(json_codec.dump({"type": "error", "code": refusal.code, "message": refusal.message}))

    # ---- one tick ----------------------------------------------------------------------------------------------

    def take_inputs(self) -> None:
        """Begin the next tick: let the game hear what the room was told, then take one input a seat."""
        self.tick += 1
        self.world.tick = self.tick
        acts, self._acts = self._acts, []
        for act in acts:
            self._perform(act)
        if self._history is not None:
            self._history.note(self.sessions.values())
        missing, asleep_after = 0, self.definition.cls.tick_rate
        inputs: dict[Seat, Any] = {}
        for session in self.sessions.values():
            if session.queue:
                taken = session.queue.pop(0)
                session.consumed_seq = taken.seq
                session.last_input = taken.value
            elif session.accepted_seq and session.miss(asleep_after):
                missing += 1
            inputs[session.seat] = session.last_input
        self.counts.inputs_missing += missing
        self._inputs = inputs
        if self.tick % self.definition.cls.tick_rate == 0:
            for session in self.sessions.values():
                session.refill(1.0)

    def _perform(self, act: Act) -> None:
        if act.kind is Told.NOTICE:
            self.emit("notice", act.arguments[0], None)
        elif act.kind is Told.DRAINING:
            self.game.draining(*act.arguments)
        elif act.kind is Told.OUTSIDE:
            self.game.on_outside(*act.arguments)
        elif act.kind is Told.CHAT:
            self._chat(act)
        elif act.kind is Told.COMMAND:
            assert act.seat is not None
            try:
                self.game.command(act.seat, *act.arguments)
            except Refused as refusal:
                self._refuse_seat(act.seat, refusal)
        else:
            getattr(self.game, act.kind.value)(act.seat)
            if act.kind is Told.LEAVE and act.seat is not None:
                self.world.disown(act.seat.number)

    def _chat(self, act: Act) -> None:
        assert act.seat is not None
        text = self.game.chat(act.seat, act.arguments[0])
        if text is None:
            self._refuse_seat(act.seat, Refused(ErrorCode.CHAT_REFUSED, "the game refused this text"))
        else:
            self.emit("chat", {"seat": act.seat.number, "name": act.seat.name, "text": text}, None)

    def _refuse_seat(self, seat: Seat, refusal: Refused) -> None:
        session = self.sessions.get(seat.number)
        if session is not None and session.seat is seat and session.state is State.SEATED:
            self._refuse(session, refusal)
            self._answered.append(session)

    def step(self) -> None:
        """Run the game's rules for this tick."""
        self.game.step(self._inputs)
        self.world.settle()
        self.counts.ticks += 1

    def capture(self) -> None:
        """Quantise the world and keep what changed, when a state is due this tick."""
        if self.tick % self.definition.cls.send_every == 0:
            self._outgoing.capture(self.tick)
            if self._history is not None:
                self._history.add(self._outgoing.snapshot)

    def outgoing(self) -> list[tuple[Session, str | bytes]]:
        """Return the frames of this tick: refusals, events not sent yet, then at most one state for each seat."""
        answers = self._take_answers() if self._answered else []
        if self._outgoing.snapshot.tick != self.tick:
            return answers
        frames = self._outgoing.frames(self.connected(), self.spectators.unseen)
        if self.spectators.public:
            frames += self.spectators.frames()
        return answers + frames if answers else frames

    def _take_answers(self) -> list[tuple[Session, str | bytes]]:
        """Return what sessions were answered by the game, inside the tick, when no message of theirs waits for it."""
        answers = [(session, frame) for session in dict.fromkeys(self._answered) for frame in session.outbox]
        for session in self._answered:
            session.outbox.clear()
        self._answered.clear()
        return answers

    @property
    def last_inputs(self) -> dict[int, Any]:
        """What each seat was stepped with last, by seat number."""
        return {seat.number: value for seat, value in self._inputs.items()}

    @property
    def snapshot(self) -> Snapshot:
        """The newest captured state."""
        return self._outgoing.snapshot

    def events_since(self, number: int) -> list[LoggedEvent]:
        """Return the events above a number that are still kept, whoever they were for."""
        return self._events.since(number)


def _over(per_s: float, what: str) -> Refused:
    return Refused(ErrorCode.RATE_LIMITED, f"over {per_s:g} {what} a second; this one was discarded")
