"""Start a server alone on its core, and read what it costs from /proc.

CPU time is the scheduler's own count in nanoseconds (/proc/PID/task/TID/schedstat), over the process and its children.
Every process is ended by its own id.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


class ServerFailed(Exception):
    """A server ended by itself or did not listen; the message ends with its last words."""


def on_core(core: int) -> Callable[[], None]:
    """Return what a child process does before it becomes the program: stay on one core."""
    return lambda: os.sched_setaffinity(0, {core})


class Server:
    """One server process on one core, in a `with` block."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], port: int, core: int, log: Path
    ) -> None:
        self.port = port
        self.log = log
        if is_listened_on(port):
            raise ServerFailed(f"something else listens on port {port}")
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=on_core(core),  # noqa: PLW1509 - this program has no threads
            )

    def __enter__(self) -> Self:
        try:
            self.wait_until_listening()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End the process: politely, then not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def wait_until_listening(self, timeout_s: float = 20) -> None:
        """Wait until the port accepts; raises ServerFailed."""
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                raise ServerFailed(f"it ended with code {self.process.returncode}: {self.last_words()}")
            if is_listened_on(self.port):
                return
            time.sleep(0.05)
        raise ServerFailed(f"it did not listen on port {self.port} within {timeout_s:.0f} s: {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of its output."""
        return self.log.read_text(errors="replace").strip()[-600:]

    def cpu_s(self) -> float:
        """Return the CPU time used so far by the process, its threads and its children, in seconds."""
        return sum(cpu_of_process_s(pid) for pid in process_tree(self.process.pid))

    def memory_bytes(self) -> int:
        """Return the resident memory of the process and its children."""
        return sum(resident_bytes(pid) for pid in process_tree(self.process.pid))


def is_listened_on(port: int) -> bool:
    """Tell whether a server accepts on this port of the loopback interface."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def process_tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def cpu_of_process_s(pid: int) -> float:
    """Return the CPU time of a process' threads in seconds."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total_ns += int(task.read_text().split()[0])
        except OSError:
            continue  # the thread has just ended
    return total_ns / 1e9


def resident_bytes(pid: int) -> int:
    """Return the resident set of a process."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def busy_s(core: int) -> float:
    """Return how long a core has been busy since boot, stolen time included, in seconds."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    raise ValueError(f"no core {core}")
