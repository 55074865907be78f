"""Every message a client may send, parsed; and the text messages a server sends.

Text frames are JSON objects whose `type` is a key of `CLIENT_MESSAGES`; keys and types are checked strictly, so that
a mistake is named and not guessed at. Binary frames carry the four hot messages. What breaks the protocol raises
`ProtocolError` with the close code of docs/protocol.md. Knows nothing of sessions: whether a message is allowed now
is decided there.
"""

import math
import struct
from typing import Any, TypeVar, get_origin

import attrs
import cattrs
import ujson

from ..errors import CloseCode, ProtocolError
from .codec import Tag
from .inputs import SEQ_MAX, Input, InputType

VERSION = 1
SUBPROTOCOL_BINARY = "game.v1.binary"
SUBPROTOCOL_JSON = "game.v1.json"

MessageT = TypeVar("MessageT")


@attrs.frozen(kw_only=True)
class Join:
    """Take a seat: in the room with this id or code, in a new one, or wherever one is free.

    With `spectate`: watch a room that is there. A `ticket` from the status page shows its room unseen and undelayed.
    """

    version: int
    game: str
    name: str = ""
    room: str | None = None
    code: str | None = None
    create: bool = False
    private: bool = False
    spectate: bool = False
    ticket: str | None = None
    options: dict[str, Any] = attrs.Factory(dict)
    schema_hash: str | None = None
    identity: str | None = None
    #: from the `moved` message that led here
    placement: str | None = None


@attrs.frozen(kw_only=True)
class Resume:
    """Take a seat again after a lost connection. `tick` None asks for a full state."""

    version: int
    token: str
    tick: int | None = None
    event: int = 0
    schema_hash: str | None = None


@attrs.frozen(kw_only=True)
class Ack:
    """Newest tick applied, from a client that sends no inputs."""

    ack: int = attrs.field(validator=[attrs.validators.ge(0), attrs.validators.le(SEQ_MAX)])


@attrs.frozen(kw_only=True)
class Ping:
    """Asks for a pong with the same client_ms."""

    client_ms: float


@attrs.frozen
class Resync:
    """Asks for a full state."""


@attrs.frozen(kw_only=True)
class Chat:
    """Text for the room."""

    text: str


@attrs.frozen(kw_only=True)
class Command:
    """A one-off act that the game defines."""

    name: str
    data: Any = None


@attrs.frozen
class Leave:
    """Give the seat up."""


ClientMessage = Join | Resume | Input | Ack | Ping | Resync | Chat | Command | Leave

#: the text messages; `input` is apart because its keys are the game's
CLIENT_MESSAGES: dict[str, type] = {
    "join": Join,
    "resume": Resume,
    "ack": Ack,
    "ping": Ping,
    "resync": Resync,
    "chat": Chat,
    "command": Command,
    "leave": Leave,
}


def as_text(message: Join | Resume) -> str:
    """Return a first message as a client sends it."""
    kind = "join" if isinstance(message, Join) else "resume"
    return ujson.dumps({"type": kind, **attrs.asdict(message)}, ensure_ascii=False)


def _strict(*accepted: type) -> Any:
    def structure(value: Any, target: type) -> Any:
        if type(value) not in accepted:
            raise TypeError(f"must be {getattr(target, '__name__', 'object')}, not {value!r}"[:120])
        return value

    return structure


def _is_object(target: Any) -> bool:
    return get_origin(target) is dict


_converter = cattrs.Converter(forbid_extra_keys=True)
for _type, _accepted in ((int, (int,)), (str, (str,)), (bool, (bool,)), (float, (int, float))):
    _converter.register_structure_hook(_type, _strict(*_accepted))
_converter.register_structure_hook_func(_is_object, _strict(dict))


def parse_text(text: str | bytes, input_type: InputType | None, ack: int = 0, lag: float = 0.0) -> ClientMessage:
    """Parse a text frame.

    Args:
        text: one JSON object.
        input_type: the game's, or None before a room is joined (an input is then out of place).
        ack: what an input's absent `ack` stays at.
        lag: the same for `lag`, in ticks.

    Raises:
        ProtocolError: it is no message of this protocol.
        Refused: an input's field has a value it cannot have.
    """
    try:
        message = ujson.loads(text)
    except (ValueError, RecursionError, OverflowError) as error:
        raise ProtocolError(CloseCode.BAD_MESSAGE, f"not JSON: {error}"[:100]) from None
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "input":
        if input_type is None:
            raise ProtocolError(CloseCode.ILLEGAL_STATE, "join a room before sending inputs")
        return input_type.decode_json(message, ack, lag)
    target = CLIENT_MESSAGES.get(kind) if isinstance(kind, str) else None
    if target is None:
        known = ", ".join(["input", *CLIENT_MESSAGES])
        raise ProtocolError(CloseCode.BAD_MESSAGE, f"type must be one of {known}")
    del message["type"]
    _check_values(message)
    if target in (Join, Resume):
        _check_version(message)
    parsed: ClientMessage = structure(message, target, str(kind), CloseCode.BAD_MESSAGE)
    return parsed


INTEGER_MAX = 2**63


def _check_values(message: dict[str, Any]) -> None:
    """Refuse what ujson lets in but not every peer could be sent: a game may pass a client's data on to the others."""
    waiting: list[Any] = [message]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, float) and not math.isfinite(value):
            raise ProtocolError(CloseCode.BAD_MESSAGE, f"not JSON: {value}")
        elif isinstance(value, int) and abs(value) > INTEGER_MAX:
            raise ProtocolError(CloseCode.BAD_MESSAGE, "an integer over 64 bits")
        elif isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise ProtocolError(CloseCode.BAD_MESSAGE, "text with a lone surrogate")


def structure(values: dict[str, Any], target: type[MessageT], what: str, code: CloseCode) -> MessageT:
    """Return `values` as an instance of an attrs class, strictly; raise ProtocolError naming what is wrong."""
    try:
        return _converter.structure(values, target)
    except Exception as error:  # noqa: BLE001 - cattrs collects whatever validators raise into groups
        complaints = "; ".join(cattrs.transform_error(error, path=what, format_exception=_explain))
        raise ProtocolError(code, complaints[:110]) from None


def _explain(error: BaseException, target: type | None) -> str:
    """Say what a validator said, which names the field and what would be right; cattrs' own words for all else."""
    if type(error) is ValueError and error.args and isinstance(error.args[0], str):
        return error.args[0]
    return cattrs.v.format_exception(error, target)


def _check_version(message: dict[str, Any]) -> None:
    version = message.get("version")
    if version != VERSION:
        raise ProtocolError(
            CloseCode.UNSUPPORTED_VERSION, f"this server speaks version {VERSION}, not {version!r}"[:110]
        )


_ACK = struct.Struct("<BI")
_PING = struct.Struct("<Bd")


def parse_binary(data: bytes, input_type: InputType | None) -> ClientMessage:
    """Parse a binary frame; raises as `parse_text` does."""
    tag = data[0] if data else None
    if tag == Tag.INPUT:
        if input_type is None:
            raise ProtocolError(CloseCode.ILLEGAL_STATE, "join a room before sending inputs")
        return input_type.decode_binary(data)
    try:
        if tag == Tag.ACK:
            return Ack(ack=_ACK.unpack(data)[1])
        if tag == Tag.PING:
            return Ping(client_ms=_PING.unpack(data)[1])
        if tag == Tag.RESYNC and len(data) == 1:
            return Resync()
    except struct.error:
        pass
    raise ProtocolError(CloseCode.BAD_MESSAGE, f"no binary message has tag {tag} and {len(data)} bytes")
