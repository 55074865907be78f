"""Letters between processes: what is sent is answered, what nobody waits for any more is not done, and what is offered
belongs to one side at any time."""

import array
import asyncio
import errno
import os
import resource
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from game_server.cluster.post import STARVED_S, PostBox, PostError, Ready, ask, offer
from game_server.web.others import Letter
from tests.web.raw_client import descriptors as open_descriptors
from tests.web.raw_client import until


def test_a_letter_whose_sender_has_given_up_is_void(tmp_path: Path) -> None:
    """A process that was stopped does not take, late, a connection that was brought elsewhere meanwhile."""
    path = tmp_path / "post.sock"
    taken: list[str] = []

    async def answer(letter: Letter, descriptors: Sequence[int]) -> Letter:
        taken.append(letter["name"])
        for descriptor in descriptors:
            os.close(descriptor)
        return {"taken": True}

    async def story() -> None:
        box = PostBox(path, answer)
        box.open()
        mine, handed = socket.socketpair()
        with socket.socket(socket.AF_UNIX) as impatient, mine:
            impatient.connect(str(path))
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [handed.fileno()]))]
            text = b'{"name": "late"}'
            impatient.sendmsg([len(text).to_bytes(4, "little") + text], rights)
            impatient.close()
            handed.close()
            assert ({"taken": True}, []) == await ask(path, {"name": "waited for"})
            mine.setblocking(False)
            assert b"" == await asyncio.get_running_loop().sock_recv(mine, 1)
        box.close()

    asyncio.run(asyncio.wait_for(story(), 30))
    assert ["waited for"] == taken


def test_an_answer_that_came_while_its_asker_was_stopped_counts(tmp_path: Path) -> None:
    """A process that wakes up to an answer and to its own time-out takes the answer: the other side has acted on it."""
    path = tmp_path / "post.sock"
    came, may_answer, answered = (threading.Event() for _ in range(3))

    def other_process(listener: socket.socket) -> None:
        with listener.accept()[0] as sock:
            assert sock.recv(100).endswith(b'{"name":"mine"}')
            came.set()
            may_answer.wait(20)
            sock.sendall((14).to_bytes(4, "little") + b'{"taken":true}')
            answered.set()
            sock.recv(1)

    async def story() -> None:
        asking = asyncio.create_task(ask(path, {"name": "mine"}, timeout_s=0.3))
        while not came.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.001)
        may_answer.set()
        answered.wait(20)
        time.sleep(0.4)  # noqa: ASYNC251 - this is what being stopped looks like from within
        assert ({"taken": True}, []) == await asking

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        other = threading.Thread(target=other_process, args=(listener,))
        other.start()
        asyncio.run(asyncio.wait_for(story(), 30))
        other.join()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_letter_for_which_there_was_no_descriptor_is_taken_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Out of descriptors or memory, the box stops listening for a moment instead of being called again and again."""
    path = tmp_path / "post.sock"
    tries: list[float] = []
    accept = socket.socket.accept

    def starved(sock: socket.socket) -> Any:
        tries.append(time.monotonic())
        if len(tries) <= 3:
            raise OSError(number, os.strerror(number))
        return accept(sock)

    async def answer(letter: Letter, descriptors: Sequence[int]) -> Letter:
        return {"hello": letter["name"]}

    async def story() -> None:
        box = PostBox(path, answer)
        box.open()
        monkeypatch.setattr(socket.socket, "accept", starved)
        assert ({"hello": "me"}, []) == await ask(path, {"name": "me"}, timeout_s=20)
        box.close()

    asyncio.run(asyncio.wait_for(story(), 30))
    assert all(later - earlier >= STARVED_S * 0.9 for earlier, later in pairwise(tries))


class Taker:
    """A process that is offered descriptors: notes what becomes of each, and writes to those that it has taken."""

    def __init__(self, path: Path, commit_timeout_s: float) -> None:
        self.box = PostBox(path, self._answer, commit_timeout_s)
        self.became: list[str] = []

    async def _answer(self, letter: Letter, descriptors: Sequence[int]) -> Letter | Ready:
        if not descriptors:
            return {"refused": "no descriptor"}
        return Ready(lambda age_s: self._take(descriptors[0], age_s), lambda: self._leave(descriptors[0]))

    def _take(self, descriptor: int, age_s: float) -> None:
        assert age_s >= 0
        self.became.append("taken")
        os.write(descriptor, b"taker")
        os.close(descriptor)

    def _leave(self, descriptor: int) -> None:
        self.became.append("left")
        os.close(descriptor)


def raw_letter(path: Path, text: bytes, descriptor: int) -> socket.socket:
    """Send a letter as `offer` does, and nothing more."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
    sock.sendmsg([len(text).to_bytes(4, "little") + text], rights)
    sock.setblocking(False)
    return sock


#: when each side decides; the sender writes this much of a commit, or closes the letter
COMMIT = struct.pack("<q", time.monotonic_ns())
WRITES = {"nothing": b"", "a part": COMMIT[:5], "all": COMMIT}


