"""What a hand-over between processes costs, without processes: python -m tests.bench.micro_post

A letter that is acted upon when it comes, as a question is, beside an offer that waits for its commit. Both in turns,
in one process that plays both sides: the ratio holds on a busy machine.
"""

import asyncio
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from game_server.cluster.post import PostBox, Ready, ask, offer
from game_server.web.others import Letter

ROUNDS = 3000
#: about as long as a frozen connection with its join
LETTER = {"text": "x" * 400}


async def measure(path: Path) -> dict[str, list[float]]:
    """Return how many seconds each took until the receiver had acted."""
    acted = asyncio.Event()

    def act(descriptor: int) -> None:
        os.close(descriptor)
        acted.set()

    async def answer(letter: Letter, descriptors: Sequence[int]) -> Letter | Ready:
        if letter.get("is_offer"):
            return Ready(lambda _: act(descriptors[0]), lambda: os.close(descriptors[0]))
        act(descriptors[0])
        return {}

    box = PostBox(path, answer)
    box.open()
    took: dict[str, list[float]] = {"letter": [], "offer": []}
    with socket.socket() as sock:
        for _ in range(ROUNDS):
            for kind, times in took.items():
                acted.clear()
                started_s = time.perf_counter()
                if kind == "offer":
                    await offer(path, {**LETTER, "is_offer": True}, sock.fileno())
                else:
                    await ask(path, LETTER, [sock.fileno()])
                await acted.wait()
                times.append(time.perf_counter() - started_s)
    box.close()
    return took


def main() -> None:
    """Run the command line."""
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(measure(Path(folder) / "post.sock"))
    medians = {kind: statistics.median(times) * 1e6 for kind, times in took.items()}
    told = ", ".join(f"{kind} {median:.0f} us" for kind, median in medians.items())
    print(f"{ROUNDS} rounds, medians: {told}; ratio {medians['offer'] / medians['letter']:.2f}")


if __name__ == "__main__":
    main()
