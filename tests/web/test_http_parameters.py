"""HTTP requests of any kind to the real server: paths, parameters, headers and bodies, spoilt by the fuzz's mutator."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.fuzz.mutate import Mutator
from tests.web.game_site import GameSite, NewSite

COUNT = 250
PATHS = """/ /play/swarm /play/nothing /api/games /api/rooms?game=swarm /api/rooms?game=%00%ff&game= /healthz /livez
    /metrics /static/client/index.js /static/../settings.py /static/%2e%2e/%2e%2e/etc/passwd /admin?secret=hush
    /admin?secret=%ff /nowhere?a[]=1&b=%zz""".split()
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: game.v1.json\r\n"
)


def requests() -> list[bytes]:
    """Return good requests, and some that are not."""
    plain = [f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" for path in PATHS]
    upgrades = [
        f"GET /ws HTTP/1.1\r\nHost: a\r\n{more}{UPGRADE}\r\n"
        for more in ("", "Origin: https://evil.example\r\n", "X-Forwarded-For: 1.2.3.4, ::1\r\n")
    ]
    body = "secret=hush&secret=%ff"
    form = "POST /admin HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    posts = [
        f"{form}Content-Length: {len(body)}\r\n\r\n{body}",
        f"{form}Transfer-Encoding: chunked\r\n\r\n5\r\nsecre\r\n0\r\n\r\n",
        'POST /admin/log-in HTTP/1.1\r\nHost: a\r\nCookie: admin=x; a="\\377"\r\nContent-Length: 0\r\n\r\n',
    ]
    return [request.encode() for request in (*plain, *upgrades, *posts)]


async def statuses(site: GameSite, data: bytes) -> list[int]:
    """Send bytes and the end, and return the status of each answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        writer.write(data)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return []
    finally:
        writer.close()
    heads = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    return [int(head.split()[1]) for head in heads]


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What is logged."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.mark.gen_test(timeout=60)
async def test_no_request_makes_the_server_fail(new_site: NewSite, log: list[Any]) -> None:
    """Whatever is asked, the answer is a status below 500 or none at all, no fault is logged, and others play on."""
    site = await new_site(handshakes_address_per_s=1e6, handshake_address_burst=1e6)
    player = await site.join()
    mutator = Mutator(requests(), random.Random("http"))
    answers: list[int] = []

    for data in [*requests(), *(mutator.next() for _ in range(COUNT))]:
        answered = await statuses(site, data)
        assert all(status < 500 for status in answered), data
        answers += answered

    assert {200, 400, 404} <= set(answers)
    assert [] == [line for line in log if line["log_level"] in ("error", "critical")]
    await player.receive("delta")