@pytest.mark.parametrize("receiver", ["waits", "gives up first", "is stopped until after", "ends after"])
@pytest.mark.parametrize("written", WRITES)
def test_an_offer_belongs_to_one_side(tmp_path: Path, written: str, receiver: str) -> None:
    """Whatever is written of a commit and whenever the receiver stops waiting for one: it takes the descriptor if and
    only if the sender was told that its commit is written; who has it not writes nothing, and holds nothing."""
    commit = WRITES[written]

    async def story() -> None:
        loop, before, tasks = asyncio.get_running_loop(), open_descriptors(), len(asyncio.all_tasks())
        is_patient = receiver in ("waits", "ends after")
        taker = Taker(tmp_path / "post.sock", 30 if is_patient else 0.05)
        taker.box.open()
        client, mine = socket.socketpair()
        with client, mine, raw_letter(tmp_path / "post.sock", b"{}", mine.fileno()) as letter:
            assert b'{"ready":true}' == (await loop.sock_recv(letter, 100))[4:]
            if receiver == "gives up first":
                await until(lambda: bool(taker.became))
            try:
                is_committed = letter.send(commit) == len(COMMIT) if commit else False
            except OSError:
                is_committed = False
            if receiver == "is stopped until after":
                time.sleep(0.1)  # noqa: ASYNC251 - this is what being stopped looks like from within
            elif receiver == "ends after":
                taker.box.close()
            letter.close()
            await until(lambda: bool(taker.became))
            assert ["taken" if is_committed else "left"] == taker.became
            if not is_committed:
                mine.send(b"sender")
            mine.close()
            assert (b"taker" if is_committed else b"sender") == client.recv(100)
            assert b"" == client.recv(100)
        taker.box.close()
        await until(lambda: len(asyncio.all_tasks()) == tasks)
        assert before == open_descriptors()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_no_commit_can_be_written_once_the_receiver_has_looked_for_one(tmp_path: Path) -> None:
    """Between its last look and its going away there is no moment in which a sender could let go of what nobody has."""
    letters, tries = list[socket.socket](), list[str]()

    async def answer(_: Letter, descriptors: Sequence[int]) -> Letter | Ready:
        os.close(descriptors[0])
        return Ready(lambda _: tries.append("taken"), lambda: tries.append(commit()))

    def commit() -> str:
        try:
            letters[0].send(COMMIT)
        except BrokenPipeError:
            return "refused"
        return "written"

    async def story() -> None:
        box = PostBox(tmp_path / "post.sock", answer, commit_timeout_s=0.05)
        box.open()
        with socket.socket() as offered, raw_letter(tmp_path / "post.sock", b"{}", offered.fileno()) as letter:
            letters.append(letter)
            await until(lambda: bool(tries))
        box.close()

    asyncio.run(asyncio.wait_for(story(), 30))
    assert ["refused"] == tries


def refuses(sock: socket.socket) -> None:
    sock.sendall((18).to_bytes(4, "little") + b'{"refused":"full"}')


def is_ready(sock: socket.socket) -> None:
    sock.sendall((14).to_bytes(4, "little") + b'{"ready":true}')


def is_ready_but_waits_no_longer(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_RD)
    is_ready(sock)


def says_something_else(sock: socket.socket) -> None:
    sock.sendall((14).to_bytes(4, "little") + b'{"taken":true}')


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (is_ready, None),
        (refuses, "full"),
        (is_ready_but_waits_no_longer, "waits no longer"),
        (says_something_else, "does not take it"),
        (socket.socket.close, "post.sock"),
    ],
)
def test_a_commit_is_written_or_fails(tmp_path: Path, act: Callable[[socket.socket], None], told: str | None) -> None:
    """A sender is told that an offer is the receiver's when that can read the commit, and in no other case."""
    path = tmp_path / "post.sock"

    def receiver(listener: socket.socket) -> bytes:
        sock, _ = listener.accept()
        with sock:
            head, handed, _, _ = socket.recv_fds(sock, 4, 1)
            sock.recv(int.from_bytes(head, "little"), socket.MSG_WAITALL)
            os.close(handed[0])
            act(sock)
            return sock.recv(100) if sock.fileno() >= 0 else b""

    async def story() -> None:
        with socket.socket(socket.AF_UNIX) as listener, socket.socket() as offered:
            listener.bind(str(path))
            listener.listen()
            sending = offer(path, {}, offered.fileno(), 20)
            received = asyncio.create_task(asyncio.to_thread(receiver, listener))
            if told is None:
                await sending
                assert len(COMMIT) == len(await received)
            else:
                with pytest.raises(PostError, match=told):
                    await sending
                assert b"" == await received
        with pytest.raises(PostError, match="refused"), socket.socket() as offered:
            await offer(path, {}, offered.fileno())  # nobody is there

    asyncio.run(asyncio.wait_for(story(), 60))


def free_descriptors(count: int) -> list[int]:
    """Return those that this process would get next."""
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
    for descriptor in taken:
        os.close(descriptor)
    return taken


def test_an_offer_to_a_process_without_a_free_descriptor_is_refused(tmp_path: Path) -> None:
    """The letter comes without its descriptor; that is said, and the next one, when there is room again, is taken."""
    path, limits = tmp_path / "post.sock", resource.getrlimit(resource.RLIMIT_NOFILE)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        taker = Taker(path, 30)
        taker.box.open()
        client, mine = socket.socketpair()
        with client, mine, raw_letter(path, b"{}", mine.fileno()) as letter:
            # One for the letter, and none for what is in it.
            resource.setrlimit(resource.RLIMIT_NOFILE, (free_descriptors(2)[1], limits[1]))
            try:
                assert b'{"refused":"no descriptor"}' == (await loop.sock_recv(letter, 100))[4:]
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            assert [] == taker.became
            await offer(path, {}, mine.fileno())
            mine.close()
            assert b"taker" == await asyncio.to_thread(client.recv, 100)
        taker.box.close()

    asyncio.run(asyncio.wait_for(story(), 30))
