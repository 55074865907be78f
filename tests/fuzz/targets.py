"""What is fuzzed: each target takes bytes, and may raise nothing but an AssertionError that tells of a fault.

A target knows which exceptions are documented and swallows those; where two ways must agree (a stream in one piece or
in many, a state that was accepted and its checksum) it compares them.
"""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import ujson

from game_server.core.codec import Pong, StateMessage, decode_binary
from game_server.core.definition import GameDefinition
from game_server.core.frames import Failure, FrameParser, serialise_event
from game_server.core.inputs import Input, InputType
from game_server.core.json_codec import decode_state, dump, retold
from game_server.core.limits import RoomLimits
from game_server.core.protocol import parse_binary, parse_text
from game_server.core.replica import Replica
from game_server.core.room import Room
from game_server.core.schema import fields_of
from game_server.core.session import Session, State
from game_server.core.words import clean_chat, clean_name
from game_server.errors import ProtocolError, Refused
from game_server.web.takeover import unmask
from loadtest import frames as client_frames
from tests.sim.games import Push

from .games import FLOCK, VEILED, YARD
from .values import ids, inputs, values

FOLDER = Path(__file__).parent


INPUT = InputType.of(Push)
#: the same as a client knows it
CLIENTS_INPUT = InputType("Push", fields_of(INPUT.schema()), None)
NAME_LEN_MAX = 16
MESSAGE_BYTES_MAX = 300
CLIENT_MESSAGE_BYTES_MAX = 70_000
TICK_EVERY_MESSAGES = 8
#: bit of a message's first byte: from now on this client takes no states, or does again
STOPS_READING = 0x40
ROOM_LIVES_MESSAGES = 4000


@attrs.frozen
class Target:
    """One thing to be fuzzed; `start` makes a function that takes an input."""

    name: str
    start: Callable[[], Callable[[bytes], None]]
    #: whose corpus it uses, when it has none of its own
    like: str = ""

    @property
    def path(self) -> Path:
        """Where its corpus is."""
        return FOLDER / "corpus" / f"{self.like or self.name}.txt"

    def corpus(self) -> list[bytes]:
        """Return what is kept of it."""
        return load(self.path)


def load(path: Path) -> list[bytes]:
    """Read a corpus: one input a line, in hexadecimal; what follows a # is for people."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="ascii").splitlines())
    return [bytes.fromhex(line.removeprefix("-")) for line in lines if line]


# ---- frames ----------------------------------------------------------------------------------------------------


def _frames() -> Callable[[bytes], None]:
    """The server's frame parser: a stream gives the same events in one piece, in many, and across two parsers."""

    def run(data: bytes) -> None:
        whole = FrameParser(unmask, MESSAGE_BYTES_MAX).receive_data(data)
        size = (len(data) * 7 + sum(data[:4])) % 9 + 1
        parser = FrameParser(unmask, MESSAGE_BYTES_MAX)
        events: list[Any] = []
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            single = parser.single_binary(piece) if parser.is_idle else None  # as a connection asks
            events += [single] if single is not None else parser.receive_data(piece)
            if start == 5 * size and not any(_is_last(event) for event in events):
                unparsed = parser.unparsed()
                parser = FrameParser(unmask, MESSAGE_BYTES_MAX)
                events += parser.receive_data(unparsed)
        assert _told(whole) == _told(events), (whole, events)
        for event in whole:
            (again,) = FrameParser(unmask, MESSAGE_BYTES_MAX).receive_data(serialise_event(event))
            assert _told([again]) == _told([event]), (event, again)

    return run


def _is_last(event: Any) -> bool:
    return isinstance(event, Failure) or type(event).__name__ == "Close"


def _told(events: list[Any]) -> list[Any]:
    """Return events without the words of a failure, which may differ with what was there to judge."""
    return [event.code if isinstance(event, Failure) else event for event in events]


def _client_frames() -> Callable[[bytes], None]:
    """The bots' frames: any server's bytes give events or a Failure; the server reads what they write."""

    def run(data: bytes) -> None:
        if data:
            payload = (data[1:] * (1 + 110 * (data[0] >> 7)))[:CLIENT_MESSAGE_BYTES_MAX]
            written = client_frames.serialise(client_frames.BINARY, payload)
            (read,) = FrameParser(unmask, CLIENT_MESSAGE_BYTES_MAX).receive_data(written)
            assert read == payload
        parser = client_frames.FrameParser()
        size = len(data) % 11 + 1
        for start in range(0, len(data), size):
            if any(
                isinstance(event, client_frames.Failure) for event in parser.receive_data(data[start : start + size])
            ):
                return

    return run


# ---- messages --------------------------------------------------------------------------------------------------


def _text() -> Callable[[bytes], None]:
    """The server's text messages: parsed, or refused with a code; options of a join likewise."""

    def run(data: bytes) -> None:
        try:
            message = parse_text(data.decode("utf-8", "surrogateescape" if data[:1] == b"!" else "replace"), INPUT)
            options = getattr(message, "options", None)
            if options is not None:
                YARD.parse_options(options)
            _check_cleaned(getattr(message, "name", "") + getattr(message, "text", ""))
        except (ProtocolError, Refused) as error:
            _check_words(error)

    return run


def _check_cleaned(said: str) -> None:
    """Names and chat lose what is not shown or harms, within the bound, and what is clean stays as it is."""
    name, chat = clean_name(said, NAME_LEN_MAX), clean_chat(said)
    assert len(name) <= NAME_LEN_MAX
    assert (clean_name(name, NAME_LEN_MAX), clean_chat(chat)) == (name, chat)
    for cleaned in (name, chat):
        kinds = {unicodedata.category(character) for character in cleaned if character not in " \u200c\u200d"}
        assert not kinds & {"Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp"}, cleaned
        cleaned.encode("utf-8")


