"""What can go wrong, who is at fault, and which close code says so.

    GameServerError
    +-- DefinitionError      a game class, entity or input is declared wrongly; raised when it is made
    +-- ProtocolError        the peer broke the protocol: its connection is closed with `code` and `reason`
    +-- Refused              the peer asked for something it cannot have: an `error` message, the connection stays
    |   +-- BadCommand       raised by a game's `command` hook
    +-- NoAnswer             another process of the service was asked for something and did not answer

Our own mistakes are plain exceptions and assertions: they are never turned into a polite answer.
Knows no transport. The table of close codes here and the one in docs/protocol.md are compared by a test.
"""

import enum


class CloseCode(enum.IntEnum):
    """Why a connection was closed: RFC 6455 section 7.4 below 4000, this protocol's own from 4000."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_UTF8 = 1007
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    BAD_MESSAGE = 4000
    UNSUPPORTED_VERSION = 4001
    UNSUPPORTED_SUBPROTOCOL = 4002
    JOIN_TIMEOUT = 4003
    ROOM_NOT_FOUND = 4004
    ROOM_FULL = 4005
    SCHEMA_CHANGED = 4006
    BAD_JOIN = 4007
    RATE_LIMITED = 4008
    IDLE = 4009
    TAKEN_OVER = 4010
    KICKED = 4011
    ROOM_CLOSED = 4012
    ROOM_CRASHED = 4013
    TOO_SLOW = 4014
    SEAT_GONE = 4015
    DRAINING = 4016
    SERVER_FULL = 4017
    DEAD = 4018
    ILLEGAL_STATE = 4019
    BAD_IDENTITY = 4020
    BANNED = 4021
    MOVED = 4022


class ErrorCode(enum.StrEnum):
    """What an `error` message says was refused."""

    STALE_INPUT = "stale_input"
    BAD_VALUE = "bad_value"
    RATE_LIMITED = "rate_limited"
    CHAT_REFUSED = "chat_refused"
    BAD_COMMAND = "bad_command"


class GameServerError(Exception):
    """The root of everything this package raises on purpose."""


class DefinitionError(GameServerError):
    """A game, entity, input or field is declared in a way that cannot work."""


class ProtocolError(GameServerError):
    """The peer is at fault; its connection is closed with `code`."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(f"{code.name.lower()}: {reason}")
        self.code = code
        self.reason = reason


class Refused(GameServerError):
    """The peer asked for something it cannot have; it is told so and stays connected."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NoAnswer(GameServerError):
    """Another process of the service did not answer, or is not there; the text says which."""


class BadCommand(Refused):
    """Raised by a game's `command` hook; the text tells the player what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.BAD_COMMAND, str(message))
