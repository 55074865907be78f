"""A crowd that is dropped at once and comes back at once, round after round.

    asked: 1,000 clients dropped at once are all back in play within 5 s, none lost; of the ticks of rooms that are not
    concerned, 99 % begin at most 10 ms late.

They wait as the SDK does: 125 to 250 ms before the first try, then twice as long, two seconds at most. A round in which
the machine itself stood still for STALL_MAX_S on the server's core (`stalls.py`) says nothing of late ticks: it is
left out of that row, and counted.
"""

import asyncio
import math
import random
from typing import Any

import attrs

from game_server.web.games import load_game
from loadtest.client import Bot, Setting
from loadtest.network import Network
from loadtest.pacer import Pacer
from loadtest.play import Group
from loadtest.stats import Ledger

from .rig import Others, Row, Server, at_most, exactly, late_ticks, running_server
from .stalls import Witness, longest_s

ROOM_SIZE = 10
TICK_RATE = 20
ROUNDS = 8
#: of the bystanders; rounds take a second or two
PLAY_S = 40
STALL_MAX_S = 0.005
LATE_S = 0.01
RETRY_FIRST_S, RETRY_MAX_S = 0.25, 2.0
GIVE_UP_S = 20.0


async def run(minutes: float, clients: int) -> list[Row]:
    """Run the rig and return its rows."""
    with running_server("--games", "swarm", "--games", "arena") as server:
        bystanders = Others(server, 20, PLAY_S, "--game", "arena", "--rooms", "10", "--ramp-s", "1")
        ledger = Ledger()
        pacer = Pacer(TICK_RATE, lambda _late_s: None)
        setting = Setting(
            game="swarm",
            room_options={"seats": ROOM_SIZE},
            is_json=False,
            network=Network(server.url, "game.v1.binary"),
            ledger=ledger,
            on_seated=lambda bot: pacer.add(bot.number, bot.play.step),
            on_gone=lambda bot: pacer.remove(bot.number, bot.play.step),
        )
        bots = make_bots(clients, setting)
        for first in range(0, clients, 50):
            await asyncio.gather(*(bot.join() for bot in bots[first : first + 50]))
        await bystanders.start()
        witness = Witness(server.core)
        await witness.start(PLAY_S)
        await asyncio.sleep(4)
        rounds = []
        for _ in range(ROUNDS):
            rounds.append(await play_round(server, bots, ledger))
            await asyncio.sleep(1)
        await bystanders.figures()
        pacer.stop()
        for bot in bots:
            bot.abort()
        stalls = await witness.stalls()
        valid = [one for one in rounds if longest_s(stalls, one.started_s, one.ended_s) < STALL_MAX_S]
        late, ticks = (sum(column) for column in zip(*(one.late for one in valid or rounds), strict=True))
        return [
            exactly("dropped at once, back in their seats", min(one.kept for one in rounds), clients),
            at_most("half of them welcomed after", max(one.half_s for one in rounds), 5, "s"),
            at_most("all of them welcomed after", max(one.all_s for one in rounds), 5, "s"),
            at_most("all of them with a new state after", max(one.in_play_s for one in rounds), 5, "s"),
            at_most(f"ticks of other rooms over {LATE_S * 1000:g} ms late", 100 * late / ticks, 1, "%"),
            Row("ticks that this is of", f"{ticks:g}", "", True),
            Row("rounds without a stall of the machine itself", f"{len(valid)} of {ROUNDS}", "at least 1", bool(valid)),
            Row("longest stall of the machine", f"{1000 * longest_s(stalls, 0, math.inf):.1f} ms", "", True),
            *bystanders.rows(),
            Row("errors of those who came back", str(dict(ledger.errors)), "{}", not ledger.errors),
        ]


@attrs.frozen
class Round:
    """What came of one round; times of its begin and end by `time.monotonic`."""

    started_s: float
    ended_s: float
    kept: int
    half_s: float
    all_s: float
    in_play_s: float
    #: ticks of other rooms that were late, and all of them
    late: tuple[float, float]


async def play_round(server: Server, bots: list[Bot], ledger: Ledger) -> Round:
    """Drop all, and wait until all are back in play."""
    loop = asyncio.get_running_loop()
    seats, resumed = [bot.seat for bot in bots], ledger.samples.resume.count
    before = await server.metrics()
    started_s = loop.time()
    for bot in bots:
        bot.drop()
    backs = await asyncio.gather(*(come_back(bot, started_s) for bot in bots))
    while ledger.samples.resume.count < resumed + len(bots) and loop.time() - started_s < GIVE_UP_S:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    ended_s = loop.time()
    after = await server.metrics()
    return Round(
        started_s,
        ended_s,
        sum(bot.is_seated and bot.seat == seat for bot, seat in zip(bots, seats, strict=True)),
        sorted(backs)[len(backs) // 2],
        max(backs),
        ended_s - started_s,
        late_ticks(before, after, "arena", LATE_S),
    )


def make_bots(clients: int, setting: Setting) -> list[Bot]:
    """Return bots that fill rooms of ROOM_SIZE; the first of each room thinks for all."""
    brain: Any = load_game(setting.game).brain
    groups = [Group(has_room=True) for _ in range(-(-clients // ROOM_SIZE))]
    return [
        Bot(
            number,
            setting,
            groups[number // ROOM_SIZE],
            random.Random(number),
            brain(random.Random(number)),
            is_decoding=number % ROOM_SIZE == 0,
        )
        for number in range(clients)
    ]


async def come_back(bot: Bot, started_s: float) -> float:
    """Resume as the SDK does; return how many seconds after the drop the bot was welcomed."""
    loop = asyncio.get_running_loop()
    wait_s = RETRY_FIRST_S
    while not bot.is_seated and loop.time() - started_s < GIVE_UP_S:
        await asyncio.sleep(wait_s * bot.random.uniform(0.5, 1))
        await bot.resume()
        wait_s = min(2 * wait_s, RETRY_MAX_S)
    return loop.time() - started_s
