"""A crowd that is dropped at once and comes back at once.

    asked: 1,000 clients dropped at once are all back in play within 5 s, none lost; of the ticks of rooms that are not
    concerned, 99 % begin at most 10 ms late.

They wait as the SDK does: 125 to 250 ms before the first try, then twice as long, two seconds at most.
"""

import asyncio
import random
from typing import Any

from game_server.web.games import load_game
from loadtest.client import Bot, Setting
from loadtest.network import Network
from loadtest.pacer import Pacer
from loadtest.play import Group
from loadtest.stats import Ledger

from .rig import Others, Row, at_most, exactly, late_share, running_server

ROOM_SIZE = 10
TICK_RATE = 20
CALM_S = 3.0
LATE_S = 0.01
RETRY_FIRST_S, RETRY_MAX_S = 0.25, 2.0
GIVE_UP_S = 20.0


async def run(minutes: float, clients: int) -> list[Row]:
    """Run the rig and return its rows."""
    with running_server("--games", "swarm", "--games", "arena") as server:
        bystanders = Others(server, 20, 25, "--game", "arena", "--rooms", "2", "--ramp-s", "1")
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
        await asyncio.sleep(4)
        calm = await server.metrics()
        await asyncio.sleep(CALM_S)
        seats = [bot.seat for bot in bots]
        before = await server.metrics()
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        for bot in bots:
            bot.drop()
        backs = await asyncio.gather(*(come_back(bot, started_s) for bot in bots))
        while ledger.samples.resume.count < clients and loop.time() - started_s < GIVE_UP_S:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        back_s = loop.time() - started_s
        after = await server.metrics()
        kept = sum(bot.is_seated and bot.seat == seat for bot, seat in zip(bots, seats, strict=True))
        await bystanders.figures()
        pacer.stop()
        for bot in bots:
            bot.abort()
        late, late_before = (late_share(*span, "arena", LATE_S) for span in ((before, after), (calm, before)))
        return [
            exactly("dropped at once, back in their seats", kept, clients),
            at_most("half of them welcomed after", sorted(backs)[len(backs) // 2], 5, "s"),
            at_most("all of them welcomed after", max(backs), 5, "s"),
            at_most("all of them with a new state after", back_s, 5, "s"),
            at_most(f"ticks of other rooms over {LATE_S * 1000:g} ms late", 100 * late, 1, "%"),
            Row("the same while all was calm", f"{100 * late_before:.3g} %", "", True),
            *bystanders.rows(),
            Row("errors of those who came back", str(dict(ledger.errors)), "{}", not ledger.errors),
        ]


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
