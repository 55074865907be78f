"""A connection between two processes that are stopped or killed: one has it at any time, and nobody else says a word.

The test plays one side with the real letters, a real worker the other: so each step is there to stop at.
"""

import array
import asyncio
import os
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import ujson

from game_server.cluster.hand_over import HandOver
from game_server.core.directory import node_of
from game_server.web.transport import FrozenConnection
from tests.cluster.service import Players, play, text_of, until, workers
from tests.server_process import SIGNS_OF_A_BUG, ServerProcess
from tests.web.game_site import SitePlayer
from tests.web.raw_client import RawClient

GOING_AWAY, ROOM_NOT_FOUND, DRAINING = 1001, 4004, 4016
JOIN = '{"type":"join","version":1,"game":"swarm","create":true}'
#: a process that only the test knows
NODE = "abcdef"


class Service(ServerProcess):
    """Two workers, and the folder in which they find each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        flags = ("--workers", "2", "--games", "swarm", "--run-dir", str(self.folder), "--drain-s", "0")
        super().__init__(folder, flags, {})
        self.wait_until_ready()

    @property
    def worker(self) -> tuple[str, int]:
        """One of them: its node and pid, once both are well."""
        until(lambda: len(found := workers(self)) == 2 and all(each["ok"] for each in found.values()))
        node, facts = min(workers(self).items())
        return node, facts["pid"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service of all these tests: what is stopped goes on, and what is killed is started anew."""
    server = Service(tmp_path_factory.mktemp("handed"))
    try:
        yield server
        assert 0 == server.stop(), server.log
        assert not any(sign in server.log for sign in SIGNS_OF_A_BUG), server.log
    finally:
        server.kill()


class Given:
    """A client's connection that the test, as a worker that has accepted it, offers to a real worker."""

    def __init__(self, service: Service, text: str = JOIN) -> None:
        self.node, self.pid = service.worker
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = SitePlayer(RawClient(socket.create_connection(listener.getsockname())))
            self.mine, _ = listener.accept()
        frozen = FrozenConnection(self.mine.fileno(), "game.v1.json", "127.0.0.1", b"", b"", 0, 0, 0, 0)
        data = ujson.dumps(HandOver(frozen, text).letter()).encode()
        self.letter = socket.socket(socket.AF_UNIX)
        self.letter.connect(str(service.folder / f"{self.node}.sock"))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [self.mine.fileno()]))]
        self.letter.sendmsg([struct.pack("<I", len(data)) + data], rights)

    def wait_until_ready(self) -> None:
        """Return once the worker would take it."""
        self.letter.settimeout(30)
        assert b'{"ready":true}' == self.letter.recv(100)[4:]
        assert holds(self.pid, self.mine)

    def commit(self, age_s: float = 0.0) -> None:
        """Write the commit; close both, as a sender does."""
        self.letter.send(struct.pack("<q", time.monotonic_ns() - round(age_s * 1e9)))
        self.give_up()
        self.mine.close()

    def give_up(self) -> None:
        """Commit nothing."""
        self.letter.close()

    async def is_mine(self) -> None:
        """See that the client has heard nobody, hears this side, and nobody else has its connection."""
        await asyncio.to_thread(until, lambda: not holds(self.pid, self.mine))
        with pytest.raises(BlockingIOError):
            self.client.raw.socket.recv(1)
        self.mine.send(b"\x88\x02" + struct.pack(">H", GOING_AWAY))
        assert (GOING_AWAY, "") == await self.client.closed()
        self.mine.close()
        assert b"" == await self.client.raw.rest()

    def close(self) -> None:
        """Leave nothing open."""
        for sock in (self.letter, self.mine, self.client.raw.socket):
            sock.close()


@pytest.fixture
def given(service: Service) -> Iterator[Given]:
    """A connection that is offered to a worker, with a join that makes a room."""
    offered = Given(service)
    yield offered
    offered.close()


def holds(pid: int, sock: socket.socket) -> bool:
    """Return whether a process has a descriptor of this very socket."""
    mine = os.readlink(f"/proc/self/fd/{sock.fileno()}")
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{name}") == mine for name in os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:  # it is gone, or closed one meanwhile: then look again
        return Path(f"/proc/{pid}/fd").exists()


