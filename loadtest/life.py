"""One client's visit, from joining to leaving, with what its behaviour has it do beside playing.

Knows bots and behaviours; knows nothing of how many there are or whose turn it is.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from game_server.core.conditions import Link as Lines

from .client import Bot
from .scenario import Behaviour

LEAVE_TIMEOUT_S = 3.0


async def visit(bot: Bot, behaviour: Behaviour, stopped: asyncio.Event) -> bool:
    """Let a bot join, play and leave; return whether it went of its own will.

    Args:
        bot: not seated yet.
        behaviour: what it does.
        stopped: set when it is to leave.
    """
    await bot.join()
    if not bot.is_seated:
        return False
    acts = [asyncio.create_task(act) for act in _acts(bot, behaviour)]
    ending = asyncio.create_task(stopped.wait())
    stay_s = bot.random.uniform(*behaviour.stay_s) if behaviour.stay_s is not None else None
    try:
        await asyncio.wait((bot.closed, ending), timeout=stay_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*acts, ending):
            task.cancel()
        await asyncio.gather(*acts, return_exceptions=True)
    if bot.closed.done() and not bot.is_leaving:
        return False
    await go(bot)
    return True


async def go(bot: Bot) -> None:
    """Leave, and wait until the server has closed the connection, if it does."""
    if not bot.is_leaving:
        bot.leave()
    await asyncio.wait((bot.closed,), timeout=LEAVE_TIMEOUT_S)
    bot.abort()


def _acts(bot: Bot, behaviour: Behaviour) -> list[Coroutine[Any, Any, None]]:
    acts = []
    if behaviour.chat_every_s is not None:
        acts.append(_chat(bot, behaviour, behaviour.chat_every_s))
    if behaviour.drop_every_s is not None:
        acts.append(_drop_and_resume(bot, behaviour, behaviour.drop_every_s))
    if bot.lines is not None and bot.lines.conditions.drop_every_ms:
        acts.append(_suffer_cuts(bot, bot.lines))
    if behaviour.script is not None:
        acts.append(_follow_script(bot, behaviour))
    return acts


async def _chat(bot: Bot, behaviour: Behaviour, every_s: tuple[float, float]) -> None:
    count = 0
    while True:
        await asyncio.sleep(bot.random.uniform(*every_s))
        if bot.is_seated:
            count += 1
            bot.chat(f"{bot.random.choice(behaviour.chat_texts)} ({bot.number}/{count})")


async def _drop_and_resume(bot: Bot, behaviour: Behaviour, every_s: tuple[float, float]) -> None:
    while not bot.closed.done():
        await asyncio.sleep(bot.random.uniform(*every_s))
        bot.drop()
        await asyncio.sleep(bot.random.uniform(*behaviour.away_s))
        await bot.resume()


async def _suffer_cuts(bot: Bot, lines: "Lines[bytes]") -> None:
    """Lose the connection when the network conditions cut it, and resume when they let one through again."""
    while not bot.closed.done():
        now_ms = time.monotonic() * 1000
        await asyncio.sleep((lines.next_cut_ms(now_ms) - now_ms) / 1000)
        bot.drop()
        await asyncio.sleep(lines.conditions.drop_ms / 1000)
        await bot.resume()


async def _follow_script(bot: Bot, behaviour: Behaviour) -> None:
    assert behaviour.script is not None
    try:
        await behaviour.script(bot)
    except Exception as error:  # noqa: BLE001 - the user's own code; the run goes on and reports it
        bot.count_error(f"script: {type(error).__name__}: {error}")
