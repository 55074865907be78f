"""Reading and writing a room's sockets in one call: the same as each by itself, however what comes is cut."""

import asyncio
import contextlib
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from game_server.core.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT
from game_server.web import wire
from game_server.web.connection import LeanConnection
from game_server.web.transport import ConnectionOptions, prepare_socket
from game_server.web.wire import RoomWires, write_wires
from tests.client_frames import frame, xor
from tests.server_process import ROOT, ServerProcess

StartServer = Callable[..., ServerProcess]

#: what a client may say, right or wrong; the small binary message is what nearly every tick brings
WORDS = st.one_of(
    st.binary(max_size=20).map(lambda payload: frame(BINARY, payload)),
    st.binary(min_size=120, max_size=130).map(lambda payload: frame(BINARY, payload)),
    st.text(max_size=10).map(lambda text: frame(TEXT, text.encode())),
    st.binary(max_size=5).map(lambda payload: frame(PING, payload)),
    st.binary(max_size=5).map(lambda payload: frame(BINARY, payload, fin=False)),
    st.binary(max_size=5).map(lambda payload: frame(CONTINUATION, payload)),
    st.just(frame(CLOSE, (1000).to_bytes(2, "big"))),
    st.just(frame(BINARY, b"x", reserved=0x40)),
    st.just(b"\x82\x01x"),
)


class Half:
    """A connection, its session, the client's end, and all that the session or the receiver was told, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, takes: Callable[[bytes], bool], **more: Any) -> None:
        self.near, far = tcp_pair()
        far.setblocking(False)
        options = ConnectionOptions(send_buffer_bytes=4096, notsent_lowat_bytes=0, **more)
        prepare_socket(far, options)
        self.connection = LeanConnection(far, loop, xor, options, remote_address="")
        self.connection.receiver = self
        self.link = self
        self.is_blocked = False
        self.takes = takes
        self.told: list[object] = []
        self.read = b""

    def take_plain_input(self, data: bytes) -> bool:
        if self.takes(data):
            self.told.append(data)
            return True
        return False

    def on_message(self, data: bytes | str) -> None:
        if data.__class__ is bytes and self.take_plain_input(data):
            return
        self.told.append(("asked", data))

    def on_close(self, code: int, reason: str) -> None:
        self.told.append((code, reason))

    def read_some(self) -> None:
        """Make room in the kernel, before the server's loop knows of it."""
        with contextlib.suppress(BlockingIOError):
            self.read += self.near.recv(20_000, socket.MSG_DONTWAIT)

    def figures(self) -> tuple[int, ...]:
        return self.connection.bytes_in, self.connection.messages_in, self.connection.descriptor < 0


def make(loop: asyncio.AbstractEventLoop, count: int, **options: int) -> list[Any]:
    return [Half(loop, is_even, **options) for _ in range(count)]


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that little is enough to fill it
        near.connect(listener.getsockname())
        far, _ = listener.accept()
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


@pytest.fixture
def loop() -> asyncio.AbstractEventLoop:
    """An event loop that turns only when told to; `end` closes it."""
    return asyncio.new_event_loop()


def test_the_compiled_part_is_there_where_it_can_be_built():
    """Whoever has a compiler and Python's headers gets the C: that it cannot be built never goes unnoticed."""
    has_headers = (Path(sysconfig.get_path("include")) / "Python.h").is_file()
    assert wire.IS_NATIVE or not (has_headers and shutil.which("cc"))


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.lists(st.tuples(st.lists(WORDS, min_size=1, max_size=3), st.sampled_from((0, 0, 0, 1, 5, 7, 20)))),
        min_size=1,
        max_size=4,
    )
)
@example([[([frame(BINARY, b"a", fin=False)], 0), ([frame(BINARY, b"looks whole")], 0)]])
def test_a_room_hears_what_each_connection_would_hear_by_itself(clients: Any) -> None:
    """Whatever clients say, however it is cut, right or wrong: it arrives in the same order and is counted the same."""
    loop = asyncio.new_event_loop()
    cut = [[piece for words, place in said for piece in halved(b"".join(words), place)] for said in clients]
    together, apart = (make(loop, len(clients)) for _ in range(2))
    wires = RoomWires(4096)
    for row in zip_longest(*cut):
        for piece, one, other in zip(row, together, apart, strict=True):
            for half in (one, other):
                if piece and half.connection.is_open:
                    half.near.send(piece)
                    assert select.select([half.connection.descriptor], [], [], 10)[0]
        wires.read([half for half in together if half.connection.is_open])
        for half in apart:
            if half.connection.is_open:
                half.connection.poll()
    assert [half.told for half in apart] == [half.told for half in together]
    assert [half.figures() for half in apart] == [half.figures() for half in together]
    end(loop, *together, *apart)


