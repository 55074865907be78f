"""What a run reached, beside what was asked for.

Knows a run's record; each row is one claim with its figure, its limit, and whether it holds.
"""

import math
import subprocess
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import attrs

from tests.server_process import ROOT

from .run import FRAME_MS, Record
from .server import TICK_MS, Tick
from .truth import place_between

SECOND_MS = 1000.0
#: terser's, none of which changes what this code does
SQUEEZING = "passes=6,ecma=2020,inline=0,keep_fargs=false,pure_getters,unsafe,unsafe_arrows,unsafe_math,unsafe_methods"
#: of 12 KiB
SIZE_MAX_BYTES = 12 * 1024


@attrs.frozen
class Row:
    """One claim."""

    claim: str
    reached: float
    limit: float
    unit: str
    #: how many cases the figure rests on
    count: int

    @property
    def holds(self) -> bool:
        return self.count > 0 and self.reached <= self.limit


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share) - 1, 0)] if ordered else 0.0


def mean(values: Sequence[float]) -> float:
    """Return the mean; 0 of none."""
    return sum(values) / len(values) if values else 0.0


def corrections(record: Record) -> Row:
    """Count the own ship's corrections that nothing excuses."""
    touched = _touched_ticks(record.ticks)
    steady = [
        each
        for each in record.corrections
        if not each["missing"] and each["tick"] not in touched and not record.is_stalled(each["at_ms"], SECOND_MS)
    ]
    return Row("corrections of the own ship beyond the wire's grid", len(steady), 0, "", len(record.ticks))


def _touched_ticks(ticks: list[Tick]) -> set[int]:
    """Return the ticks at which others changed the own ship: a hit, a pickup, death or birth."""
    touched = set()
    for before, after in pairwise(ticks):
        was, is_ = before.condition, after.condition
        if was is None or is_ is None or was[:2] != is_[:2] or is_[2] > was[2]:
            touched.add(after.number)
    return touched


def missing(record: Record) -> Row:
    """Return the share of steps for which the server had no input, outside stalls."""
    steps = [tick for tick in record.ticks[1:] if not record.is_stalled(tick.at_ms, TICK_MS)]
    share = mean([tick.is_missing for tick in steps])
    return Row("input steps for which the server had none", share * 100, 0.5, "%", len(steps))


def waiting(record: Record) -> Row:
    """Return how many inputs waited, stalls and all."""
    return Row("mean inputs waiting on the server", mean([t.waiting for t in record.ticks]), 2.5, "", len(record.ticks))


def clock_error(record: Record) -> Row:
    """Return how far the client's room time was off, either way."""
    errors = [abs(frame.shown["roomMs"] - frame.room_ms) for frame in record.frames]
    return Row("clock error, p99", percentile(errors, 0.99), 8.0, "ms", len(errors))


def remote_ships(record: Record) -> Row:
    """Return how far others were drawn from where they truly were at the drawn time, outside stalls."""
    by_number = {tick.number: tick for tick in record.ticks}
    errors = []
    for frame in record.frames:
        if record.is_stalled(frame.at_ms, TICK_MS):
            continue
        fraction, whole = math.modf(frame.shown["tick"])
        before, after = by_number.get(int(whole)), by_number.get(int(whole) + 1)
        if before is None or after is None:
            continue
        for ship_id, x, y in frame.shown["others"]:
            if ship_id in before.ships and ship_id in after.ships:
                true_x, true_y = place_between(before.ships[ship_id], after.ships[ship_id], fraction)
                errors.append(math.hypot(x - true_x, y - true_y))
    return Row(
        "other ships, drawn against true at the drawn time, p99", percentile(errors, 0.99), 1.0, "px", len(errors)
    )


def delay(record: Record) -> Row:
    """Return the mean time by which the picture lies behind the earliest it could be, against what jitter calls for."""
    jitter_ms = record.conditions.down.jitter_ms
    limit_ms = 1.5 * TICK_MS + 0.99 * jitter_ms
    behind = [f.room_ms - f.shown["tick"] * TICK_MS - record.conditions.down.delay_ms for f in record.frames]
    return Row("mean interpolation delay beyond the way itself", mean(behind), limit_ms, "ms", len(behind))


def input_to_pixels(record: Record) -> Row:
    """Return the longest time from a turn of the stick to the first picture in which the ship turned."""
    waits = []
    drawn = [(frame.at_ms, frame.shown["own"]) for frame in record.frames]
    for turn in record.turns:
        before = [own for at_ms, own in drawn if turn.at_ms - 3 * FRAME_MS < at_ms <= turn.at_ms]
        after = [(at_ms, own) for at_ms, own in drawn if turn.at_ms < at_ms < turn.at_ms + SECOND_MS / 2]
        if not before or None in before or len({own[3] for own in before}) != 1:  # it was turning still, or is dead
            continue
        ship_id, _, _, heading = before[-1]
        turned = [at_ms for at_ms, own in after if own and own[0] == ship_id and own[3] != heading]
        if turned:
            waits.append(turned[0] - turn.at_ms)
    return Row("input to own-ship pixels, longest", max(waits, default=0.0), TICK_MS + FRAME_MS, "ms", len(waits))


def size_bytes() -> int:
    """Return the SDK's size, bundled, minified and gzipped."""
    tools = ROOT / "tests" / "node_modules" / ".bin"
    bundling: list[str | Path] = [tools / "esbuild", *"static/client/index.js --bundle --minify --format=esm".split()]
    bundle = subprocess.run(bundling, cwd=ROOT, capture_output=True, check=True).stdout
    squeezing = (
        "passes=6,ecma=2020,inline=0,keep_fargs=false,pure_getters,unsafe,unsafe_arrows,unsafe_math,unsafe_methods"
    )
    minifying: list[str | Path] = [tools / "terser", "--module", "--compress", squeezing, "--mangle"]
    minified = subprocess.run(minifying, input=bundle, capture_output=True, check=True).stdout
    return len(subprocess.run(["gzip", "-9", "-n"], input=minified, capture_output=True, check=True).stdout)


def size() -> Row:
    """Return the size of the SDK."""
    return Row("SDK, minified and gzipped", size_bytes() / 1024, SIZE_MAX_BYTES / 1024, "KiB", 1)


ROWS: tuple[Callable[[Record], Row], ...] = (
    corrections,
    missing,
    waiting,
    clock_error,
    remote_ships,
    delay,
    input_to_pixels,
)


def shown(rows: Sequence[Row]) -> str:
    """Return the table as text."""
    lines = [f"{'':3}{'':56}{'reached':>10}{'asked':>12}   of"]
    for row in rows:
        mark = "ok" if row.holds else "NO"
        asked = f"<= {row.limit:.4g}"
        lines.append(f"{mark:3}{row.claim:56}{row.reached:10.3f}{asked:>12} {row.unit:4}{row.count:>8}")
    return "\n".join(lines)
