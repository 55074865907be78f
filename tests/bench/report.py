"""Write the results: plain tables for the terminal. The JSON file is written by __main__, the chart by chart.py."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.comparison import ENTITIES, OURS, Summary, Target
from tests.bench.search import held_text


def machine_facts(server_core: int, generator_core: int) -> dict[str, Any]:
    """Say what machine this is and what it was doing before."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "system": freedesktop_name(),
        "load_before": os.getloadavg()[0],
        "server_core": server_core,
        "generator_core": generator_core,
    }


def freedesktop_name() -> str:
    """Return the distribution's name."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay a table out: the first column to the left, all others to the right but for the last."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        parts = []
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            parts.append(cell.ljust(width) if index in (0, len(header) - 1) else cell.rjust(width))
        return "  ".join(parts).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *(line(row) for row in rows)])


def with_ratio(summary: Summary, measure: str, digits: int, unit: float = 1) -> str:
    """Return a median and, for others, its ratio to this server."""
    value = f"{summary.medians[measure] / unit:,.{digits}f}"
    ratio = summary.ratios.get(measure)
    return value if summary.peer == OURS or ratio is None else f"{value} ({ratio:.2f} x)"


def workload_table(summaries: Sequence[Summary], titles: dict[str, str]) -> str:
    """Return one workload's table."""
    header = [
        "server",
        "CPU us a client-tick",
        "low-high",
        "frames/s",
        "p1",
        "gap p99 ms",
        "bytes a frame",
        "KiB a connection",
        "notes",
    ]
    rows = []
    for summary in summaries:
        title, notes = titles.get(summary.peer, summary.peer), "; ".join(note[:160] for note in summary.notes)
        if not summary.medians:
            rows.append([title, *["failed" if summary.failed else "void"] + [""] * 6, notes])
            continue
        low, high = (spread["cpu_us_a_client_tick"] for spread in (summary.lowest, summary.highest))
        rows.append(
            [
                title,
                with_ratio(summary, "cpu_us_a_client_tick", 1) + ("" if summary.keeps_up else " *"),
                f"{low:.1f}-{high:.1f}",
                f"{summary.medians['frames_a_second']:.2f}",
                f"{summary.medians['frames_a_second_p1']:.2f}",
                with_ratio(summary, "gap_p99_ms", 1),
                with_ratio(summary, "bytes_a_frame", 0),
                with_ratio(summary, "memory_a_connection_bytes", 1, 1024),
                notes,
            ]
        )
    return table(header, rows)


def sizes_table(sizes: dict[str, dict[int, int]]) -> str:
    """Return the message sizes."""
    players = sorted({count for row in sizes.values() for count in row})
    rows = [[name, *(str(row.get(count, "-")) for count in players), ""] for name, row in sizes.items()]
    return table(["payload bytes of the median state message", *(f"{count} players" for count in players), ""], rows)


def encode_table(encode: dict[str, dict[str, Any]]) -> str:
    """Return the times from mutation to bytes."""
    rows = []
    for side, variants in encode.items():
        for name, value in variants.items():
            after = f"{value['after_mutation_us'] / ENTITIES:.3f}" if "after_mutation_us" in value else "-"
            total = [f"{value['us']:,.0f}", f"{value['us'] / ENTITIES:.3f}"]
            rows.append([f"{side}: {name}", *total, after, f"{value['bytes']:,.0f}", ""])
    header = ["5,000 entities, 3 fields, all changed", "us", "us an entity", "without mutation", "bytes", ""]
    return table(header, rows)


def held_table(held: dict[str, dict[str, Any]], titles: dict[str, str]) -> str:
    """Return the most clients held."""
    ours = held.get(OURS, {}).get("clients")
    rows = []
    for peer, outcome in held.items():
        ratio = f"{outcome['clients'] / ours:.2f} x" if ours and peer != OURS else ""
        tried = ", ".join(
            f"{count} {({True: 'held', False: 'not', None: 'generator'})[verdict]}"
            for count, verdict in outcome["tried"].items()
        )
        rows.append([titles.get(peer, peer), held_text(outcome), ratio, tried])
    return table(["most clients held, rooms of 10", "clients", "to this server", "tried"], rows)


def targets_table(found: Sequence[Target]) -> str:
    """Return what is to be reached and what was."""
    words = {True: "reached", False: "MISSED", None: "-"}
    return table(
        ["to reach", "found", "limit", ""],
        [[target.what, target.found, target.limit, words[target.reached]] for target in found],
    )
