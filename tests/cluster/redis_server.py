"""A real Redis server for a test: started, paused, emptied, killed and started anew on the same port.

Also a program, which `make test` runs to get one:

    python -m tests.cluster.redis_server --install STAMP    get a server if there is none; touch STAMP once there is
    python -m tests.cluster.redis_server --report           say in one line that its tests were skipped, if so
"""

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.system_packages import install_with_apt, provide

SKIPPED = "SKIPPED: the tests of several machines, for want of redis-server on the path"
START_TIMEOUT_S = 20.0


def find_redis() -> str | None:
    """Return the path of a redis-server."""
    return shutil.which("redis-server")


class RedisServer:
    """A server on a port of its own, keeping nothing on disk."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"redis://127.0.0.1:{port}"
        self._port, self._folder = port, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it; what it held before is gone."""
        program = find_redis()
        assert program is not None
        command = [program, "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._says_pong():
            assert time.monotonic() < deadline_s, "redis-server did not start"
            time.sleep(0.02)

    def _says_pong(self) -> bool:
        try:
            return b"PONG" in self.tell("PING")
        except OSError:
            return False

    def tell(self, command: str) -> bytes:
        """Send one inline command and return the first part of the answer."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=5) as connection:
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(65_536)

    def empty(self) -> None:
        """Forget everything."""
        self.tell("FLUSHALL")

    def pause(self) -> None:
        """Answer nothing, and refuse nothing, until it goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """End it and start it anew, with nothing kept."""
        self.stop()
        self.start()


if __name__ == "__main__":
    sys.exit(provide("redis-server", SKIPPED, find_redis, lambda: install_with_apt("redis-server")))
