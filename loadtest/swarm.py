"""The clients of one process: opens and closes places as the population wants, and hands over each second's numbers.

Time is cut into slices that are the same in every process: the measured time into seconds from its start on, and the
time before it likewise. Knows bots, the pacer and the population; knows nothing of the terminal or of other processes.
"""

import asyncio
import gc
import math
import random
import time
from collections.abc import Callable

import attrs

from .arguments import SUBPROTOCOLS
from .client import Bot, Setting
from .life import LEAVE_TIMEOUT_S, visit
from .network import Network
from .options import Options
from .pacer import BEHIND_MAX_S, Pacer
from .play import Group
from .population import Arrivals, Constant, Place, Share
from .scenario import Behaviour
from .stats import Ledger, Slice

#: how often the population is looked at
OPEN_EVERY_S = 0.02
#: a client's own rate of frames is looked at when it has played for so long, or all the time
RATE_OVER_S = 2.0
#: objects made and not freed before a young collection: the default of 700 would come every few milliseconds
GC_THRESHOLD = 50_000
#: how long before the measured time the ramp's objects are set aside
SET_ASIDE_S = 0.5


@attrs.define(eq=False)
class Visitor:
    """Whoever is in a place: one client after the other."""

    place: Place
    behaviour: Behaviour
    stopped: asyncio.Event = attrs.Factory(asyncio.Event)
    bot: Bot | None = None