def _check_words(error: Exception) -> None:
    """A refusal is brief, however long what was refused."""
    assert len(str(error)) < 400, error


def _binary() -> Callable[[bytes], None]:
    """The server's binary messages, before and after a join."""

    def run(data: bytes) -> None:
        for input_type in (INPUT, None):
            try:
                message = parse_binary(data, input_type)
            except (ProtocolError, Refused) as error:
                _check_words(error)
                continue
            if isinstance(message, Input):
                seq, ack, lag, value = message
                assert CLIENTS_INPUT.encode_binary(seq, ack, lag, attrs.asdict(value)) == data

    return run


# ---- a room ----------------------------------------------------------------------------------------------------


class Club:
    """A room with a binary and a JSON player, of whom one says what the fuzzer says; it ticks as rooms do."""

    def __init__(self, definition: GameDefinition) -> None:
        limits = RoomLimits(messages_per_s=1e9, message_burst=1e9, history_s=0.5, event_log_len_max=16, checksum_s=0.25)
        self.room = Room("fuzz", definition, definition.parse_options({}), 7, limits, 0.0)
        self.clients = [Replica(definition.schema), Replica(definition.schema)]
        #: what the binary player would hold if each of its states had been told again in JSON
        self.mirror = Replica(definition.schema)
        self.messages = 0
        self.now_s = 0.0
        self.sessions: list[Session] = []

    def _seat_all(self) -> None:
        for number in (0, 1):
            if len(self.sessions) <= number or self.sessions[number].state is State.ENDED:
                session = self.room.join(f"p{number}", f"t{number}", None, number == 1, self.now_s)
                self.sessions[number : number + 1] = [session]
                self.clients[number] = Replica(self.room.definition.schema, like=self.clients[number])

    def say(self, data: bytes) -> None:
        """Let a player send this."""
        self.messages += 1
        self._seat_all()
        session = self.sessions[data[0] & 1 if data else 0]
        if data and data[0] & STOPS_READING:
            session.is_blocked = not session.is_blocked
        message: bytes | str = data[1:]
        try:
            if session.is_json or data[:1] > b"\x7f":
                message = data[1:].decode("utf-8", "replace")
            if isinstance(message, str) or not session.take_plain_input(message):
                self.room.receive(session, message, self.now_s)
        except ProtocolError:
            self.room.drop(session, self.now_s)
            self.room.resume(session, f"t{self.messages}", None, session.is_json, None, 0, self.now_s)
        session.outbox.clear()
        if self.messages % TICK_EVERY_MESSAGES == 0:
            self._tick()

    def _tick(self) -> None:
        self.now_s += 0.05
        room = self.room
        room.take_inputs()
        room.step()
        room.capture()
        for session, frame in room.outgoing():
            number = self.sessions.index(session)
            if isinstance(frame, bytes):
                self._apply(number, decode_binary(self.clients[number].types, frame))
            elif (message := ujson.loads(frame))["type"] in ("full", "delta"):
                self._apply(number, decode_state(self.clients[number].types, message))
        for session in self.sessions:
            session.outbox.clear()

    def _apply(self, number: int, message: StateMessage | Pong) -> None:
        assert isinstance(message, StateMessage)
        client = self.clients[number]
        base = None if message.advance is None else client.tick
        client.apply(message)
        if number == 0:
            again = dump(retold(client.types, message, client.tick or 0, base))
            told = decode_state(client.types, ujson.loads(again))
            assert isinstance(told, StateMessage)
            if base is None or self.mirror.tick == base:
                self.mirror.apply(told)
                assert self.mirror.rows() == client.rows(), f"told again, tick {client.tick} is another"
        assert message.checksum in (None, client.checksum()), f"seat {number} disagrees at tick {client.tick}"


def _room_of(definition: GameDefinition) -> Callable[[], Callable[[bytes], None]]:
    """A seated player says anything: only its connection may end, and both players still hold the room's state."""

    def start() -> Callable[[bytes], None]:
        club = Club(definition)

        def run(data: bytes) -> None:
            nonlocal club
            if club.messages >= ROOM_LIVES_MESSAGES:
                club = Club(definition)
            club.say(data)

        return run

    return start


# ---- the client's side -----------------------------------------------------------------------------------------


def _state() -> Callable[[bytes], None]:
    """A hostile server's binary states: read and applied, or ValueError."""
    template = Replica(YARD.schema)

    def run(data: bytes) -> None:
        replica = Replica(YARD.schema, like=template)
        replica.welcome(40, 7)
        try:
            message = decode_binary(replica.types, data)
            if isinstance(message, StateMessage):
                replica.apply(message)
                replica.checksum()
        except ValueError:
            pass

    return run


def _json_state() -> Callable[[bytes], None]:
    """A hostile server's JSON states: read and applied, or ValueError."""
    template = Replica(YARD.schema)

    def run(data: bytes) -> None:
        replica = Replica(YARD.schema, like=template)
        replica.welcome(40, 7)
        try:
            message = ujson.loads(data.decode("utf-8", "replace"))
            decoded = decode_state(replica.types, message) if isinstance(message, dict) else None
            if isinstance(decoded, StateMessage):
                replica.apply(decoded)
                replica.checksum()
        except ValueError:
            pass

    return run


TARGETS: tuple[Target, ...] = (
    Target("frames", _frames),
    Target("client_frames", _client_frames),
    Target("text", _text),
    Target("binary", _binary),
    Target("room", _room_of(YARD)),
    Target("views", _room_of(VEILED), like="room"),
    Target("state", _state),
    Target("json_state", _json_state),
    Target("columns", _room_of(FLOCK), like="room"),
    Target("values", values),
    Target("ids", ids),
    Target("inputs", inputs),
)
