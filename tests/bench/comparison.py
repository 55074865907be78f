"""Sum rows up: medians over the repeats, ratios to this server, and what is to be reached.

Knows names of peers and workloads, and nothing of how they were measured.
"""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from tests.bench.rows import Row

ENTITIES = 5000  # of the comparison from mutation to bytes
OURS = "game"  # the peer that all ratios are to
CPU_LIMITS = {"50x10": {"colyseus": 0.5, "floor": 1.5}, "1x500": {"colyseus": 0.55, "floor": 1.35}}  # times theirs
MEASURES = (
    "cpu_us_a_client_tick",
    "frames_a_second",
    "frames_a_second_p1",
    "gap_p99_ms",
    "bytes_a_frame",
    "memory_a_connection_bytes",
)


@frozen
class Summary:
    """One server under one workload, over all repeats that count."""

    peer: str
    workload: str
    runs: int
    void: int  # runs in which the generator was short of time
    failed: int  # runs in which the server had no figures
    medians: dict[str, float]
    lowest: dict[str, float]
    highest: dict[str, float]
    ratios: dict[str, float]  # to this server's median; absent where it has none
    notes: list[str]

    @property
    def keeps_up(self) -> bool:
        """Tell whether clients had 19 of 20 frames: where not, its CPU time a frame says little."""
        return self.medians.get("frames_a_second", 0) >= 19


