"""The report of a run: as text for people and as JSON for programs.

Thresholds first, then totals, then errors by kind, then the generator's own load with a warning when it was the limit.
Knows figures and thresholds; knows nothing of how they were measured.
"""

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .options import Options
from .stats import Figures, Stats, figures, generator_limits

_TIMES = (
    ("input to ack", "ack"),
    ("snapshot age", "age"),
    ("between frames", "gap"),
    ("ping round trip", "rtt"),
)
_COLUMNS = ("mean", "p50", "p95", "p99", "max")


def as_json(options: Options, stats: Stats, exit_code: int) -> dict[str, Any]:
    """Return the report as a JSON object: `figures` has every name that a threshold may use."""
    named = figures(stats)
    return {
        "version": 1,
        "exit_code": exit_code,
        "aborted": stats.is_aborted,
        "options": {
            "game": options.name,
            "clients": options.clients,
            "rooms": options.rooms,
            "duration_s": options.duration_s,
            "ramp_s": options.ramp_s,
            "url": options.url,
            "codec": options.codec,
            "seed": options.seed,
            "decode_share": options.decode_share,
            "options": options.room_options,
        },
        "thresholds": [
            {"threshold": str(threshold), "measured": named[threshold.name], "passed": threshold.is_met(named)}
            for threshold in options.thresholds
        ],
        "measured_s": stats.samples.wall_s,
        "figures": named,
        "errors": dict(stats.errors.most_common()),
        "closes": dict(stats.closes.most_common()),
        "generator_was_the_limit": generator_limits(named),
    }


def print_report(console: Console, options: Options, stats: Stats) -> None:
    """Print the report."""
    named = figures(stats)
    console.print()
    for threshold in options.thresholds:
        passed = threshold.is_met(named)
        verdict = Text("pass ", "green") if passed else Text("FAIL ", "bold red")
        console.print(verdict.append(f"{threshold}, measured {named[threshold.name]:.4g}", "default"))
    if stats.samples.frames:
        _print_totals(console, options, stats, named)
        _print_times(console, named)
    _print_counts(console, "errors", stats.errors)
    _print_counts(console, "closes by the server", stats.closes)
    _print_generator(console, stats, named)
    if stats.is_aborted:
        console.print(Text("aborted: this is what was measured until then", "yellow"))


def _print_totals(console: Console, options: Options, stats: Stats, named: Figures) -> None:
    table = Table.grid(padding=(0, 2))
    codec = f"{options.name}, {options.codec} codec, measured for {stats.samples.wall_s:.1f} s"
    table.add_row("game", codec)
    table.add_row("connected", f"{stats.connected} of {stats.clients} clients, in {len(stats.rooms)} rooms")
    rates = f"{named['frames_per_s']:.2f} a second a client; the slowest client got {named['frames_per_s_min']:.2f}"
    table.add_row("frames", rates)
    table.add_row("frame size", f"{named['bytes_per_frame']:.1f} bytes")
    traffic = f"{_bytes(named['bytes_in_per_s'])}/s received, {_bytes(named['bytes_out_per_s'])}/s sent"
    table.add_row("traffic", f"{traffic}, with WebSocket headers")
    inputs = f"{named['inputs']:.0f} sent, {named['inputs_missing']:.0f} steps without one"
    for key, words in (("inputs_withheld", "withheld"), ("inputs_unanswered", "unanswered")):
        if named[key]:
            inputs += f", {named[key]:.0f} {words}"
    table.add_row("inputs", inputs)
    if stats.decoding < stats.clients:
        table.add_row("decoded", f"bodies by {stats.decoding} of {stats.clients} clients; the others read heads only")
    console.print(table)


def _print_times(console: Console, named: Figures) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("ms")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for words, name in _TIMES:
        table.add_row(words, *(f"{named[f'{name}_{part}']:.1f}" for part in _COLUMNS))
    console.print()
    console.print(table)


def _print_counts(console: Console, heading: str, counts: Counter[str]) -> None:
    if not counts:
        return
    console.print()
    console.print(f"{heading}: {counts.total()}", style="red")
    for kind, number in counts.most_common(20):
        console.print(f"{number:>8}  {kind}", markup=False, soft_wrap=True)


def _print_generator(console: Console, stats: Stats, named: Figures) -> None:
    if not stats.samples.wall_s:
        return
    console.print()
    console.print(
        f"generator: {named['generator_cpu']:.0%} of a core, {named['generator_us_per_frame']:.0f} us a frame "
        f"(received, taken in, answered); timers late by {named['lag_p50']:.1f} ms (p50), {named['lag_p99']:.1f} (p99)",
        soft_wrap=True,
    )
    limits = generator_limits(named)
    if limits:
        words = f"warning: the generator was the limit, so latencies above are partly its own: {'; '.join(limits)}"
        console.print(Text(words, "yellow"), soft_wrap=True)


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"
