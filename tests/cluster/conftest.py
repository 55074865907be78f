"""Services as on several machines that share a real Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.redis_server import RedisServer
from tests.cluster.service import free_ports
from tests.conftest import StartServer
from tests.server_process import ServerProcess


@pytest.fixture
def redis_server(free_port: int, tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis."""
    running = RedisServer(free_port, tmp_path)
    yield running
    running.go_on()
    running.stop()


@pytest.fixture
def machines(
    redis_server: RedisServer, start_server: StartServer, tmp_path: Path
) -> Callable[..., list[ServerProcess]]:
    """Start two services of one worker each, as on two machines."""

    def start(*more: str, env: dict[str, str] | None = None) -> list[ServerProcess]:
        ports = free_ports(2)
        return [
            start_server(
                *("--workers", "1", "--games", "swarm", "--port", str(port), "--run-dir", str(tmp_path / str(port))),
                *("--data-dir", str(tmp_path / f"data-{port}"), "--drain-s", "0"),
                *("--redis", redis_server.url, "--announce-url", f"ws://127.0.0.1:{port}/ws", *more),
                env=env,
            )
            for port in ports
        ]

    return start