def test_a_read_takes_no_more_than_its_limit(loop: asyncio.AbstractEventLoop) -> None:
    """The setting `read_bytes_max` bounds what a tick takes of one connection; the next tick goes on."""
    halves = make(loop, 1, read_bytes_max=20)
    half, wires, small = halves[0], RoomWires(20), frame(BINARY, b"\1" * 10)
    half.near.send(small * 3)
    assert select.select([half.connection.descriptor], [], [], 10)[0]
    for bytes_in, told in ((20, 1), (40, 2), (48, 3)):
        wires.read(halves)
        assert (bytes_in, told) == (half.connection.bytes_in, len(half.told))
    end(loop, *halves)


def test_the_end_of_a_client_is_noticed_by_the_read_of_its_room(loop: asyncio.AbstractEventLoop) -> None:
    """A client that closes its socket, and one whose line is reset, are lost; who is between them is not."""
    halves = make(loop, 3)
    halves[0].near.close()
    halves[1].near.send(frame(BINARY, b"\2"))
    halves[2].near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    halves[2].near.close()
    for half in halves:
        assert select.select([half.connection.descriptor], [], [], 10)[0]
    RoomWires(4096).read(halves)
    assert [[(1006, "end of file")], [b"\2"], [(1006, "Connection reset by peer")]] == [half.told for half in halves]
    assert [True, False, True] == [half.connection.is_closed for half in halves]
    end(loop, *halves)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.lists(st.integers(1, 30_000), min_size=1, max_size=12), min_size=1, max_size=3),
    st.sets(st.integers(0, 2)),
)
def test_a_room_writes_whole_frames_in_order(sizes: list[list[int]], closed: set[int]) -> None:
    """However little the kernel takes at once, each client reads its frames whole and in order; who has gone gets none.

    Two frames a client go in one call, the second behind what is left of the first.
    """
    loop = asyncio.new_event_loop()
    halves = make(loop, len(sizes))
    bodies = [[bytes([1 + number % 250]) * size for number, size in enumerate(row)] for row in sizes]
    for number in closed & set(range(len(halves))):
        halves[number].connection.abort()
    for first in range(0, 12, 2):
        write_wires([(half, body) for half, row in zip(halves, bodies, strict=True) for body in row[first : first + 2]])
        for half in halves:
            half.read_some()
    for number, (half, row) in enumerate(zip(halves, bodies, strict=True)):
        expected = b"" if number in closed else b"".join(map(half.connection.prepare, row))
        assert expected == loop.run_until_complete(receive(loop, half, len(expected)))
        figures = half.connection.unsent_bytes, half.connection.bytes_out, half.connection.messages_out
        assert (0, len(expected), 0 if number in closed else len(row)) == figures
    end(loop, *halves)


@pytest.mark.skipif(not wire.IS_NATIVE, reason="each connection keeps its own order")
def test_nothing_overtakes_what_could_not_be_sent(loop: asyncio.AbstractEventLoop) -> None:
    """Once a frame for a wire was left to its connection, so are all behind it in the same call."""

    class Odd(bytes):
        """What the compiled part does not send."""

    halves = make(loop, 2)
    first, second = (half.connection for half in halves)
    assert [(0, -1), (2, -1)] == wire.send_all([first, second, first, second], [Odd(b"1"), b"2", b"3", b"4"])
    assert (0, 2) == (first.bytes_out, second.bytes_out)
    end(loop, *halves)


