"""What each seat holds of the types that not everybody sees, and the groups that bring it up to date.

    compare   what a seat holds (ids) with what it may see now: gone, entered, and changed since its baseline
    choose    under a byte budget: owned and near entities first, the others wait with growing priority
    encode    one header and one id block a seat, mask and type; the rows are slices of arrays packed once a tick

All seats of a room are compared and encoded together, as arrays of pairs (seat, row), so that a tick costs a few numpy
calls for each type and a few steps of Python for each group of each seat. A seat's baseline is the tick of its last
state; under a budget it is kept for each entity, with the hash of the row as that seat holds it, for the checksum.

What a seat held is remembered for the states that its client has not acknowledged, so that a resume can go on from
any of them. Knows nothing of sessions and of the types that everybody sees.
"""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from .budget import OVERDUE_S, Budget, choose, priorities
from .codec import Op
from .entity import EntityType
from .interest import Interest, Marks, Sight
from .snapshot import Diff, Snapshot
from .tracked import Ids, Numbers, Ticks, Tracked, distinct
from .view_groups import Change, Hashes, Portion, describe, encode_despawns, encode_rows

if TYPE_CHECKING:
    from .game import Game, Seat

#: states that a client may resume from; an older one gets a full state
UNACKED_MAX = 64
#: an entity as JSON is about so many times its bytes in binary
JSON_COST = 8
#: allowance of a viewer without a budget, in bytes
UNBOUNDED = 2**40
#: bytes of a group besides its mask, offsets and rows: head, two varints
GROUP_BYTES_MAX = 11


@attrs.frozen(eq=False)
class Holding:
    """What a seat holds of one type.

    `base` (when each entity was last complete) and `hashes` (of the rows as they were then) are there under a budget;
    without one, everything is complete as of the state's tick.
    """

    ids: Ids
    base: Ticks | None = None
    hashes: Hashes | None = None


@attrs.define(eq=False)
class Viewer:
    """One seat's view; `seat` None is the public's."""

    seat: "Seat | None"
    budget: Budget | None = None
    #: tick of the last state sent; None: nothing is held
    tick: int | None = None
    #: by type, in the order of their index
    held: tuple[Holding, ...] = ()
    #: tick and holdings of states that the client may resume from
    unacked: deque[tuple[int, tuple[Holding, ...]]] = attrs.Factory(lambda: deque(maxlen=UNACKED_MAX))

    def spend(self, sent_bytes: int) -> None:
        """Take what was sent off the budget."""
        if self.budget is not None:
            self.budget.spend(sent_bytes)

    def acknowledge(self, tick: int) -> None:
        """Forget what was held before the newest state that the client applied."""
        while self.unacked and self.unacked[0][0] < tick:
            self.unacked.popleft()

    def rewind(self, tick: int | None) -> bool:
        """Go back to what the client held at a tick; return whether that is still known."""
        for sent_tick, held in self.unacked:
            if sent_tick == tick:
                self.tick, self.held = tick, held
                return True
        return False