class Swarm:
    """Runs this process's share of one load test.

    Args:
        options: what is asked for.
        share: which process this is.
        start_s: the run's start, on the clock of `time.monotonic`.
        deliver: gets each slice as it ends.
    """

    def __init__(self, options: Options, share: Share, start_s: float, deliver: Callable[[Slice], None]) -> None:
        self._options, self._share, self._start_s, self._deliver = options, share, start_s, deliver
        self._stopped = asyncio.Event()
        self._pacers: dict[int, Pacer] = {}
        self._pacer_skips = 0
        self._ledger = Ledger()
        self._setting = Setting(
            game=options.name,
            room_options=options.room_options,
            is_json=options.codec == "json",
            network=Network(options.url, SUBPROTOCOLS[options.codec]),
            ledger=self._ledger,
            on_seated=self._add_to_pacer,
            on_gone=self._remove_from_pacer,
        )
        self._groups = [Group(has_room=options.rooms is not None) for _ in range(options.rooms or 1)]
        self._population: Constant | Arrivals
        if options.is_arrivals:
            self._population = Arrivals(options.stages, options.decode_share, share, options.seed)
        else:
            self._population = Constant(options.stages, options.rooms, options.decode_share, share)
        #: by place; who has been told to leave is only among the tasks
        self._visitors: dict[int, Visitor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._problem: BaseException | None = None
        #: how many of the constant population's places are open
        self._open = 0
        self._cpu_s = 0.0
        self._slowest: list[float] = []

    def abort(self) -> None:
        """End the run now; what was measured is still delivered."""
        self._stopped.set()

    async def run(self) -> None:
        """Run the test until its end."""
        thresholds = gc.get_threshold()
        gc.set_threshold(GC_THRESHOLD)
        _set_aside()
        if self._options.measured_from_s > SET_ASIDE_S:
            # Once more for what the ramp has built, a little before the measured time, in which it would show.
            at_s = self._start_s + self._options.measured_from_s - SET_ASIDE_S
            asyncio.get_running_loop().call_at(at_s, _set_aside)
        try:
            await asyncio.sleep(self._start_s - time.monotonic())
            self._cpu_s = time.process_time()
            opening = asyncio.create_task(self._open_places())
            opening.add_done_callback(self._note_end)
            await self._cut_slices()
            opening.cancel()
        finally:
            await self._leave()
            gc.unfreeze()
            gc.set_threshold(*thresholds)
        if self._problem is not None:
            raise self._problem

    # ---- who is there ----------------------------------------------------------------------------------------

    async def _open_places(self) -> None:
        while True:
            seconds = time.monotonic() - self._start_s
            if isinstance(self._population, Arrivals):
                for place in self._population.until(seconds):
                    self._admit(place)
            else:
                wanted = self._population.open_at(seconds)
                for place in self._population.places[self._open : wanted]:
                    self._admit(place)
                for place in self._population.places[wanted : self._open]:
                    self._visitors.pop(place.number).stopped.set()
                self._open = wanted
            await asyncio.sleep(OPEN_EVERY_S)

    def _admit(self, place: Place) -> None:
        visitor = Visitor(place, self._options.scenario.behaviour_of(place.number))
        self._visitors[place.number] = visitor
        task = asyncio.create_task(self._occupy(visitor))
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._problem = error
            self._stopped.set()

    async def _occupy(self, visitor: Visitor) -> None:
        """Send one client after the other into a place."""
        place, behaviour, turn = visitor.place, visitor.behaviour, 0
        make_brain = behaviour.brain or self._options.game.brain
        assert make_brain is not None
        while not visitor.stopped.is_set():
            chance = random.Random(f"{self._options.seed}/{place.number}/{turn}")
            is_decoding = place.is_decoding or behaviour.brain is not None
            group = self._groups[place.room]
            conditions = behaviour.net or self._options.conditions
            brain = make_brain(chance)
            bot = Bot(place.number, self._setting, group, chance, brain, is_decoding, conditions)
            visitor.bot = bot
            went = await visit(bot, behaviour, visitor.stopped)
            self._note_rate(bot)
            wait_s = behaviour.pause_s if went else behaviour.retry_s
            if self._options.is_arrivals or wait_s is None:
                break
            try:
                async with asyncio.timeout(chance.uniform(*wait_s)):
                    await visitor.stopped.wait()
            except TimeoutError:
                turn += 1
        if self._visitors.get(place.number) is visitor and self._options.is_arrivals:
            del self._visitors[place.number]

    def _add_to_pacer(self, bot: Bot) -> None:
        pacer = self._pacers.get(bot.tick_rate)
        if pacer is None:
            pacer = self._pacers[bot.tick_rate] = Pacer(bot.tick_rate, self._record_lag)
        pacer.add(bot.number, bot.play.step)

    def _remove_from_pacer(self, bot: Bot) -> None:
        self._pacers[bot.tick_rate].remove(bot.number, bot.play.step)

    def _record_lag(self, late_s: float) -> None:
        self._ledger.samples.lag.record(late_s)

    async def _leave(self) -> None:
        for pacer in self._pacers.values():
            pacer.stop()
        for visitor in self._visitors.values():
            visitor.stopped.set()
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LEAVE_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for visitor in self._visitors.values():
            if visitor.bot is not None:
                visitor.bot.abort()
        await asyncio.sleep(0)  # closed sockets are told so in the loop's next turn

    # ---- what is handed over ---------------------------------------------------------------------------------

    async def _cut_slices(self) -> None:
        start_s = 0.0
        for end_s in slice_ends(self._options.measured_from_s, self._options.stages.length_s):
            is_measured = start_s >= self._options.measured_from_s
            try:
                async with asyncio.timeout_at(self._start_s + end_s):
                    await self._stopped.wait()
            except TimeoutError:
                pass
            now_s = time.monotonic() - self._start_s
            is_last = self._stopped.is_set() or end_s == self._options.stages.length_s
            self._cut(Slice(start_s, now_s if self._stopped.is_set() else end_s, is_measured), now_s, is_last)
            if is_last:
                return
            start_s = end_s

    def _cut(self, part: Slice, now_s: float, is_last: bool) -> None:
        self._count_skips()
        clock_s = self._start_s + now_s
        bots = [visitor.bot for visitor in self._visitors.values() if visitor.bot is not None]
        for bot in bots:
            bot.settle(clock_s, part.is_measured)
            if is_last:
                bot.play.meter.count_unanswered(clock_s)
                self._note_rate(bot)
        samples = self._ledger.samples
        samples.wall_s = part.end_s - part.start_s
        cpu_s = time.process_time()
        samples.cpu_s, self._cpu_s = cpu_s - self._cpu_s, cpu_s
        if is_last:
            samples.slowest_rate = min(self._slowest, default=None)
        part.players = sum(bot.is_seated for bot in bots)
        part.wanted = part.players if self._options.is_arrivals else self._open
        self._deliver(self._ledger.cut(part))

    def _note_rate(self, bot: Bot) -> None:
        whole_s = self._options.stages.length_s - self._options.measured_from_s
        if bot.play.meter.measured_s >= min(RATE_OVER_S, whole_s / 2):
            self._slowest.append(bot.play.meter.measured_frames / bot.play.meter.measured_s)

    def _count_skips(self) -> None:
        skips = sum(pacer.steps_skipped for pacer in self._pacers.values())
        if skips > self._pacer_skips:
            name = f"generator: over {BEHIND_MAX_S:g} s behind, step skipped"
            self._ledger.errors[name] += skips - self._pacer_skips
            self._pacer_skips = skips


def _set_aside() -> None:
    """Keep the garbage collector from looking again and again at what stays: that takes 40 ms each time."""
    gc.collect()
    gc.freeze()


def slice_ends(measured_from_s: float, length_s: float) -> list[float]:
    """Return when slices end: a second each from the start of the measured time, and before it from the run's start."""
    before = [float(second) for second in range(1, math.ceil(measured_from_s))]
    after = [measured_from_s + second for second in range(math.ceil(length_s - measured_from_s))]
    return [end for end in (*before, *after) if 0 < end < length_s] + [length_s]
