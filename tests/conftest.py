"""Fixtures for all tests: a free port, and the real server in a process of its own.

def test_lists_no_rooms_at_first(server):
    assert {"rooms": []} == server.get_json("/api/rooms")

@pytest.mark.server_args("--seat-hold-s", "1")
def test_forgets_a_dropped_player(server): ...

def test_restarts(start_server):
    first = start_server("--port", "9000"); first.stop(); second = start_server("--port", "9000")
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.server_process import SIGNS_OF_A_BUG, ServerProcess
from tests.system_packages import in_ci

StartServer = Callable[..., ServerProcess]

# From here on "no event loop" is an answer. Otherwise Tornado, which asks for the current one before it makes its own,
# gets a warning from Python 3.12 and 3.13, and from 3.11 a new loop that nobody closes.
asyncio.set_event_loop(None)

# In CI the examples are the same in each run and no deadline depends on who else uses the machine; at a desk they are
# random, and what hypothesis found last time is tried first.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if in_ci() else "desk")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: whatever a test needs, `make test` installs."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if in_ci() and reporter and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def free_port() -> int:
    """A port that nobody listened on a moment ago. Prefer port 0 where the program can tell what it got."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers: `start_server("--flag", ..., env={...}, crashes=False)`; they end with the test.

    Each must end with code 0, and with a log free of tracebacks unless `crashes=True` says that the test makes one.
    A server that the test itself has stopped or killed is only held to the latter.
    """
    started: list[tuple[ServerProcess, bool]] = []

    def start(*args: str, env: dict[str, str] | None = None, crashes: bool = False) -> ServerProcess:
        server = ServerProcess(tmp_path, args, env or {})
        started.append((server, crashes))
        server.wait_until_ready()
        return server

    yield start

    problems = []
    for server, crashes in started:
        was_running = server.running
        try:
            code = server.stop()
        except RuntimeError as error:
            problems.append(str(error))
            continue
        if was_running and code != 0:
            problems.append(f"exit code {code} after SIGTERM:\n{server.log}")
        if not crashes and any(sign in server.log for sign in SIGNS_OF_A_BUG):
            problems.append(f"the server's log tells of a bug:\n{server.log}")
    if problems:
        pytest.fail("\n\n".join(problems), pytrace=False)


@pytest.fixture
def server(start_server: StartServer, request: pytest.FixtureRequest) -> ServerProcess:
    """One running server on a port of its own, with the flags of the test's `server_args` mark."""
    mark = request.node.get_closest_marker("server_args")
    return start_server(*(mark.args if mark else ()))