def summarise(rows: Iterable[Row]) -> list[Summary]:
    """Return a summary of each server and workload, in the order in which they were first measured."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.workload, row.peer), []).append(row)
    ours = {workload: medians_of(runs) for (workload, peer), runs in groups.items() if peer == OURS}
    return [summarise_one(peer, workload, runs, ours.get(workload, {})) for (workload, peer), runs in groups.items()]


def valid(runs: Sequence[Row]) -> list[Row]:
    """Return the runs that count."""
    return [row for row in runs if not row.trouble]


def medians_of(runs: Sequence[Row]) -> dict[str, float]:
    """Return the median of every measure over the valid runs."""
    good = valid(runs)
    return {measure: statistics.median(getattr(row, measure) for row in good) for measure in MEASURES} if good else {}


def summarise_one(peer: str, workload: str, runs: Sequence[Row], ours: dict[str, float]) -> Summary:
    good, medians = valid(runs), medians_of(runs)
    notes = list(
        dict.fromkeys([row.trouble for row in runs if row.trouble] + [note for row in good for note in row.warnings])
    )
    return Summary(
        peer=peer,
        workload=workload,
        runs=len(good),
        void=sum(bool(row.void) for row in runs),
        failed=sum(bool(row.failed) for row in runs),
        medians=medians,
        lowest={measure: min(getattr(row, measure) for row in good) for measure in medians},
        highest={measure: max(getattr(row, measure) for row in good) for measure in medians},
        ratios={measure: value / ours[measure] for measure, value in medians.items() if ours.get(measure)},
        notes=notes,
    )


# ---- what is to be reached ----


@frozen
class Target:
    """One line of the table of targets: what it says, what was found, whether that is enough. None: not measured."""

    what: str
    limit: str
    found: str
    reached: bool | None


def targets(
    summaries: Sequence[Summary], held: dict[str, int], sizes: dict[str, dict[int, int]], encode: dict[str, Any]
) -> list[Target]:
    """Compare the results with what is to be reached, as far as this benchmark measures it."""
    table = {(summary.workload, summary.peer): summary.medians for summary in summaries if summary.medians}
    return [
        *cpu_targets(table),
        *many_clients_targets(table),
        *held_targets(held),
        *size_targets(sizes),
        *encode_targets(encode),
        memory_target(table),
    ]


def ratio_target(what: str, ours: float | None, other: float | None, limit: float) -> Target:
    """Judge ours <= limit x other."""
    if not ours or not other:
        return Target(what, f"at most {limit:g} x", "not measured", None)
    return Target(what, f"at most {limit:g} x", f"{ours / other:.2f} x", ours <= limit * other)


def cpu_targets(table: dict[tuple[str, str], dict[str, float]]) -> list[Target]:
    found = []
    for workload, limits in CPU_LIMITS.items():
        for peer, limit in limits.items():
            ours, other = (table.get((workload, name), {}).get("cpu_us_a_client_tick") for name in (OURS, peer))
            found.append(ratio_target(f"CPU a client-tick, {workload}, to {peer}", ours, other, limit))
    return found


def many_clients_targets(table: dict[tuple[str, str], dict[str, float]]) -> list[Target]:
    medians = table.get(("160x10", OURS))
    what, limit = "1,600 clients in 160 rooms", "at least 19.9 frames, gap p99 at most 60 ms"
    if not medians:
        return [Target(what, limit, "not measured", None)]
    frames, gap = medians["frames_a_second"], medians["gap_p99_ms"]
    return [Target(what, limit, f"{frames:.2f} frames, {gap:.1f} ms", frames >= 19.9 and gap <= 60)]


def held_targets(held: dict[str, int]) -> list[Target]:
    what = "most clients held, rooms of 10"
    found = []
    for peer, limit in (("colyseus", 2.5), ("ws", 1.0)):
        if held.get(peer) and held.get(OURS):
            ratio = held[OURS] / held[peer]
            good = ratio >= limit if limit > 1 else ratio > limit
            found.append(
                Target(
                    f"{what}, to {peer}",
                    f"{'at least' if limit > 1 else 'more than'} {limit:g} x",
                    f"{ratio:.2f} x",
                    good,
                )
            )
        else:
            found.append(Target(f"{what}, to {peer}", f"{limit:g} x", "not measured", None))
    return found


def size_targets(sizes: dict[str, dict[int, int]]) -> list[Target]:
    pairs = (
        ("equal precision, 16 bits", "fixed", "colyseus quantised", 0.75),
        ("float32 against float32, no seq field", "float32", "colyseus float32", 0.75),
        ("fixed against float32 x, y and uint32 seq", "fixed", "colyseus float32 and seq", 0.4),
    )
    return [
        ratio_target(
            f"bytes a frame, {players} players, {what}",
            sizes.get(f"{OURS} {ours}", {}).get(players),
            sizes.get(other, {}).get(players),
            limit,
        )
        for what, ours, other, limit in pairs
        for players in (10, 50, 500)
    ]


def encode_targets(encode: dict[str, Any]) -> list[Target]:
    ours, theirs = encode.get(OURS, {}), [value["us"] for value in encode.get("colyseus", {}).values()]
    columnar = [value["us"] for name, value in ours.items() if name.startswith("columnar")]
    what, limit = "5,000 entities, columnar, mutation to bytes, to Colyseus' schema", "at least 3 x faster"
    if columnar and theirs:
        ratio = min(theirs) / max(columnar)  # its fastest variant against the slowest here
        found = [Target(what, limit, f"{ratio:.2f} x faster", ratio >= 3)]
    else:
        found = [Target(what, limit, "not measured", None)]
    objects = ours.get("objects, three fixed 16-bit", {}).get("after_mutation_us")
    what, limit = "object entities, 3 fixed fields: capture, diff, encode", "at most 1.0 us an entity"
    if not objects:
        return [*found, Target(what, limit, "not measured", None)]
    return [*found, Target(what, limit, f"{objects / ENTITIES:.2f} us", objects <= ENTITIES)]


def memory_target(table: dict[tuple[str, str], dict[str, float]]) -> Target:
    medians = next(
        (table[workload, OURS] for workload in ("200x10", "160x10", "50x10") if (workload, OURS) in table), None
    )
    what, limit = "memory a connection in the process", "at most 10 KiB"
    if not medians:
        return Target(what, limit, "not measured", None)
    kib = medians["memory_a_connection_bytes"] / 1024
    return Target(what, limit, f"{kib:.1f} KiB", kib <= 10)
