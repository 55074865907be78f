"""The lean connection moves house: frozen at a frame boundary and thawed, over a real socket pair."""

import os
import socket

import attrs
import pytest

from game_server.core.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from game_server.web.connection import LeanConnection
from tests.client_frames import frame, xor
from tests.web.connection_pair import Pair
from tests.web.raw_client import Recorder

pytestmark = [pytest.mark.gen_test, pytest.mark.usefixtures("nothing_leaks")]


async def test_frozen_connection_goes_on():
    """A frozen connection goes on in another object: half-received and half-sent bytes, counters and all."""
    pair = Pair(message_bytes_max=100_000, read_bytes_max=65_536)
    sent = frame(TEXT, b"whole") + frame(BINARY, b"x" * 300, fin=False) + frame(CONTINUATION, b"y" * 300)
    await pair.client.send(sent[:100])
    pair.arrived()
    pair.connection.poll()
    messages = [bytes((i,)) * 50_000 for i in range(100)]
    for message in messages:
        pair.connection.send_binary(message)
    await pair.client.send(sent[100:400])
    pair.arrived()
    pair.connection.poll()
    frozen = pair.connection.freeze()
    assert pair.connection.is_closed
    assert -1 == pair.connection._socket.fileno()
    assert ("game", "127.0.0.1", 400, 100) == (
        frozen.subprotocol,
        frozen.remote_address,
        frozen.bytes_in,
        frozen.messages_out,
    )
    pair.own(LeanConnection.thaw(frozen, pair.loop, xor, pair.options))
    pair.connection.watch(True)
    await pair.client.send(sent[400:])
    assert ["whole", b"x" * 300 + b"y" * 300] == await pair.receiver.wait_for(2)
    assert messages == [(await pair.client.receive())[1] for _ in messages]
    assert [] == pair.receiver.closes
    assert (len(sent), 2) == (pair.connection.bytes_in, pair.connection.messages_in)
    await pair.until_closed()


async def test_frozen_connection_goes_on_with_another_descriptor():
    """The descriptor can go through a Unix socket, as to another process; closing the old copy ends nothing."""
    pair = Pair()
    frozen = pair.connection.freeze()
    here, there = socket.socketpair()
    socket.send_fds(here, [b"x"], [frozen.descriptor])
    os.close(frozen.descriptor)
    _, (descriptor,), _, _ = socket.recv_fds(there, 1, 1)
    here.close()
    there.close()
    pair.own(LeanConnection.thaw(attrs.evolve(frozen, descriptor=descriptor), pair.loop, xor, pair.options))
    pair.connection.watch(True)
    pair.connection.send_text("still here")
    assert (TEXT, b"still here") == await pair.client.receive()
    await pair.client.send(frame(TEXT, b"so am I"))
    assert ["so am I"] == await pair.receiver.wait_for(1)
    await pair.until_closed()


@pytest.mark.parametrize("behind", [b"", frame(TEXT, b"2") + frame(PING, b"3") + frame(TEXT, b"4")[:5]])
async def test_freeze_within_a_message(behind):
    """The join may be what tells where to: what came behind it is handed on too."""
    pair = Pair()
    frozen = []

    class Mover(Recorder):
        def on_message(self, data: bytes | str) -> None:
            super().on_message(data)
            frozen.append(pair.connection.freeze())

    mover = pair.connection.receiver = Mover()
    await pair.client.send(frame(TEXT, b"1") + behind)
    pair.arrived()
    pair.connection.poll()
    assert (["1"], []) == (mover.messages, pair.receiver.messages)
    pair.own(LeanConnection.thaw(frozen[0], pair.loop, xor, pair.options))
    pair.connection.watch(True)
    await pair.client.send(frame(TEXT, b"4")[5:] if behind else frame(TEXT, b"2") + frame(TEXT, b"4"))
    assert ["2", "4"] == await pair.receiver.wait_for(2)
    if behind:
        assert (PONG, b"3") == await pair.client.receive()
    await pair.until_closed()


async def test_freeze_keeps_a_pong_that_waits():
    """What was owed to the client is owed by the next owner."""
    pair = Pair()
    while not pair.connection.unsent_bytes:
        pair.connection.send_binary(bytes(50_000))
    await pair.client.send(frame(PING, b"?"))
    pair.arrived()
    pair.connection.poll()
    pair.own(LeanConnection.thaw(pair.connection.freeze(), pair.loop, xor, pair.options))
    opcode, payload = await pair.client.receive()
    while opcode != PONG:
        opcode, payload = await pair.client.receive()
    assert b"?" == payload
    await pair.until_closed()


async def test_last_words_in_the_freezing_read():
    """A Close that came behind the message that froze is heard by the next owner."""
    pair = Pair()
    frozen = []

    class Mover(Recorder):
        def on_message(self, data: bytes | str) -> None:
            frozen.append(pair.connection.freeze())

    pair.connection.receiver = Mover()
    await pair.client.send(frame(TEXT, b"1"), frame(CLOSE, (1001).to_bytes(2, "big") + b"bye"))
    pair.arrived()
    pair.connection.poll()
    pair.own(LeanConnection.thaw(frozen[0], pair.loop, xor, pair.options))
    pair.connection.watch(True)
    assert (1001, "bye") == await pair.receiver.closed
    await pair.until_closed()
