"""Letters between processes: what is sent is answered, and what nobody waits for any more is not done."""

import array
import asyncio
import errno
import os
import socket
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from game_server.cluster.letters import Letter
from game_server.cluster.post import STARVED_S, PostBox, ask


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


def test_a_letter_for_which_there_was_no_descriptor_is_taken_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of descriptors, the box stops listening for a moment instead of being called again and again."""
    path = tmp_path / "post.sock"
    tries: list[float] = []
    accept = socket.socket.accept

    def starved(sock: socket.socket) -> Any:
        tries.append(time.monotonic())
        if len(tries) <= 3:
            raise OSError(errno.EMFILE, "Too many open files")
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
