"""When the machine itself stood still: what no process could have done anything about.

A machine that is a guest of another, or whose core is taken by something more important, stops a process for many ms at
a time. A figure such as "no tick begins 10 ms late" then says something of the machine. So a witness wakes up every
ms on the core of the server, before everything else there (SCHED_FIFO, which needs root), and notes when it could not.
It takes about one percent of the core.

    python -m tests.soak.stalls CORE SECONDS      prints each stall: when it ended, and how long it was, in s

Knows the clock that all processes of a machine share; knows nothing of servers.
"""

import asyncio
import os
import sys
import time

import attrs

#: shorter ones are the witness's own timer
STALL_MIN_S = 0.002
PERIOD_S = 0.001
PRIORITY = 10


@attrs.frozen
class Stall:
    """A time in which nothing ran, in s of `time.monotonic`."""

    end_s: float
    length_s: float


class Witness:
    """A process that notes stalls of a core until it is asked.

    Args:
        core: the server's; None: any.
    """

    def __init__(self, core: int | None) -> None:
        self._core = core
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, seconds: float) -> None:
        """Begin to look, for so long at most."""
        self._process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "tests.soak.stalls",
                "any" if self._core is None else str(self._core),
                f"{seconds}",
            ),
            stdout=asyncio.subprocess.PIPE,
        )

    async def stalls(self) -> list[Stall]:
        """Stop looking, and return what was seen."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        told, _ = await self._process.communicate()
        return [Stall(*map(float, line.split())) for line in told.decode().splitlines()]


def longest_s(stalls: list[Stall], since_s: float, until_s: float) -> float:
    """Return the longest stall that reaches into a time; 0 where there was none."""
    lengths = [stall.length_s for stall in stalls if stall.end_s > since_s and stall.end_s - stall.length_s < until_s]
    return max(lengths, default=0.0)


def look(core: str, seconds: float) -> None:
    """Print stalls as they end."""
    if core != "any":
        os.sched_setaffinity(0, {int(core)})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        print(
            f"the witness of stalls is not allowed to go before others, and sees theirs too: {error}", file=sys.stderr
        )
    before_s, until_s = time.monotonic(), time.monotonic() + seconds
    while before_s < until_s:
        time.sleep(PERIOD_S)
        now_s = time.monotonic()
        if now_s - before_s - PERIOD_S > STALL_MIN_S:
            print(f"{now_s:.4f} {now_s - before_s - PERIOD_S:.4f}", flush=True)
        before_s = now_s


if __name__ == "__main__":
    look(sys.argv[1], float(sys.argv[2]))
