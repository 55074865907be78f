"""What a room's sockets cost a tick, by way of reading and writing: `python -m tests.bench.micro_sockets`.

500 connections on loopback, each with one 13-byte binary message a tick; CPU time of this process for the server's
part alone, unless a row says so, in microseconds a connection, lower quartile of the ticks. `--uvloop` repeats what
has an event loop on uvloop.
"""

import argparse
import asyncio
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterable

from game_server.core.frames import BINARY
from game_server.web.connection import LeanConnection
from game_server.web.takeover import unmask
from game_server.web.transport import ConnectionOptions, prepare_socket
from tests.client_frames import frame

COUNT = 500
TICKS = 200
INPUT = frame(BINARY, bytes(range(13)))
OPTIONS = ConnectionOptions()


class Count:
    """A receiver that counts."""

    def __init__(self) -> None:
        self.messages = 0

    def on_message(self, data: bytes | str) -> None:
        self.messages += 1

    def on_close(self, code: int, reason: str) -> None:
        raise AssertionError(reason)


def socket_pair(options: ConnectionOptions = OPTIONS) -> tuple[socket.socket, socket.socket]:
    """Connect over loopback; give the client's end and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.setblocking(False)
    prepare_socket(server, options)
    return client, server


def per_connection_us(step: Callable[[], object], before: Callable[[], object], count: int = COUNT) -> float:
    """Run `before` untimed and `step` timed, a tick at a time."""
    costs = []
    for _ in range(TICKS):
        before()
        start = time.process_time_ns()
        step()
        costs.append((time.process_time_ns() - start) / 1000 / count)
    return statistics.quantiles(costs, n=4)[0]


def report(name: str, cost_us: float) -> None:
    """Print a row."""
    print(f"{name:50}{cost_us:8.2f}")


def send_all(clients: Iterable[socket.socket]) -> None:
    """Let each client send its input."""
    for client in clients:
        client.send(INPUT)


def bench_recv(clients: list[socket.socket], servers: list[socket.socket]) -> None:
    """Compare sizes of one read; then asking each socket with asking one epoll set which of them to read."""
    for size in (512, 4096, 65_536, 262_144):

        def recv_each(size: int = size) -> None:
            for server in servers:
                server.recv(size)

        report(f"recv({size}) each", per_connection_us(recv_each, lambda: send_all(clients)))

    epoll = select.epoll()
    by_descriptor = {server.fileno(): server.recv for server in servers}
    for descriptor in by_descriptor:
        epoll.register(descriptor, select.EPOLLIN)

    def ask_epoll() -> None:
        for descriptor, _ in epoll.poll(0, COUNT):
            by_descriptor[descriptor](4096)

    def try_each() -> None:
        for server in servers:
            try:
                server.recv(4096)
            except BlockingIOError:
                pass

    for busy in (COUNT, COUNT // 2, COUNT // 10):
        some = clients[:busy]
        for name, step in (("one epoll set", ask_epoll), ("plain recv each", try_each)):
            report(f"{busy} of {COUNT} sent, {name}", per_connection_us(step, lambda some=some: send_all(some)))  # type: ignore[misc]
    epoll.close()


class Room:
    """Connections of one event loop, and a whole tick of them by two ways of reading."""

    def __init__(self, loop: asyncio.AbstractEventLoop, servers: list[socket.socket]) -> None:
        self.loop = loop
        self.count = Count()
        self.connections = [LeanConnection(server, loop, unmask, OPTIONS, remote_address="") for server in servers]
        for connection in self.connections:
            connection.receiver = self.count

    def poll(self) -> None:
        for connection in self.connections:
            connection.poll()

    def send(self) -> None:
        body = bytes(60)
        for connection in self.connections:
            connection.send_binary(b"head", body)

    async def polled_tick(self) -> None:
        self.poll()
        self.send()

    async def woken_tick(self, clients: list[socket.socket]) -> None:
        """Let each message arrive once the one before was read, so that the loop wakes for each."""
        waiting = iter(clients)
        all_read = self.loop.create_future()

        def send_next(data: bytes | str = b"") -> None:
            client = next(waiting, None)
            if client is None:
                all_read.set_result(None)
            else:
                client.send(INPUT)

        self.count.on_message = send_next  # type: ignore[method-assign]
        send_next()
        await all_read

    def watch(self) -> None:
        for connection in self.connections:
            connection.watch(True)

    def abort(self) -> None:
        for connection in self.connections:
            connection.abort()


def bench_room(name: str, loop: asyncio.AbstractEventLoop, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """Compare polling with the loop's own readers."""
    clients = [client for client, _ in pairs]
    room = Room(loop, [server for _, server in pairs])

    def arrive() -> None:
        for client in clients:
            try:
                client.recv(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
        send_all(clients)

    report(f"{name}: poll", per_connection_us(room.poll, arrive))
    report(f"{name}: poll, nothing came", per_connection_us(room.poll, lambda: None))
    run = loop.run_until_complete
    report(f"{name}: polled tick, sends included", per_connection_us(lambda: run(room.polled_tick()), arrive))

    def arrive_and_poll() -> None:
        send_all(clients)
        room.poll()

    report(f"{name}: client sends, then poll", per_connection_us(arrive_and_poll, lambda: None))
    room.watch()
    report(
        f"{name}: client sends, loop wakes for each",
        per_connection_us(lambda: run(room.woken_tick(clients)), lambda: None),
    )
    room.abort()
    loop.close()


def bench_sends() -> None:
    """Compare ways of sending header and body, and socket options."""
    small = ConnectionOptions(send_buffer_bytes=16 * 1024)
    for name, options in (
        ("system's default buffers", ConnectionOptions(send_buffer_bytes=0, notsent_lowat_bytes=0)),
        ("64 KiB, notsent 8 KiB", OPTIONS),
        ("16 KiB, notsent 8 KiB", small),
    ):
        client, server = socket_pair(options)
        for size in (60, 1000, 8000, 30_000):
            header, body, reads = b"\x82\x7e\0\0", bytes(size), size + 4

            def drain(client: socket.socket = client, reads: int = reads) -> None:
                client.recv(reads, socket.MSG_WAITALL)

            def joined(server: socket.socket = server, header: bytes = header, body: bytes = body) -> None:
                server.send(header + body)

            def gathered(server: socket.socket = server, header: bytes = header, body: bytes = body) -> None:
                server.sendmsg((header, body))

            joined()
            report(f"{name}: {size} bytes, send", per_connection_us(joined, drain, 1))
            report(f"{name}: {size} bytes, sendmsg", per_connection_us(gathered, drain, 1))
            drain()
        client.close()
        server.close()


def bench_bulk() -> None:
    """Show what small kernel buffers cost bulk to a fast reader on loopback, where one segment is 64 KiB."""
    for send_buffer_bytes in (0, 16 * 1024, 32 * 1024, 64 * 1024, 128 * 1024):
        client, server = socket_pair(ConnectionOptions(send_buffer_bytes=send_buffer_bytes))
        client.setblocking(False)
        sent = received = 0
        start = time.perf_counter()
        while received < 20_000_000 and time.perf_counter() - start < 1.0:
            readable, writable, _ = select.select([client], [server], [], 0.2)
            if writable:
                sent += server.send(bytes(65_536))
            if readable:
                received += len(client.recv(262_144))
        print(f"SO_SNDBUF {send_buffer_bytes:7}: {received / (time.perf_counter() - start) / 1e6:8.1f} MB/s")
        client.close()
        server.close()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uvloop", action="store_true")
    arguments = parser.parse_args()
    pairs = [socket_pair() for _ in range(COUNT)]
    bench_recv([client for client, _ in pairs], [server for _, server in pairs])
    bench_room("asyncio", asyncio.new_event_loop(), pairs)
    if arguments.uvloop:
        import uvloop

        bench_room("uvloop", uvloop.new_event_loop(), [socket_pair() for _ in range(COUNT)])
    bench_sends()
    bench_bulk()


if __name__ == "__main__":
    main()
