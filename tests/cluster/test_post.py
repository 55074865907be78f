"""Letters between processes: what is sent is answered, and what nobody waits for any more is not done."""

import array
import asyncio
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from game_server.cluster.post import Letter, PostBox, ask


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
