"""A run's clients, in this process or in several: slices come out merged, second by second.

    parent                                 worker (python -m loadtest ... --worker 0/3)
      <- "ready"                             its imports are done
      "start 81.25" ->                       the start, on the machine's monotonic clock, the same for all
      <- a Slice as a line of JSON, each second
      "stop" ->                              Ctrl-C; the end of the pipe says the same, so no worker outlives its parent
      <- "end", or "error TEXT"

Histograms of several processes add up exactly. Knows swarms and pipes; knows nothing of the terminal.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable

import ujson

from .options import Options
from .population import Share
from .stats import Slice
from .swarm import Swarm

#: from everybody's readiness to the start
START_DELAY_S = 0.05
READY_TIMEOUT_S = 30.0
END_TIMEOUT_S = 15.0
LINE_BYTES_MAX = 64 * 1024 * 1024

Deliver = Callable[[Slice], None]


class CrewError(Exception):
    """A worker has failed; the text says how."""


class Crew:
    """The processes of one run.

    Args:
        options: of the run.
        deliver: gets each second's slice of all processes together.
    """

    def __init__(self, options: Options, deliver: Deliver) -> None:
        self._options, self._deliver = options, deliver
        self._swarm: Swarm | None = None
        self._workers: list[Process] = []
        self._is_stopped = False

    def abort(self) -> None:
        """End the run now; what was measured is still delivered."""
        self._is_stopped = True
        if self._swarm is not None:
            self._swarm.abort()
        for worker in self._workers:
            _tell(worker, "stop")

    async def run(self) -> None:
        """Run until the end; raise CrewError when a worker fails."""
        if self._options.processes == 1:
            self._swarm = Swarm(self._options, Share(), time.monotonic() + START_DELAY_S, self._deliver)
            if self._is_stopped:
                self._swarm.abort()
            await self._swarm.run()
            return
        try:
            await self._start_workers()
            await self._pass_on()
        finally:
            for worker in self._workers:
                if worker.stdin is not None:
                    worker.stdin.close()
            await asyncio.gather(*map(_end, self._workers))

    async def _start_workers(self) -> None:
        for index in range(self._options.processes):
            command = [sys.executable, "-m", "loadtest", *worker_arguments(self._options, index)]
            # A session of its own: Ctrl-C in the terminal is the parent's to hear.
            worker = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX, start_new_session=True
            )
            self._workers.append(worker)
        for worker in self._workers:
            async with asyncio.timeout(READY_TIMEOUT_S):
                line = await _read_line(worker)
            if line != "ready":
                raise CrewError(f"a further process did not start: {line or 'it ended'}")
        start_s = time.monotonic() + START_DELAY_S
        for worker in self._workers:
            _tell(worker, f"start {start_s}")
            if self._is_stopped:
                _tell(worker, "stop")

    async def _pass_on(self) -> None:
        """Merge the workers' slices of each second."""
        while True:
            parts = []
            for worker in self._workers:
                line = await _read_line(worker)
                if line.startswith("{"):
                    parts.append(Slice.from_json(ujson.loads(line)))
                elif line != "end":
                    raise CrewError(f"a process failed: {line.removeprefix('error ') or 'it ended without a word'}")
            if not parts:
                return
            whole = parts[0]
            for part in parts[1:]:
                whole.merge(part)
            self._deliver(whole)


def worker_arguments(options: Options, index: int) -> tuple[str, ...]:
    """Return the command line of a worker: that of the run, and which one it is."""
    processes = options.processes
    return (*options.arguments, "--processes", str(processes), "--worker", f"{index}/{processes}")


async def work(options: Options) -> int:
    """Be a worker; return the exit code."""
    assert options.worker is not None
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("ready", flush=True)
    word, _, start = (await commands.readline()).decode().strip().partition(" ")
    if word != "start":
        return 0

    def deliver(part: Slice) -> None:
        print(ujson.dumps(part.as_json()), flush=True)

    swarm = Swarm(options, options.worker, float(start), deliver)

    async def listen() -> None:
        await commands.readline()
        swarm.abort()

    listening = asyncio.create_task(listen())
    try:
        await swarm.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
        print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)
        return 1
    finally:
        listening.cancel()
    print("end", flush=True)
    return 0


def _tell(worker: Process, line: str) -> None:
    if worker.stdin is not None and not worker.stdin.is_closing():
        worker.stdin.write(line.encode() + b"\n")


async def _read_line(worker: Process) -> str:
    assert worker.stdout is not None
    return (await worker.stdout.readline()).decode().strip()


async def _end(worker: Process) -> None:
    """Wait for its end, which the closed pipe has told it of; kill it when that takes too long."""
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await worker.wait()
    except TimeoutError:
        worker.kill()
        await worker.wait()
