"""Compile and drive the load generator, generator.c."""

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ujson

from tests.bench.folders import BUILD, HERE
from tests.bench.processes import on_core


class LoadFailed(Exception):
    """The load could not be brought up: clients were refused or did not join in time."""


def compile_program(name: str) -> Path:
    """Compile a C file of this folder, if it is newer than the program; returns the program."""
    source, program = HERE / f"{name}.c", BUILD / name
    BUILD.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        fresh = program.with_suffix(f".{os.getpid()}")  # moved there whole: another run may be starting the old one
        subprocess.run(["cc", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", str(fresh), str(source)], check=True)
        fresh.replace(program)
    return program


class Generator:
    """One generator process on its core, in a `with` block: wait_joined(), start(), stop()."""

    def __init__(self, plan: Path, core: int) -> None:
        self.log = plan.with_suffix(".log")
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                [str(compile_program("generator")), str(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=on_core(core),  # noqa: PLW1509 - this program has no threads
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def read(self, event: str) -> dict[str, Any]:
        """Read one line, which must be that event; raises LoadFailed. The generator bounds its own waiting."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        message: dict[str, Any] = ujson.loads(line) if line else {"event": "failed", "reason": "the generator ended"}
        if message["event"] != event:
            reason = str(message.get("reason", message))
            if "joined" in message:
                reason += f": {message['joined']} had joined, {message['closed']} were closed"
            raise LoadFailed(f"{reason}. {self.last_words()}".strip())
        return message

    def last_words(self) -> str:
        """Return what it wrote of errors."""
        return self.log.read_text(errors="replace")[:400].strip()

    def write(self, command: str) -> None:
        """Send one command."""
        assert self.process.stdin
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def wait_joined(self) -> float:
        """Wait until all clients have their first state message; returns the seconds it took.

        Raises LoadFailed when some were closed instead.
        """
        message = self.read("joined")
        if message["closed"]:
            raise LoadFailed(f"{message['closed']} clients were closed while joining. {self.last_words()}".strip())
        return float(message["seconds"])

    def start(self) -> None:
        """Begin the window."""
        self.write("start")
        self.read("started")

    def stop(self) -> dict[str, Any]:
        """End the window; returns what was counted (generator.c, stop_window)."""
        self.write("stop")
        return self.read("result")
