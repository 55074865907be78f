"""The process that starts the others: one public port, N workers, and the directory in which quick matches are placed.

It listens, gives the listening sockets to its workers, starts them anew when they die, and places quick matches by
what they report. No player's byte passes through it. Should it die, its workers play on; the next supervisor on the
same port finds them in the service's folder, takes the listening sockets from one of them, and starts what is missing.

Knows processes and letters; loads no game.
"""

import asyncio
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

import attrs
import ujson
from tornado.netutil import bind_sockets

from ..core.directory import Directory, Wish, report_of
from ..core.one_seats import Claim, OneSeats
from ..settings import EXIT_USAGE, BadSettings, Settings
from ..web.logs import LEVELS, log, set_log_level
from .link import LINE_BYTES_MAX
from .place import SUPERVISOR, WORKER_VARIABLE, WorkerPlace, folder_of, nodes_in, socket_of
from .post import PostError, ask

#: a worker that ends sooner than this after its start is started anew more slowly each time, up to a bound
YOUNG_S = 5.0
RESTART_DELAY_MAX_S = 10.0
#: longest a drain may take beyond `drain_s`
DRAIN_MARGIN_S = 5.0
ADOPT_TIMEOUT_S = 2.0


class AlreadyRunning(OSError):
    """Another supervisor serves this port."""


@attrs.define(eq=False)
class _Line:
    """A worker that is connected."""

    node: str
    pid: int
    writer: asyncio.StreamWriter

    def say(self, values: dict[str, Any]) -> None:
        self.writer.write(ujson.dumps(values).encode() + b"\n")


