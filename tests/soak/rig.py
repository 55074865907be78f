"""A server under test and what can be read of it from outside; and the rows that a rig reports.

Memory and descriptors come from /proc and rates from /metrics, so nothing is added to the server for being measured.
Players who are only to be undisturbed come from `python -m loadtest`, in a process of its own.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from prometheus_client.parser import text_string_to_metric_families

from tests.server_process import ROOT, ServerProcess

MIB = 2**20


@attrs.frozen
class Row:
    """One figure: what it is, what was reached and what was asked for."""

    what: str
    reached: str
    asked: str
    is_met: bool


def at_most(what: str, value: float, limit: float, unit: str) -> Row:
    """Return the row of a figure that must not be above a limit."""
    return Row(what, f"{value:.4g} {unit}", f"at most {limit:g} {unit}", value <= limit)


def exactly(what: str, value: float, expected: float) -> Row:
    """Return the row of a figure that must be this one."""
    return Row(what, f"{value:g}", f"{expected:g}", value == expected)


class Server:
    """A server under test."""

    def __init__(self, process: ServerProcess, core: int | None) -> None:
        self._process = process
        #: which it has for itself; None: none
        self.core = core
        self.port = process.port
        self.url = f"ws://127.0.0.1:{process.port}/ws"

    @property
    def memory_bytes(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        if "VmRSS:" not in status:
            raise RuntimeError(f"the server has ended:\n{self.log_tail()}")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    @property
    def cpu_s(self) -> float:
        """CPU time so far, of all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def metrics(self) -> dict[str, float]:
        """Return every sample by its name, with its labels as they are written: `name{label=value}`."""
        return await asyncio.to_thread(self._metrics)

    def _metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self._process.url}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return {
            sample.name + "".join(f"{{{name}={value}}}" for name, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def log_tail(self) -> str:
        return self._process.log[-2000:]


@contextlib.contextmanager
def other_cores() -> Iterator[set[int]]:
    """Leave the last core alone, and return it; nothing changes where there is only one or no way to say it."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(allowed) < 2:
        yield set()
        return
    last = {max(allowed)}
    os.sched_setaffinity(0, allowed - last)
    try:
        yield last
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def running_server(*args: str) -> Iterator[Server]:
    """Start a server that has the last core for itself, where there are two and that can be told; it must end with 0.

    The rig and the processes that it starts keep to the other cores: else what is measured is how they share one.
    """
    with tempfile.TemporaryDirectory() as folder, other_cores() as last:
        process = ServerProcess(Path(folder), args, {})
        try:
            process.wait_until_ready()
            if last:
                os.sched_setaffinity(process.pid, last)
            yield Server(process, max(last) if last else None)
            if (code := process.stop()) != 0:
                raise RuntimeError(f"the server ended with {code}:\n{process.log[-2000:]}")
        finally:
            process.kill()


class Others:
    """Players of the load test who are only to be undisturbed."""

    def __init__(self, server: Server, clients: int, seconds: float, *args: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._json = Path(self._folder.name) / "report.json"
        self._args = [
            *(sys.executable, "-m", "loadtest", "--url", server.url, "--clients", str(clients)),
            *("--duration", f"{seconds:g}", "--decode-share", "0.1", "--json", str(self._json), *args),
        ]
        self._process: asyncio.subprocess.Process | None = None
        self.troubles: dict[str, int] = {}
        self.skipped_steps = 0

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._args, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )

    async def figures(self) -> dict[str, Any]:
        """Wait for the end and return the figures of the report."""
        assert self._process is not None
        _, errors = await self._process.communicate()
        if self._process.returncode not in (0, 99):
            raise RuntimeError(f"the load test ended with {self._process.returncode}: {errors.decode()[-1000:]}")
        report = json.loads(self._json.read_text())
        self._folder.cleanup()
        troubles = {**report["errors"], **report["closes"]}
        # What the generator itself was too slow for is nobody's fault but the machine's.
        self.skipped_steps = sum(count for kind, count in troubles.items() if kind.startswith("generator:"))
        self.troubles = {kind: count for kind, count in troubles.items() if not kind.startswith("generator:")}
        return dict(report["figures"])

    def rows(self) -> list[Row]:
        """Return whether all went well for them, once there are figures."""
        none = Row("troubles of the others", str(self.troubles or "none"), "none", not self.troubles)
        return [none, Row("steps that their own machine was too slow for", f"{self.skipped_steps}", "", True)]


def late_ticks(before: dict[str, float], after: dict[str, float], game: str, above_s: float) -> tuple[float, float]:
    """Return how many of a game's ticks since `before` began later than `above_s`, a bucket's bound; and all."""
    name = "game_server_tick_lateness_seconds"
    bound = f"{name}_bucket{{game={game}}}{{le={above_s}}}"
    count = f"{name}_count{{game={game}}}"
    ticks = after[count] - before.get(count, 0.0)
    return ticks - (after[bound] - before.get(bound, 0.0)), ticks


def pick(rows: Sequence[Row]) -> int:
    """Return the exit code that rows amount to."""
    return 0 if all(row.is_met for row in rows) else 1
