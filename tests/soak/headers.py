"""Attackers that send a header or a body byte by byte, and normal players meanwhile.

asked: with 1,000 sockets of slow headers and slow bodies a normal player plays unharmed.
"""

import asyncio
import itertools
import urllib.request

from tests.web.raw_client import RawClient

from .rig import Others, Row, at_most, exactly, running_server

HEADER = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /admin/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
ROUNDS_PER_S = 2


async def run(minutes: float, clients: int) -> list[Row]:
    """Run the rig and return its rows; `clients` is the number of attackers."""
    seconds = minutes * 60
    with running_server("--games", "swarm") as server:
        attack = asyncio.create_task(_attack(server.port, clients))
        await asyncio.sleep(3)
        players = Others(server, 20, seconds, "--game", "swarm", "--rooms", "2", "--ramp-s", "2")
        await players.start()
        await asyncio.sleep(2)
        page = await asyncio.to_thread(_fetch, f"http://127.0.0.1:{server.port}/")
        figures = await players.figures()
        attack.cancel()
        (opened,) = await asyncio.gather(attack, return_exceptions=True)
        metrics = await server.metrics()
        return [
            Row("attackers at a time", str(clients), "1000", clients >= 1000),
            Row("sockets they opened", f"{_opened(opened)}", "", True),
            exactly("players who got in", figures["connected"], 20),
            *players.rows(),
            at_most("their gap p99", figures["gap_p99"], 60, "ms"),
            at_most("their inputs' ack p99", figures["ack_p99"], 150, "ms"),
            Row("status of a page", str(page), "200", page == 200),
            Row("connections given up for new ones", f"{metrics[GIVEN_UP]:g}", "", True),
        ]


GIVEN_UP = "game_server_limits_reached_total{limit=http_connections_max}"
_counter = itertools.count()


def _opened(_: object) -> int:
    return next(_counter)


async def _attack(port: int, sockets: int) -> None:
    """Keep so many sockets open, each sending a byte now and then; who is cut off comes again."""
    attackers: list[RawClient | None] = [None] * sockets
    try:
        while True:
            started_s = asyncio.get_running_loop().time()
            for number, attacker in enumerate(attackers):
                try:
                    if attacker is None:
                        next(_counter)
                        attacker = attackers[number] = await RawClient.open(port)
                        attacker.socket.send(HEADER if number % 2 else BODY)
                    else:
                        attacker.socket.send(b"x")
                except OSError:
                    if attacker is not None:
                        attacker.close()
                    attackers[number] = None
                if number % 50 == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(max(0, started_s + 1 / ROUNDS_PER_S - asyncio.get_running_loop().time()))
    finally:
        for attacker in attackers:
            if attacker is not None:
                attacker.close()


def _fetch(url: str) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return int(answer.status)
