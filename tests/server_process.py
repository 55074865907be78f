"""The real server, as its users start it: `python -m game_server` in a process of its own.

Knows the program's contract only: it prints a URL once it listens, answers /healthz, ends with code 0 after a SIGTERM.
A thread collects what it prints, so that the process never waits for a reader and nobody polls.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 10
URL = re.compile(r"(http://[^\s/:]+:(\d+))")
# In the log of a server that is well, none of these stands.
SIGNS_OF_A_BUG = ("Traceback (most recent call last)", "was never awaited", "never retrieved")


class ServerProcess:
    """A running server: `url`, `port`, `pid`, and what it has printed so far in `log`."""

    def __init__(self, folder: Path, args: Sequence[str], env: Mapping[str, str]) -> None:
        self.args = [sys.executable, "-u", "-m", "game_server", "--host", "127.0.0.1", "--port", "0", *args]
        self.url = ""
        self.port = 0
        self._lines: list[str] = []
        self._url_printed = threading.Event()
        # The folder is scratch: whatever the server writes below its working directory goes away with the test.
        self._process = subprocess.Popen(
            self.args,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "500", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="server log", daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Return once it has printed its URL and /healthz answers 200; raise RuntimeError with its log otherwise."""
        self._url_printed.wait(START_TIMEOUT_S)
        if not self.url:
            ended = self._process.poll()
            self.kill()
            what = f"no URL within {START_TIMEOUT_S} s" if ended is None else f"ended with code {ended} before any URL"
            raise RuntimeError(f"{what}: {self.args}\n{self.log}")
        self.get_json("/healthz")

    def get_json(self, path: str) -> Any:
        """Fetch `path` and parse it; raises URLError for anything but success."""
        with urllib.request.urlopen(self.url + path, timeout=START_TIMEOUT_S) as response:
            return json.load(response)

    @property
    def pid(self) -> int:
        """The process to send signals to."""
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send it a signal, and do not wait."""
        self._process.send_signal(number)

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything printed so far, stdout and stderr together."""
        return "".join(self._lines)

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code; raise RuntimeError with its log where it has to be killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal_number)
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"still running {STOP_TIMEOUT_S} s after signal {signal_number}:\n{self.log}") from None
        finally:
            self.kill()
        return code

    def kill(self) -> None:
        """End it at once, if it has not ended, and collect the rest of its log."""
        self._process.kill()
        self._process.wait()
        # Processes that it started and that outlive it hold the pipe open; to close what is being read waits for them.
        self._reader.join(STOP_TIMEOUT_S)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            if not self.url and (found := URL.search(line)):
                self.url, self.port = found[1], int(found[2])
                self._url_printed.set()
        self._url_printed.set()  # it ended: nobody need wait any longer