def stop(pid: int) -> None:
    """Stop a process, and wait until it stands."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")


def wait_until_gone(letter: socket.socket) -> None:
    """Return once the other side has no end of it any more: a killed process lets go of its files one by one."""
    letter.settimeout(30)
    try:
        assert b"" == letter.recv(1)
    except ConnectionResetError:  # it left something unread
        pass


def test_an_offer_that_is_not_committed_is_left_alone(given: Given) -> None:
    """Ready or not, the receiver writes nothing, reads nothing and lets go: its sender has the connection, alive."""
    given.wait_until_ready()
    given.give_up()
    play(given.is_mine())


def test_an_offer_that_was_given_up_while_its_receiver_stood_is_left_alone(given: Given) -> None:
    """A worker that was stopped, and finds offer and end when it goes on, does nothing."""
    given.wait_until_ready()
    stop(given.pid)
    given.give_up()
    os.kill(given.pid, signal.SIGCONT)
    play(given.is_mine())


def test_a_committed_connection_is_played_when_its_receiver_goes_on(given: Given) -> None:
    """A worker that was stopped before it could read the commit has the connection, and nobody else."""
    given.wait_until_ready()
    stop(given.pid)
    given.commit()
    os.kill(given.pid, signal.SIGCONT)
    assert given.node == node_of(play(given.client.receive("welcome"))["room"])


def test_a_receiver_that_dies_before_the_commit_leaves_it_to_the_sender(given: Given) -> None:
    """The commit cannot be written, so the sender has the connection still."""
    given.wait_until_ready()
    os.kill(given.pid, signal.SIGKILL)
    wait_until_gone(given.letter)
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        given.letter.send(bytes(8))
    play(given.is_mine())


def test_a_receiver_that_dies_with_a_commit_unread_ends_the_connection(given: Given) -> None:
    """Then nobody has it; the client hears at once that it is lost, and comes back."""
    given.wait_until_ready()
    stop(given.pid)
    given.commit()
    os.kill(given.pid, signal.SIGKILL)
    assert 1006 == play(given.client.closed())[0]


def test_a_commit_that_is_read_too_late_is_not_acted_upon(given: Given) -> None:
    """Who has waited for longer than a join may take is told to come back, by the one process that can."""
    given.wait_until_ready()
    given.commit(age_s=11)
    assert (GOING_AWAY, "the server was away; try again") == play(given.client.closed())


def test_a_receiver_that_ends_answers_what_was_committed_to_it(given: Given) -> None:
    """Told to end before it has read the commit, it is still the one that tells the client to come back."""
    given.wait_until_ready()
    stop(given.pid)
    os.kill(given.pid, signal.SIGTERM)
    given.commit()
    os.kill(given.pid, signal.SIGCONT)
    assert play(given.client.closed())[0] in (GOING_AWAY, DRAINING)


def test_a_room_that_has_ended_meanwhile_is_told_by_the_new_owner(service: Service) -> None:
    """What is wrong with a message is said by the process whose the connection is by then."""
    given = Given(service, f'{{"type":"join","version":1,"game":"swarm","room":"{service.worker[0]}-0"}}')
    given.wait_until_ready()
    given.commit()
    assert ROOM_NOT_FOUND == play(given.client.closed())[0]
    given.close()


@pytest.mark.parametrize("letter", [{}, {"connection": {}}, {"connection": {"unread": 1}, "seat": None}])
def test_an_offer_that_is_not_understood_is_refused(service: Service, letter: dict[str, Any]) -> None:
    """A worker of another version says so; the connection stays the sender's, and nothing of it with the worker."""
    node, pid = service.worker
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(service.folder / f"{node}.sock"))
        data = ujson.dumps({"offer": letter}).encode()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))]
        sock.sendmsg([struct.pack("<I", len(data)) + data], rights)
        sock.settimeout(30)
        assert b"not understood" in sock.recv(1000)
        until(lambda: not holds(pid, theirs))


