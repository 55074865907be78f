"""A population of bots: how many, in which rooms, when they come, and the time that is measured.

    ramp: bots come evenly -> settle: the last clocks are set -> measure -> leave

Knows bots and the pacer; knows nothing of the terminal. `run` returns the statistics of this process's bots, which
merge with those of others.
"""

import asyncio
import gc
import math
import time
from collections.abc import Callable
from typing import Any

from .client import Bot, Group
from .options import Options
from .pacer import BEHIND_MAX_S, Pacer
from .stats import Samples, Stats

SETTLE_S = 1.5
LEAVE_TIMEOUT_S = 3.0
PROGRESS_EVERY_S = 1.0

#: told of (phase, seconds of it gone, seconds it takes, the statistics so far)
Progress = Callable[[str, float, float, Stats], None]


class Swarm:
    """Runs one load test in this process.

    Args:
        options: what is asked for.
        progress: told how it goes, about once a second.
    """

    def __init__(self, options: Options, progress: Progress) -> None:
        self._options, self._progress = options, progress
        self.stats = Stats(clients=options.clients)
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._pacers: dict[int, Pacer] = {}
        self._bots = make_bots(options, self.stats)
        self.stats.decoding = sum(bot.is_decoding for bot in self._bots)

    def abort(self) -> None:
        """End the run now; `run` still returns what was measured."""
        self.stats.is_aborted = True
        self._stopped.set()

    async def run(self) -> Stats:
        """Run the test and return what was seen."""
        joins = [asyncio.create_task(self._join(bot)) for bot in self._bots]
        ramp_s = self._options.ramp_s
        try:
            await self._watch("ramp", ramp_s, until=asyncio.gather(*joins, return_exceptions=True))
            if any(bot.is_seated for bot in self._bots) and not self._stopped.is_set():
                await self._watch("settle", SETTLE_S)
                await self._measure()
        finally:
            for task in joins:
                task.cancel()
            await self._leave()
        for task in joins:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error
        return self.stats

    async def _join(self, bot: Bot) -> None:
        await asyncio.sleep(self._options.ramp_s * bot.number / self._options.clients)
        await bot.join()
        if bot.is_seated:
            pacer = self._pacers.get(bot.tick_rate)
            if pacer is None:
                pacer = self._pacers[bot.tick_rate] = Pacer(bot.tick_rate, self._record_lag)
            pacer.add(bot.number, bot.step)

    def _record_lag(self, late_us: int) -> None:
        self.stats.samples.lag.record(late_us)

    async def _watch(self, phase: str, seconds: float, until: "asyncio.Future[Any] | None" = None) -> None:
        """Report progress until the time is over (or `until` is done) or the run is aborted."""
        started_s = self._loop.time()
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            while not self._stopped.is_set():
                self.stats.connected = max(self.stats.connected, sum(bot.is_seated for bot in self._bots))
                gone_s = self._loop.time() - started_s
                self._progress(phase, gone_s, seconds, self.stats)
                rest_s = math.inf if until is not None else seconds - gone_s
                if rest_s <= 0 or (until is not None and until.done()):
                    return
                waited: set[asyncio.Future[Any]] = {stopping} if until is None else {stopping, until}
                await asyncio.wait(waited, timeout=min(PROGRESS_EVERY_S, rest_s), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def _measure(self) -> None:
        bots = [bot for bot in self._bots if bot.is_seated]
        # What the ramp built stays: looking through it again and again for garbage would show as lag.
        gc.collect()
        gc.freeze()
        self.stats.samples = Samples()
        self.stats.is_measuring = True
        before = [(bot.frames, *bot.wire_bytes) for bot in bots]
        cpu_s, started_s = time.process_time(), self._loop.time()
        await self._watch("measure", self._options.duration_s)
        samples = self.stats.samples
        self.stats.is_measuring = False
        self.stats.samples = Samples()  # what comes from here on is not measured
        samples.wall_s = self._loop.time() - started_s
        samples.cpu_s = time.process_time() - cpu_s
        gc.unfreeze()
        samples.client_s = samples.wall_s * len(bots)
        for bot, (frames, bytes_in, bytes_out) in zip(bots, before, strict=True):
            now_in, now_out = bot.wire_bytes
            samples.wire_bytes_in += now_in - bytes_in
            samples.wire_bytes_out += now_out - bytes_out
            rate = (bot.frames - frames) / samples.wall_s
            samples.slowest_rate = rate if samples.slowest_rate is None else min(samples.slowest_rate, rate)
        self.stats.samples = samples
        skipped = sum(pacer.steps_skipped for pacer in self._pacers.values())
        if skipped:
            self.stats.errors[f"generator: over {BEHIND_MAX_S:g} s behind, step skipped"] += skipped
        for bot in bots:
            bot.count_unanswered(self._loop.time())

    async def _leave(self) -> None:
        for pacer in self._pacers.values():
            pacer.stop()
        seated = [bot for bot in self._bots if bot.is_seated]
        measured, self.stats.samples = self.stats.samples, Samples()
        for bot in self._bots:
            bot.leave()
        if seated:
            await asyncio.wait([bot.closed for bot in seated], timeout=LEAVE_TIMEOUT_S)
        for bot in self._bots:
            bot.abort()
        self.stats.samples = measured


def make_bots(options: Options, stats: Stats) -> list[Bot]:
    """Return the bots, spread evenly over the rooms; consecutive ones share a room, and so come one after the other."""
    rooms = options.rooms or 1
    groups = [Group(has_room=options.rooms is not None) for _ in range(rooms)]
    bots = []
    for number in range(options.clients):
        index = number * rooms // options.clients
        place = number - math.ceil(index * options.clients / rooms)
        # Rounded up: the first of each room decodes, for the others to copy.
        is_decoding = math.ceil((place + 1) * options.decode_share) > math.ceil(place * options.decode_share)
        bots.append(Bot(number, options, groups[index], stats, is_decoding))
    return bots
