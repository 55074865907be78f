"""One bot, without a server: what odd but allowed messages and moments do to it."""

import asyncio
from random import Random
from typing import Any, cast

from game_server.games.swarm import BRAIN
from loadtest.client import Bot, Setting
from loadtest.link import HandshakeError
from loadtest.network import Network
from loadtest.play import Group
from loadtest.stats import Ledger


class SlowNetwork:
    """Connects nobody, and takes its time."""

    def __init__(self) -> None:
        self.tries = 0

    async def connect(self, *_: Any) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        raise HandshakeError("connect: nobody there")


def make_bot(ledger: Ledger, network: SlowNetwork) -> Bot:
    def ignore(bot: Bot) -> None: ...

    setting = Setting("swarm", {}, False, cast(Network, network), ledger, ignore, ignore)
    return Bot(1, setting, Group(has_room=False), Random(1), BRAIN(Random(1)), True)


def test_being_told_only_that_events_were_lost_is_no_error() -> None:
    """A list may be empty where all that is left was for others; the events after it are counted."""

    async def story() -> Ledger:
        ledger = Ledger()
        bot = make_bot(ledger, SlowNetwork())
        bot.on_text('{"type":"events","list":[],"partial":true}')
        bot.on_text('{"type":"events","list":[{"number":9,"tick":3,"name":"kill","data":null}]}')
        return ledger

    assert 1 == asyncio.run(story()).samples.events


def test_two_reasons_to_resume_at_once_are_one_resume() -> None:
    """A behaviour that drops connections over a line that cuts them does not connect twice with one token."""

    async def story() -> int:
        network = SlowNetwork()
        bot = make_bot(Ledger(), network)
        await asyncio.gather(bot.resume(), bot.resume())
        return network.tries

    assert 1 == asyncio.run(story())
