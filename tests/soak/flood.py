"""One client that floods, in several ways, among players of the same room.

asked: a client that sends 50,000 messages a second is closed within 1 s; the others' gap p99 is under 60 ms.
"""

import asyncio
import json
import struct

from tests.client_frames import frame
from tests.web.game_site import BINARY, CLOSE, PING, TEXT, close_of
from tests.web.raw_client import RawClient

from .rig import Others, Row, at_most, running_server

MESSAGES_PER_S = 50_000
BATCH = 500
PAUSE_S = 3.0

_CHAT = frame(TEXT, json.dumps({"type": "chat", "text": "flood"}).encode())
_PING = frame(BINARY, struct.pack("<Bd", 3, 1.0))


def _inputs(first: int) -> bytes:
    return b"".join(frame(BINARY, struct.pack("<BIIHbb", 1, seq, 1, 0, 1, 0)) for seq in range(first, first + BATCH))


async def run(minutes: float, clients: int) -> list[Row]:
    """Run the rig and return its rows."""
    floods = {
        "inputs": _inputs,
        "pings": lambda _first: _PING * BATCH,
        "chats": lambda _first: _CHAT * BATCH,
        "frames of control": lambda _first: frame(PING) * BATCH,
        "empty frames": lambda _first: frame(BINARY, fin=False) + frame(0, fin=False) * BATCH,
    }
    with running_server("--games", "swarm") as server:
        others = Others(server, clients, len(floods) * (PAUSE_S + 1) + 4, "--game", "swarm")
        await others.start()
        await asyncio.sleep(5)
        rows = []
        for name, make in floods.items():
            raw = await RawClient.connect(server.port, "/ws", subprotocols=["game.v1.binary"])
            await raw.send(frame(TEXT, b'{"type":"join","version":1,"game":"swarm"}'))
            await asyncio.sleep(PAUSE_S / 2)
            code, after_s = await _flood(raw, make)
            raw.close()
            rows.append(at_most(f"{name}: closed with {code} after", after_s, 1, "s"))
            await asyncio.sleep(PAUSE_S / 2)
        figures = await others.figures()
        return [
            *rows,
            at_most("others' gap p99", figures["gap_p99"], 60, "ms"),
            *others.rows(),
        ]


async def _flood(raw: RawClient, make: "object") -> tuple[int, float]:
    """Send at the rate until the server closes; return the code and after how many seconds it came."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()

    async def send() -> None:
        sent = 0
        while True:
            await raw.send(make(sent + 1))  # type: ignore[operator]
            sent += BATCH
            await asyncio.sleep(max(0, started_s + sent / MESSAGES_PER_S - loop.time()))

    sending = asyncio.create_task(send())
    code = 0
    try:
        async with asyncio.timeout(10):
            while True:
                opcode, payload = await raw.receive()
                if opcode == CLOSE:
                    code = close_of(payload)[0]
                    break
    except (EOFError, OSError):
        pass
    after_s = loop.time() - started_s
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    return code, after_s