class Views:
    """All views of one room.

    Args:
        game: what it decides about views is asked each tick.
        sight: what its class declares.
        types: the game's types.
        bytes_per_s: each seat's budget; 0: none.
    """

    def __init__(self, game: "Game", sight: Sight, types: Sequence[EntityType], bytes_per_s: int) -> None:
        #: of the types that come here: not everybody sees them, or a budget holds back their news
        self.indices = frozenset(range(1, len(types))) if bytes_per_s else sight.selective
        self.interest = Interest(game, sight)
        self._among = Marks().among
        self._tracked = [Tracked(types[index]) for index in sorted(self.indices)]
        self._tick_rate, self._send_every = game.tick_rate, game.send_every
        self._bytes_per_s, self._is_budgeted = bytes_per_s, bytes_per_s > 0
        self._overdue_ticks = OVERDUE_S * game.tick_rate
        self._tick = self._previous_tick = -1
        self._deferred = 0

    def viewer(self, seat: "Seat | None") -> Viewer:
        """Return the view of somebody new; None is the public."""
        if seat is None:
            return Viewer(None)
        self.interest.forget(seat.number)
        return Viewer(seat, Budget(self._bytes_per_s, self._tick_rate, self._send_every) if self._is_budgeted else None)

    def take_deferred(self) -> int:
        """Return how many entities' news had to wait since the last call, once for each state."""
        deferred, self._deferred = self._deferred, 0
        return deferred

    def advance(self, now: Snapshot, diff: Diff) -> None:
        """Take the newest capture in."""
        self._previous_tick, self._tick = self._tick, now.tick
        for tracked in self._tracked:
            index = tracked.type.index
            tracked.advance(now.tick, now.tables[index], diff.types.get(index))

    def serve(self, portions: Sequence[Portion], with_checksums: bool) -> None:
        """Fill the portions of the viewers that get a state now."""
        if not portions:
            return
        self.interest.look([portion.viewer.seat for portion in portions])
        changes = [self._compare(place, tracked, portions) for place, tracked in enumerate(self._tracked)]
        for change in changes:
            encode_despawns(change, portions)
        if self._is_budgeted:
            self._choose(changes, portions)
        for change in changes:
            encode_rows(change, portions)
            for seat, portion in enumerate(portions):
                if portion.is_json:
                    portion.types[change.tracked.type.index] = describe(change, seat)
        holdings = [self._hold(change, len(portions)) for change in changes]
        for portion, *held in zip(portions, *holdings, strict=True):
            viewer = portion.viewer
            viewer.tick, viewer.held = self._tick, tuple(held)
            viewer.unacked.append((self._tick, viewer.held))
            if with_checksums:
                portion.checksum = self._checksum(viewer)

    # ---- compare -----------------------------------------------------------------------------------------------

    def _compare(self, place: int, tracked: Tracked, portions: Sequence[Portion]) -> Change:
        nothing = Holding(np.empty(0, np.uint32), np.empty(0, np.int32), np.empty(0, np.uint32))
        held = [
            nothing if portion.is_full or portion.viewer.tick is None else portion.viewer.held[place]
            for portion in portions
        ]
        ticks = np.array([-1 if portion.viewer.tick is None else portion.viewer.tick for portion in portions])
        counts = [len(holding.ids) for holding in held]
        ids = np.concatenate([holding.ids for holding in held])
        seats = np.repeat(np.arange(len(portions)), counts)
        count = len(tracked)
        rows = tracked.find(ids)
        is_there = rows >= 0
        pairs = seats * count + rows
        held_pairs = pairs if is_there.all() else pairs[is_there]
        visible = self.interest.visible(tracked, held_pairs)
        stays = is_there.copy()
        stays[is_there] = self._among(held_pairs, visible)
        entered = visible[~self._among(visible, held_pairs)]
        stay_seats, stay_rows = seats[stays], rows[stays]
        base, hashes = self._bases(held, ticks, stay_seats, stays)
        if not self._is_budgeted and ticks.min() == ticks.max() == self._previous_tick:
            masks = tracked.masks.take(stay_rows)
        else:
            masks = tracked.masks_since(stay_rows, base)
        entered_seats = entered // max(count, 1)
        return Change(
            tracked,
            visible,
            seats[~stays],
            ids[~stays],
            stay_seats,
            stay_rows,
            base,
            hashes,
            masks,
            np.zeros(len(masks), np.bool_),
            entered_seats,
            entered - entered_seats * count,
        )

    def _bases(
        self, held: Sequence[Holding], ticks: Numbers, stay_seats: Numbers, stays: npt.NDArray[np.bool_]
    ) -> tuple[Ticks, Hashes | None]:
        if not self._is_budgeted:
            return ticks.astype(np.int32)[stay_seats], None
        bases = [holding.base for holding in held if holding.base is not None]
        hashes = [holding.hashes for holding in held if holding.hashes is not None]
        return np.concatenate(bases)[stays], np.concatenate(hashes)[stays]

    # ---- choose ------------------------------------------------------------------------------------------------

    def _choose(self, changes: Sequence[Change], portions: Sequence[Portion]) -> None:
        """Leave out of the changes what does not fit into the viewers' budgets."""
        allowances = np.array([self._allowance(portion) for portion in portions])
        factors = np.array([JSON_COST if portion.is_json else 1 for portion in portions])
        candidates = [self._candidates(change, allowances, factors) for change in changes]
        seats, costs, waited, distances, is_own = (
            np.concatenate([candidate[column] for candidate in candidates]) for column in range(5)
        )
        ranks = priorities(waited, distances, self._overdue_ticks)
        ranks[is_own] = np.inf
        chosen = choose(seats, costs, ranks, allowances)
        self._deferred += int(len(chosen) - np.count_nonzero(chosen))
        start = 0
        for change in changes:
            news = np.flatnonzero(change.masks)
            sent = chosen[start : start + len(news)]
            change.waits[news] = ~sent
            change.masks[news[~sent]] = 0
            start += len(news)
            enters = chosen[start : start + len(change.entered_seats)]
            start += len(enters)
            change.entered_seats, change.entered_rows = change.entered_seats[enters], change.entered_rows[enters]

    def _allowance(self, portion: Portion) -> int:
        """Return the bytes for news that can wait, and for those of the seat's own entities, which go first."""
        budget = portion.viewer.budget
        if budget is None:
            return UNBOUNDED
        despawns = sum(len(group) for group in portion.groups[Op.DESPAWN])
        return budget.available(self._tick) - portion.spare_bytes - despawns

    def _candidates(self, change: Change, allowances: Numbers, factors: Numbers) -> tuple[Any, ...]:
        """Return seat, bytes, ticks waited, distance and whether it is the seat's own, of each piece of news.

        What each group costs besides its rows is taken off the allowances.
        """
        tracked = change.tracked
        news = np.flatnonzero(change.masks)
        seats = np.concatenate([change.stay_seats[news], change.entered_seats])
        rows = np.concatenate([change.stay_rows[news], change.entered_rows])
        span = int(tracked.ids[-1]) - int(tracked.ids[0]) if len(tracked) else 0
        costs = np.full(len(rows), 1 if span < 2**8 else 2 if span < 2**16 else 4, np.int64)
        masks = change.masks[news]
        for mask in distinct(masks):
            of_mask = np.flatnonzero(masks == mask)
            costs[of_mask] += tracked.widths(mask, rows[of_mask])
            allowances[np.unique(seats[of_mask])] -= GROUP_BYTES_MAX + tracked.type.mask_len_bytes
        costs[len(news) :] += tracked.widths(tracked.type.public_mask, change.entered_rows)
        costs *= factors[seats]
        allowances[np.unique(change.entered_seats)] -= GROUP_BYTES_MAX
        # What is not held yet has waited for as long as it takes to be overdue: nobody knows.
        entered_waited = np.full(len(change.entered_seats), self._overdue_ticks)
        waited = np.concatenate([self._tick - change.stay_base[news], entered_waited])
        distances, is_own = self.interest.distances(tracked, seats, rows), self.interest.owns(tracked, seats, rows)
        return seats, costs, waited, distances, is_own

    # ---- hold --------------------------------------------------------------------------------------------------

    def _hold(self, change: Change, viewers: int) -> list[Holding]:
        """Return what each viewer holds of one type after this tick."""
        tracked = change.tracked
        starts = np.arange(viewers + 1) * len(tracked)
        if change.stay_hashes is None:
            bounds = np.searchsorted(change.visible, starts)
            ids = tracked.ids.take(change.visible - np.repeat(starts[:-1], np.diff(bounds)))
            # Copies: a slice would keep the whole room's array for as long as one seat is away.
            return [Holding(ids[start:end].copy()) for start, end in pairwise(bounds.tolist())]
        rows = np.concatenate([change.stay_rows, change.entered_rows])
        pairs = starts[np.concatenate([change.stay_seats, change.entered_seats])] + rows
        order = np.argsort(pairs)
        bounds = np.searchsorted(pairs[order], starts)
        base, hashes = np.full(len(rows), self._tick, np.int32), tracked.hashes()[rows]
        base[: len(change.stay_rows)][change.waits] = change.stay_base[change.waits]
        hashes[: len(change.stay_rows)][change.waits] = change.stay_hashes[change.waits]
        ids, base, hashes = tracked.ids[rows[order]], base[order], hashes[order]
        return [
            Holding(ids[start:end].copy(), base[start:end].copy(), hashes[start:end].copy())
            for start, end in pairwise(bounds.tolist())
        ]

    def _checksum(self, viewer: Viewer) -> int:
        total = 0
        for tracked, holding in zip(self._tracked, viewer.held, strict=True):
            hashes = holding.hashes if holding.hashes is not None else tracked.hashes()[tracked.find(holding.ids)]
            total += int(hashes.sum(dtype=np.uint64))
        return total & 0xFFFFFFFF