def test_a_session_is_blocked_while_its_own_messages_wait(loop: asyncio.AbstractEventLoop) -> None:
    """Whose client does not read is told so before the next state, and told again when all has gone; others are not."""
    halves = make(loop, 2)
    wires, body = RoomWires(4096), b"x" * 60_000
    wires.read(halves)
    while not halves[0].connection.unsent_bytes:
        write_wires([(halves[0], body)])
    wires.note_blocked()
    assert [True, False] == [half.is_blocked for half in halves]
    sent_bytes = halves[0].connection.messages_out * len(halves[0].connection.prepare(body))
    loop.run_until_complete(receive(loop, halves[0], sent_bytes))
    wires.note_blocked()
    assert [False, False] == [half.is_blocked for half in halves]
    end(loop, *halves)


def test_a_message_over_the_limit_is_for_the_parser(loop: asyncio.AbstractEventLoop) -> None:
    """The limit of a message holds for small ones too: 11 bytes where 10 are allowed close the connection."""
    halves = make(loop, 2, message_bytes_max=10)
    for half, size in zip(halves, (10, 11), strict=True):
        half.near.send(frame(BINARY, bytes(size)))
        assert select.select([half.connection.descriptor], [], [], 10)[0]
    RoomWires(4096).read(halves)
    assert [[bytes(10)], [(1009, "message over 10 bytes")]] == [half.told for half in halves]
    end(loop, *halves)


def test_what_is_no_wire_is_left_to_itself() -> None:
    """A connection of another class, such as one over TLS, is asked to read for itself and given each frame."""

    class Other:
        def __init__(self) -> None:
            self.link = self.connection = self
            self.polls, self.sent = 0, list[bytes]()

        def take_plain_input(self, data: bytes) -> bool:
            raise AssertionError

        def poll(self) -> None:
            self.polls += 1

        def prepare(self, message: bytes) -> bytes:
            return message

        def send_prepared(self, prepared: bytes) -> None:
            self.sent.append(prepared)

    other: Any = Other()
    RoomWires(4096).read([other])
    write_wires([(other, b"one"), (other, b"two")])
    assert (1, [b"one", b"two"]) == (other.polls, other.sent)


@pytest.mark.skipif(not wire.IS_NATIVE, reason="there is one way only")
@pytest.mark.parametrize("arguments", [([], 0), ([], 65_537), ((), 1), ([1], 1)])
def test_the_compiled_part_takes_no_nonsense(arguments: tuple[Any, int]) -> None:
    """Arguments that make no sense are refused or handed back, never followed."""
    if arguments == ([1], 1):
        assert [NotImplemented] == wire.receive_all(*arguments)
        assert [(0, -1)] == wire.send_all([1], [b""])
        assert wire.any_unsent([1])
    else:
        with pytest.raises((ValueError, TypeError)):
            wire.receive_all(*arguments)
    with pytest.raises(ValueError, match="1 wires and 0 frames"):
        wire.send_all([1], [])


def test_a_server_without_the_compiled_part_plays_the_same(start_server: StartServer, tmp_path: Path) -> None:
    """Where nothing could be compiled the server says so when it starts, and serves its players without any trouble."""
    (tmp_path / "game_server_wire.py").write_text('raise ImportError("nothing was compiled")\n')
    server = start_server("--games", "swarm")
    load = [sys.executable, "-m", "loadtest", "--game", "swarm", "--clients", "8", "--rooms", "2", "--duration", "2"]
    played = subprocess.run(
        [*load, "--url", server.url.replace("http", "ws", 1) + "/ws"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, True) == (played.returncode, "wires_in_python" in server.log), played.stdout + played.stderr


def is_even(data: bytes) -> bool:
    """Take some messages as plain, and leave the others to the receiver."""
    return not sum(data) % 2


def halved(data: bytes, place: int) -> list[bytes]:
    """Cut data in two; mostly not at all."""
    return [data[:place], data[place:]] if 0 < place < len(data) else [data]


async def receive(loop: asyncio.AbstractEventLoop, half: Half, size: int) -> bytes:
    """Read so many bytes at the client's end while the server goes on writing."""
    half.near.setblocking(False)
    data = half.read
    while len(data) < size:
        data += await loop.sock_recv(half.near, 65_536)
    return data


def end(loop: asyncio.AbstractEventLoop, *halves: Half) -> None:
    """Close what is open, and let the loop tell."""
    for half in halves:
        half.connection.abort()
        half.near.close()
    loop.run_until_complete(asyncio.sleep(0))
    if not loop.is_closed():
        loop.close()
