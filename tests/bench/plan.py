"""What the generator is told: everything that it must know about a peer's protocol, and nothing else.

The file format is drawn in generator.c. This module knows it and no peer.
"""

from pathlib import Path
from typing import Literal

from attrs import field, frozen


@frozen
class Message:
    """One WebSocket message."""

    kind: Literal["text", "bin"]
    payload: bytes

    def line(self) -> str:
        """Return it as it stands in a plan."""
        return f"{self.kind} {self.payload.hex()}"


def text(content: str) -> Message:
    """Make a text message."""
    return Message("text", content.encode())


def binary(content: bytes) -> Message:
    """Make a binary message."""
    return Message("bin", content)


@frozen
class Client:
    """One client: the path of its upgrade, and the message it sends first, if any."""

    path: str
    first: Message | None = None


@frozen
class Plan:
    """A peer's protocol and the clients to open."""

    clients: list[Client]
    inputs: list[Message]  # one a direction
    states: list[Message]  # how a state message begins
    state_bytes_min: int  # with every player of the room in it
    sequence: tuple[Literal["le32", "be32", "decimal"], int] | None = None  # where its number goes in an input
    subprotocol: str = ""
    replies: list[tuple[Message, Message]] = field(factory=list)  # (how a message begins, what to answer)
    returned: str = ""  # "le32 OFFSET" or "game"; empty: it returns where the generator does not look
    ack_offset: int | None = None

    def write(self, path: Path, port: int, join_timeout_s: int, dump: Path | None = None) -> None:
        """Write the plan file."""
        lines = ["host 127.0.0.1", f"port {port}", f"join_timeout_s {join_timeout_s}"]
        if self.subprotocol:
            lines.append(f"subprotocol {self.subprotocol}")
        lines += [f"input {message.line()}" for message in self.inputs]
        if self.sequence:
            lines.append(f"sequence {self.sequence[0]} {self.sequence[1]}")
        lines += [f"state {message.line()}" for message in self.states]
        lines.append(f"state_bytes_min {self.state_bytes_min}")
        lines += [f"reply {prefix.line()} {answer.line()}" for prefix, answer in self.replies]
        if self.returned:
            lines.append(f"returned {self.returned}")
        if self.ack_offset is not None:
            lines.append(f"ack {self.ack_offset}")
        if dump:
            lines.append(f"dump {dump}")
        for client in self.clients:
            lines.append(f"client {client.path}" + (f" {client.first.line()}" if client.first else ""))
        path.write_text("\n".join(lines) + "\n")
