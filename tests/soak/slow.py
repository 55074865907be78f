"""Slow clients among many: memory stays, the others notice nothing, and who is slow stays as long as it may.

asked: 500 clients, 5 % not reading at all, 5 % at 32 kbit/s, 10 minutes; memory grows by under 5 MiB after the first
minute; the others' gap p99 is under 60 ms; who reads nothing is closed at the documented limit and can resume; who
has 32 kbit/s stays to the end.
"""

import asyncio

from .player import SlowPlayer
from .rig import MIB, Others, Row, Server, at_most, exactly, running_server

SLOW_SHARE = 0.05
LINE_BYTES_PER_S = 4000
#: of the settings: slow_ack_ms behind, then backlog_soft_s without an ack; two looks of the server, and our own
LIMIT_S = 15.0 + 2.0 + 4.0
WARM_SHARE = 0.1
#: how long the others are measured alone first, to compare with
ALONE_S = 10.0
CLOSED = "game_server_closes_total{reason=too_slow}"


async def run(minutes: float, clients: int) -> list[Row]:
    """Run the rig and return its rows."""
    seconds = minutes * 60
    slow = max(1, round(clients * SLOW_SHARE))
    with running_server("--games", "swarm") as server:
        alone = Others(server, clients - 2 * slow, ALONE_S, "--game", "swarm")
        await alone.start()
        before = await alone.figures()
        # The others first: the slow ones are seated among them, in their rooms.
        others = Others(server, clients - 2 * slow, seconds, "--game", "swarm")
        await others.start()
        await asyncio.sleep(1.0)
        deaf = [SlowPlayer(server.port, 0) for _ in range(slow)]
        narrow = [SlowPlayer(server.port, LINE_BYTES_PER_S) for _ in range(slow)]
        for player in (*deaf, *narrow):
            await player.join()
        playing = asyncio.gather(*(player.play(seconds) for player in narrow))
        growth, stay_s = await asyncio.gather(_watch_memory(server, seconds), _be_deaf(server, deaf))
        await playing
        metrics = await server.metrics()
        figures = await others.figures()
        for player in (*deaf, *narrow):
            player.close()
        codes = sorted({player.closed[0] if player.closed else 0 for player in deaf})
        answers = sorted(answer for player in narrow for answer in player.answers_ms)
        states_per_s = sum(player.states for player in narrow) / seconds / slow
        return [
            at_most("memory growth after the first minute", growth / MIB, 5, "MiB"),
            at_most("others' gap p99", figures["gap_p99"], 60, "ms"),
            Row("the same without anybody slow", f"{before['gap_p99']:.4g} ms", "", True),
            *others.rows(),
            at_most("the last who reads nothing is closed after", stay_s, LIMIT_S, "s"),
            Row("with the code", str(codes), "[4014]", codes == [4014]),
            exactly("and resumes", sum(player.welcome["resumed"] for player in deaf), slow),
            exactly("with 32 kbit/s still there", sum(player.closed is None for player in narrow), slow),
            Row("their states", f"{states_per_s:.1f} a second", "fewer than 20", states_per_s < 20),
            Row(
                "their inputs are answered after (p50, p99)",
                f"{_of(answers, 50):.0f}, {_of(answers, 99):.0f} ms",
                "",
                True,
            ),
            Row("states skipped", f"{metrics['game_server_states_skipped_total']:g}", "", True),
        ]


async def _be_deaf(server: Server, players: list[SlowPlayer]) -> float:
    """Play without reading until the server has closed all; come back. Return how long the last one stayed."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    playing = [asyncio.create_task(player.play(4 * LIMIT_S)) for player in players]
    # Nothing may be read from the sockets, so the server is asked.
    while (await server.metrics()).get(CLOSED, 0) < len(players) and loop.time() - started_s < 3 * LIMIT_S:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    stay_s = loop.time() - started_s
    for task in playing:
        task.cancel()
    await asyncio.gather(*playing, return_exceptions=True)
    for player in players:
        await player.read_rest()
        closed = player.closed
        player.close()
        await player.resume()
        player.closed = closed
    return stay_s


async def _watch_memory(server: Server, seconds: float) -> int:
    """Return by how much memory grew after the first minute, or the first tenth of a shorter run."""
    warm_s = min(60.0, seconds * WARM_SHARE) + 3
    await asyncio.sleep(warm_s)
    before = most = server.memory_bytes
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + seconds - warm_s
    while loop.time() < ends_s:
        await asyncio.sleep(min(2.0, max(ends_s - loop.time(), 0)))
        most = max(most, server.memory_bytes)
    return most - before


def _of(values: list[float], percent: float) -> float:
    return values[min(int(len(values) * percent / 100), len(values) - 1)] if values else 0.0