class Taking:
    """The test as a worker to which a real worker hands a connection: it names a room of this process."""

    def __init__(self, letter: socket.socket, descriptor: int, client: SitePlayer) -> None:
        self.letter, self.client = letter, client
        self.theirs = socket.socket(fileno=descriptor)
        self.pid = struct.unpack("3i", letter.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def say_ready(self) -> None:
        """Answer the offer."""
        self.letter.send(struct.pack("<I", 14) + b'{"ready":true}')

    def read_commit(self) -> bytes:
        """Wait for what comes upon that; nothing where the sender is gone."""
        self.letter.settimeout(30)
        return self.letter.recv(100)

    async def is_silent(self) -> None:
        """See that nobody has written to the client."""
        with pytest.raises(BlockingIOError):
            self.client.raw.socket.recv(1)


@asynccontextmanager
async def taking(service: Service) -> AsyncIterator[tuple[Taking, socket.socket]]:
    """Take the first offer of a worker; also give the socket on which more would come."""
    path = service.folder / f"{NODE}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        _ = service.worker
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(30)
        try:
            async with Players(service.port) as players:
                client = await players.connect()
                await client.send("join", version=1, game="swarm", room=f"{NODE}-1")
                letter, data, descriptors = await asyncio.to_thread(next_offer, listener)
                assert "offer" in ujson.loads(data)
                took = Taking(letter, descriptors[0], client)
                yield took, listener
                took.letter.close()
                took.theirs.close()
        finally:
            path.unlink()


def next_offer(listener: socket.socket) -> tuple[socket.socket, bytes, list[int]]:
    """Return the next letter that brings a descriptor; others (who is there?) are not answered."""
    while True:
        letter, _ = listener.accept()
        head, descriptors, _, _ = socket.recv_fds(letter, 4, 1)
        data = letter.recv(int.from_bytes(head, "little"), socket.MSG_WAITALL)
        if descriptors:
            return letter, data, list(descriptors)
        letter.close()


def test_a_sender_lets_go_with_its_commit(service: Service) -> None:
    """After it the connection is the receiver's alone: it answers, and when it closes, the client hears the end."""

    async def story() -> None:
        async with taking(service) as (took, _):
            took.say_ready()
            assert 8 == len(await asyncio.to_thread(took.read_commit))
            assert b"" == await asyncio.to_thread(took.letter.recv, 1)
            await took.is_silent()
            took.theirs.send(b"\x81\x02hi")
            assert (1, b"hi") == await took.client.raw.receive()
            took.theirs.close()
            assert b"" == await took.client.raw.rest()

    play(story())


@pytest.mark.parametrize("is_ready", [False, True])
def test_a_sender_that_cannot_commit_answers_the_client_itself(service: Service, is_ready: bool) -> None:
    """A receiver that goes, or waits no longer, has nothing; the client is told to come back by who still has it."""

    async def story() -> None:
        async with taking(service) as (took, listener):
            letters = [(took.letter, took.theirs.detach())]
            while True:
                letter, descriptor = letters[-1]
                if is_ready:
                    letter.shutdown(socket.SHUT_RD)
                    letter.send(struct.pack("<I", 14) + b'{"ready":true}')
                letter.close()
                os.close(descriptor)
                if len(letters) == 3:
                    break
                await took.is_silent()
                letter, _, descriptors = await asyncio.to_thread(next_offer, listener)
                letters.append((letter, descriptors[0]))
            assert (GOING_AWAY, "its process does not answer; try again") == await took.client.closed()

    play(story())


def test_a_sender_that_was_stopped_cannot_commit_to_who_waits_no_longer(service: Service) -> None:
    """It goes on to find that it has the connection still, and offers it again; that offer it commits."""

    async def story() -> None:
        async with taking(service) as (took, listener):
            stop(took.pid)
            took.say_ready()
            took.letter.shutdown(socket.SHUT_RD)
            assert b"" == took.letter.recv(1)
            os.close(took.theirs.detach())
            os.kill(took.pid, signal.SIGCONT)
            again, _, descriptors = await asyncio.to_thread(next_offer, listener)
            with again, socket.socket(fileno=descriptors[0]) as theirs:
                again.send(struct.pack("<I", 14) + b'{"ready":true}')
                again.settimeout(30)
                assert 8 == len(await asyncio.to_thread(again.recv, 100))
                await took.is_silent()
                theirs.send(b"\x81\x02hi")
                assert (1, b"hi") == await took.client.raw.receive()

    play(story())


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_sender_that_dies_takes_with_it_what_it_has(service: Service, is_committed: bool) -> None:
    """Before its commit the client loses the connection, and comes back; after it the connection is another's."""

    async def story() -> None:
        async with taking(service) as (took, _):
            if is_committed:
                took.say_ready()
                assert 8 == len(await asyncio.to_thread(took.read_commit))
            os.kill(took.pid, signal.SIGKILL)
            await asyncio.to_thread(wait_until_gone, took.letter)
            await took.is_silent()
            if is_committed:
                took.theirs.send(b"\x81\x02hi")
                assert (1, b"hi") == await took.client.raw.receive()
            took.theirs.close()
            assert 1006 == (await took.client.closed())[0]

    play(story())


def test_what_became_of_offers_is_counted(service: Service) -> None:
    """By outcome, in the metrics of each worker."""
    given = Given(service)
    given.wait_until_ready()
    given.give_up()
    line = f'game_server_hand_overs_total{{outcome="left",worker="{given.node}"}}'
    until(lambda: any(row.startswith(line) and not row.endswith(" 0.0") for row in metrics(service)))
    given.close()


def metrics(service: Service) -> list[str]:
    """Return the lines of /metrics."""
    return (text_of(service, "/metrics") or "").splitlines()
