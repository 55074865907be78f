"""One run: a real room, the real SDK, and a bad network between them, under one virtual clock.

Everything happens in the order of its time, so that a run takes as long as its computing does and is the same each
time for the same seed. The pilot turns, thrusts and shoots at random, and at times not between frames only, as keys do.
"""

import math
import random
from typing import Any

import attrs

from game_server.core.conditions import Conditions, Link

from .browser import Browser, payload
from .server import Server, Tick

#: not a multiple of the tick rate, as no real screen's is: frames sweep over all phases of a tick
FRAME_MS = 1000 / 59.94
TICK_LATE_MAX_MS = 1.5
STEER_EVERY_MS = 260.0
#: a stick that is let go within a step may not be seen at all
STEER_LEAST_MS = 40.0
FRAME_OVERHEAD_BYTES = 6
CONNECTION_LOST = 1006


@attrs.frozen
class Frame:
    """One picture, and when it was drawn."""

    at_ms: float
    room_ms: float
    shown: dict[str, Any]


@attrs.frozen
class Turn:
    """The player began to turn."""

    at_ms: float


@attrs.define
class Record:
    """What a run saw."""

    conditions: Conditions
    link: Link[str | bytes]
    frames: list[Frame] = attrs.Factory(list)
    ticks: list[Tick] = attrs.Factory(list)
    turns: list[Turn] = attrs.Factory(list)
    corrections: list[dict[str, Any]] = attrs.Factory(list)

    def is_stalled(self, at_ms: float, after_ms: float = 0.0) -> bool:
        """Tell whether a stall is on, or was within the last `after_ms`."""
        line, step_ms = self.link.down, max(self.conditions.down.stall_ms, 1.0)
        checks = [at_ms - back_ms for back_ms in _steps(after_ms, step_ms)]
        return any(line.after_stall(check_ms) > check_ms for check_ms in checks)


def _steps(length_ms: float, step_ms: float) -> list[float]:
    return [min(index * step_ms, length_ms) for index in range(math.ceil(length_ms / step_ms) + 1)]


class Run:
    """A client in a room of bots, for so long.

    Args:
        conditions: of the network, each way.
        seconds: of game time.
        seed: of everything that is left to chance.
        bots: beside the client.
        pilot: see `Browser`.
        server: another one than usual.
    """

    def __init__(
        self,
        conditions: Conditions,
        seconds: float,
        seed: int,
        bots: int,
        pilot: str = "",
        server: Server | None = None,
    ) -> None:
        self._chance = random.Random(seed)
        self._end_ms = seconds * 1000
        self._server = server or Server(seed, bots + 1)
        self._has_pilot = bool(pilot)
        self._link: Link[str | bytes] = Link(conditions, 0.0, seed)
        self._browser = Browser(seed, self._chance.uniform(1e3, 1e6), self._chance.uniform(-40e-6, 40e-6), pilot)
        self._steer: dict[str, Any] = {"turn": 0, "thrust": 0, "fire": False, "boost": False}
        #: when the handshake under way ends; infinite when none is
        self._opening_ms = math.inf
        self.record = Record(conditions, self._link)

    def play(self) -> Record:
        """Let it all happen."""
        with self._browser:
            self._send(0.0, self._browser.happens(0.0, "connect")[0])
            self._loop(0.0)
        self.record.ticks = self._server.ticks
        self.record.corrections = self._browser.corrections
        return self.record

    def _loop(self, now_ms: float) -> None:
        chance, browser = self._chance, self._browser
        due = {
            "frame": now_ms + chance.uniform(0, FRAME_MS),
            "steer": now_ms + STEER_EVERY_MS,
            "tick": self._server.next_ms,
            "cut": self._link.next_cut_ms(now_ms),
        }
        while now_ms < self._end_ms:
            due["up"], due["down"] = self._link.up.next_ms, self._link.down.next_ms
            due["opening"] = self._opening_ms
            due["timer"] = math.inf if browser.timer_ms is None else max(browser.timer_ms, now_ms)
            what = min(due, key=lambda each: due[each])
            now_ms = due[what]
            if what == "up":
                self._answer(
                    now_ms, [f for each in self._link.up.take(now_ms) for f in self._server.arrive(each, now_ms)]
                )
            elif what == "down":
                for frame in self._link.down.take(now_ms):
                    self._send(now_ms, browser.receives(now_ms, frame))
            elif what == "tick":
                self._answer(now_ms, self._server.tick(now_ms))
                due["tick"] = self._server.next_ms + chance.uniform(0, TICK_LATE_MAX_MS)
            elif what == "timer":
                self._send(now_ms, browser.happens(now_ms, "timer")[0])
            elif what == "steer":
                self._take_the_stick(now_ms)
                due["steer"] = now_ms + STEER_LEAST_MS + chance.expovariate(1 / STEER_EVERY_MS)
            elif what == "opening":
                self._open(now_ms)
            elif what == "cut":
                self._cut(now_ms)
                due["cut"] = self._link.next_cut_ms(now_ms)
            else:
                self._draw(now_ms)
                due["frame"] = now_ms + FRAME_MS

    def _open(self, now_ms: float) -> None:
        """End a handshake, well or not."""
        self._opening_ms = math.inf
        if self._link.is_out(now_ms):
            self._send(now_ms, self._browser.happens(now_ms, "close", code=CONNECTION_LOST)[0])
        else:
            self._send(now_ms, self._browser.happens(now_ms, "accept")[0])

    def _cut(self, now_ms: float) -> None:
        """Cut the connection: what is under way is lost, and both ends find out."""
        self._link.up.clear()
        self._link.down.clear()
        self._server.lose(now_ms)
        self._send(now_ms, self._browser.happens(now_ms, "close", code=CONNECTION_LOST)[0])

    def _draw(self, now_ms: float) -> None:
        sent, shown = self._browser.happens(now_ms, "frame")
        self._send(now_ms, sent)
        if shown is not None:
            room_ms = self._server.room.clock.room_ms(now_ms / 1000)
            self.record.frames.append(Frame(now_ms, room_ms, shown))

    def _take_the_stick(self, now_ms: float) -> None:
        if self._has_pilot:
            return
        chance, before = self._chance, self._steer["turn"]
        self._steer = {
            "turn": chance.choice((-100, 100, chance.randint(-100, 100))) if before == 0 else 0,
            "thrust": chance.choice((100, 100, 100, 0, -100)),
            "fire": chance.random() < 0.4,
            "boost": chance.random() < 0.3,
        }
        if before == 0 and self._steer["turn"]:
            self.record.turns.append(Turn(now_ms))
        self._send(now_ms, self._browser.happens(now_ms, "input", fields=self._steer)[0])

    def _send(self, now_ms: float, sent: list[dict[str, Any]]) -> None:
        """Put what the client sent on its way."""
        for each in sent:
            if "open" in each:
                way = self._link.conditions
                self._opening_ms = now_ms + way.up.delay_ms + way.down.delay_ms
            if "close" in each:
                self._server.lose(now_ms)
            frame = payload(each)
            if frame is not None:
                self._link.up.put(now_ms, frame, len(frame) + FRAME_OVERHEAD_BYTES)

    def _answer(self, now_ms: float, frames: list[str | bytes]) -> None:
        for frame in frames:
            self._link.down.put(now_ms, frame, len(frame) + FRAME_OVERHEAD_BYTES)