class Supervisor:
    """Starts and watches workers.

    Args:
        settings: of the service; `workers` and `port` matter here.
        arguments: the command line, which workers are started with too.
        secret: of the admin page, the same for all workers.
        stop_asked: set when a worker asks on behalf of an operator that the service be shut down.
    """

    def __init__(self, settings: Settings, arguments: Sequence[str], secret: str, stop_asked: asyncio.Event) -> None:
        self._stop_asked = stop_asked
        #: what workers that are started from here on are told beside the command line: the last of two holds
        self._log_level: tuple[str, ...] = ()
        self._settings, self._arguments, self._secret = settings, list(arguments), secret
        self._directory, self._one_seats = Directory(), OneSeats()
        self._lines: dict[str, _Line] = {}
        self._sockets: list[socket.socket] = []
        self._keepers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._draining = asyncio.Event()
        self._all_up = asyncio.Event()
        self._processes: set[asyncio.subprocess.Process] = set()
        #: a worker said at the start that nothing can be served with these settings
        self._is_refused = False
        self._changed = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        """Listen, adopt or start the workers, and return once all of them are there.

        Raises:
            OSError: the port is taken, by another supervisor or another program.
            BadSettings: a worker cannot start with these settings; it has said why.
        """
        self._sockets, adopted = await self._listening()
        self.port = self._sockets[0].getsockname()[1]
        self._folder = folder_of(self.port, self._settings.run_dir)
        path = self._folder / SUPERVISOR
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(path), limit=LINE_BYTES_MAX)
        for node in adopted:
            self._spawn(self._keep(node))
        for _ in range(self._settings.worker_count - len(adopted)):
            self._spawn(self._keep(None))
        await self._all_up.wait()
        if self._is_refused:
            await self.drain()
            raise BadSettings("a worker cannot start with these settings")

    async def _listening(self) -> tuple[list[socket.socket], list[str]]:
        """Return the listening sockets, and the workers that have them already."""
        settings = self._settings
        if settings.port:
            folder = folder_of(settings.port, settings.run_dir)
            if await _answers(folder / SUPERVISOR):
                raise AlreadyRunning(f"another supervisor serves port {settings.port}")
            adopted, descriptors = [], list[int]()
            for node in nodes_in(folder):
                try:
                    _, found = await ask(socket_of(folder, node), {"question": "listeners"}, timeout_s=ADOPT_TIMEOUT_S)
                except PostError:
                    socket_of(folder, node).unlink(missing_ok=True)
                    continue
                adopted.append(node)
                for descriptor in found if descriptors else ():
                    os.close(descriptor)
                descriptors = descriptors or found
            if descriptors:
                log.info("workers_adopted", workers=adopted)
                return [socket.socket(fileno=descriptor) for descriptor in descriptors], adopted
        return bind_sockets(settings.port, settings.host, backlog=1024), []

    # ---- processes ---------------------------------------------------------------------------------------------

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._keepers.add(task)
        task.add_done_callback(self._keepers.discard)

    async def _keep(self, node: str | None) -> None:
        """Keep one worker running, beginning with one that runs already."""
        delay_s = 0.0
        if node is not None:
            await self._until_gone(node)
        while not self._draining.is_set():
            started_s = asyncio.get_running_loop().time()
            node = secrets.token_hex(3)
            code = await self._run(node)
            self._forget(node)
            if self._draining.is_set():
                return
            if code == EXIT_USAGE and not self._all_up.is_set():
                self._is_refused = True
                self._all_up.set()
                return
            log.error("worker_ended", node=node, code=code)
            is_young = asyncio.get_running_loop().time() - started_s < YOUNG_S
            delay_s = min(max(delay_s * 2, 0.25), RESTART_DELAY_MAX_S) if is_young else 0.0
            await asyncio.sleep(delay_s)

    async def _until_gone(self, node: str) -> None:
        """Wait until an adopted worker, which is no child of this process, is gone."""
        deadline_s = asyncio.get_running_loop().time() + ADOPT_TIMEOUT_S
        while node in self._lines or asyncio.get_running_loop().time() < deadline_s:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), ADOPT_TIMEOUT_S)
            except TimeoutError:
                pass

    async def _run(self, node: str) -> int | str:
        """Run a worker until it ends; return its exit code, or why there is no process."""
        try:
            process = await self._begin(node)
        except OSError as error:  # no memory for one, say: perhaps later
            return error.strerror or repr(error)
        self._processes.add(process)
        try:
            return await process.wait()
        finally:
            self._processes.discard(process)

    async def _begin(self, node: str) -> asyncio.subprocess.Process:
        descriptors = tuple(sock.fileno() for sock in self._sockets)
        place = WorkerPlace(node, self._folder, descriptors)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "game_server",
            *self._arguments,
            *self._log_level,
            env={**os.environ, WORKER_VARIABLE: place.as_text(), "GAME_SERVER_ADMIN_SECRET": self._secret},
            pass_fds=descriptors,
            # A Ctrl-C in the terminal is this process's affair, which then lets them drain.
            start_new_session=True,
        )

    def _forget(self, node: str) -> None:
        self._directory.forget(node)
        self._one_seats.forget(node)
        # A worker that was killed leaves its socket behind.
        socket_of(self._folder, node).unlink(missing_ok=True)

    async def drain(self) -> None:
        """Let all workers drain, and wait until they are gone."""
        self._draining.set()
        for line in self._lines.values():
            line.say({"drain": True})
        deadline_s = asyncio.get_running_loop().time() + self._settings.drain_s + DRAIN_MARGIN_S
        while self._lines and asyncio.get_running_loop().time() < deadline_s:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 0.5)
            except TimeoutError:
                pass
        self.kill()
        if self._keepers:
            await asyncio.wait(self._keepers, timeout=2.0)
        for process in self._processes:  # not up yet when the others were told, and still not
            process.kill()
        if self._server is not None:
            self._server.close()
        (self._folder / SUPERVISOR).unlink(missing_ok=True)
        for sock in self._sockets:
            sock.close()

    def kill(self) -> None:
        """End what still runs at once."""
        for line in self._lines.values():
            try:
                os.kill(line.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    # ---- lines -------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line: _Line | None = None
        try:
            while text := await reader.readline():
                values = ujson.loads(text)
                if "hello" in values:
                    line = _Line(values["hello"], values["pid"], writer)
                elif line is not None:
                    self._hear(line, values)
        except (OSError, ValueError) as error:
            log.debug("worker_line_broken", error=repr(error))
        finally:
            writer.close()
            if line is not None and self._lines.get(line.node) is line:
                del self._lines[line.node]
                self._forget(line.node)
                self._changed.set()

    def _hear(self, line: _Line, values: dict[str, Any]) -> None:
        if "report" in values:
            self._directory.report(line.node, report_of(values["report"]))
            if self._lines.get(line.node) is not line:
                self._lines[line.node] = line
                self._changed.set()
                if self._draining.is_set():
                    line.say({"drain": True})
                if len(self._lines) >= self._settings.worker_count:
                    self._all_up.set()
        elif "stop" in values:
            self._stop_asked.set()
        elif values.get("log_level") in LEVELS:
            set_log_level(values["log_level"])
            self._log_level = ("--log-level", values["log_level"])
        elif "ask" in values:
            answer = self._sought(values["seek"]) if "seek" in values else self._placed(values)
            line.say({"answer": values["ask"], "values": answer})
        elif "seats" in values:
            for seat, number in values["seats"].items():
                self._claim(line, seat, Claim(number, line.node))
        elif "ended" in values:
            for seat, number in values["ended"].items():
                self._one_seats.release(seat, Claim(number, line.node))

    def _placed(self, values: dict[str, Any]) -> dict[str, Any] | None:
        wish, now_s = Wish(**values["wish"]), asyncio.get_running_loop().time()
        place = self._directory.place_new if values["new"] else self._directory.place
        placement = place(wish, now_s, values["but"])
        return attrs.asdict(placement) if placement else None

    def _sought(self, seat: str) -> tuple[int, str]:
        """Return the number of a claim to a one seat, and the worker that has it now, if any."""
        holder = self._one_seats.holder(seat)
        return self._one_seats.number(time.monotonic_ns() // 1000), holder.node if holder else ""

    def _claim(self, line: _Line, seat: str, claim: Claim) -> None:
        """Hear that a worker has given a one seat; tell the worker that loses by it."""
        decided = self._one_seats.take(seat, claim)
        if decided is not None:
            winner, loser = decided
            losing = line if loser.node == line.node else self._lines.get(loser.node)
            if losing is not None:
                losing.say({"lost": {seat: attrs.astuple(winner)}})


async def _answers(path: Any) -> bool:
    """Return whether a supervisor listens at a socket."""
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except OSError:
        return False
    writer.close()
    return True
