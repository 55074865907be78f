"""Beams that hit on the real SDK's picture: did they hit?

Knows the arena's beams and a run's record. The pilot is tests/netcode/marksman.js.
"""

import math
from collections.abc import Iterable

from game_server.core.conditions import Conditions
from game_server.core.limits import RoomLimits
from game_server.games.arena.beam import BEAM_RADIUS
from game_server.games.arena.rules import HULL_MAX, Beam, Ship

from .run import Run
from .server import Server
from .table import Row

#: a shot under way when a stall begins is delayed by it, and so is what a picture within a second after it shows
AROUND_STALL_MS = 1500.0


class Range(Server):
    """A server that notes where the client's beams end, and keeps hulls whole so that there are many."""

    def __init__(self, seed: int, bots: int, limits: RoomLimits) -> None:
        super().__init__(seed, bots, limits)
        #: low bits of the input's number -> (when, whether a ship was struck, x, y of its end)
        self.beams: dict[int, tuple[float, bool, float, float]] = {}

    def _record(self, now_ms: float) -> None:
        super()._record(now_ms)
        for ship in self.room.world.all(Ship):
            ship.hull = HULL_MAX
        for beam in self.room.world.all(Beam):
            if beam.born == self.room.tick and beam.owner is not None:
                self.beams[beam.shot] = now_ms, beam.struck, beam.to_x, beam.to_y


def shots(
    conditions: Conditions, seeds: Iterable[int], seconds: float, bots: int, *, rewind_max_ms: float | None = None
) -> list[bool]:
    """Return for each beam that hit on the picture, and that the server fired outside stalls, whether it hit."""
    limits = RoomLimits() if rewind_max_ms is None else RoomLimits(rewind_max_ms=rewind_max_ms)
    hits = []
    for seed in seeds:
        server = Range(seed, bots + 1, limits)
        record = Run(conditions, seconds, seed, bots, "marksman", server).play()
        for seq, _, x, y in (hit for frame in record.frames for hit in frame.shown["hits"]):
            beam = server.beams.get(seq & 0xFFFF)
            if beam is not None and not record.is_stalled(beam[0], AROUND_STALL_MS):
                hits.append(beam[1] and math.dist((x, y), beam[2:]) < BEAM_RADIUS + 1)
    return hits


def missed(hits: list[bool]) -> Row:
    """Return the share of beams that hit on the picture and not in the room."""
    return Row("beams that hit on the picture and missed", 100 * (1 - sum(hits) / max(len(hits), 1)), 1, "%", len(hits))
