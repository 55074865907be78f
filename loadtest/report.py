"""The report of a run: as JSON for programs, and from that as text for people.

Thresholds first, then totals, then errors by kind, then the generator's own load with a warning when it was the limit.
The page (page.py) is made from the same JSON. Knows figures and thresholds; knows nothing of how they were measured.
"""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .run import Result
from .server_watch import ServerPoint
from .stats import Figures, Slice, generator_limits, sample_figures
from .thresholds import Threshold

Report = dict[str, Any]

_TIMES = (
    ("input to ack", "ack"),
    ("snapshot age", "age"),
    ("between frames", "gap"),
    ("ping round trip", "rtt"),
    ("join to first frame", "join"),
    ("resume to first frame", "resume"),
    ("chat there and back", "chat"),
)
_COLUMNS = ("mean", "p50", "p95", "p99", "max")


def make_report(result: Result, exit_code: int) -> Report:
    """Return the report as a JSON object: `figures` has every name that a threshold may use."""
    options, stats, named = result.options, result.stats, result.figures()
    return {
        "version": 2,
        "exit_code": exit_code,
        "aborted": stats.is_aborted,
        "options": {
            "game": options.name,
            "scenario": options.scenario_name,
            "clients": options.clients,
            "stages": str(options.stages),
            "arrivals": options.is_arrivals,
            "measured_from_s": options.measured_from_s,
            "rooms": options.rooms,
            "url": options.url,
            "net": options.net,
            "codec": options.codec,
            "seed": options.seed,
            "decode_share": options.decode_share,
            "processes": options.processes,
            "options": options.room_options,
        },
        "thresholds": [_verdict(threshold, named) for threshold in options.thresholds],
        "measured_s": stats.samples.wall_s,
        "figures": named,
        "errors": dict(stats.errors.most_common()),
        "closes": dict(stats.closes.most_common()),
        "generator_was_the_limit": generator_limits(named),
        "server_problem": result.server.problem,
        "timeline": [_point(part, stats.processes) for part in stats.timeline],
        "server_timeline": [_server_point(point) for point in result.server.points],
    }


def _verdict(threshold: Threshold, named: Figures) -> dict[str, Any]:
    measured = named.get(threshold.name)
    return {"threshold": str(threshold), "measured": measured, "passed": threshold.is_met(named)}


def _point(part: Slice, processes: int) -> dict[str, Any]:
    """Return one second of the timeline."""
    samples = part.samples
    named: dict[str, Any] = {
        "start_s": part.start_s,
        "end_s": part.end_s,
        "measured": part.is_measured,
        "players": part.players,
        "wanted": part.wanted,
        **sample_figures(samples, processes),
        "frames_total_per_s": samples.frames / samples.wall_s if samples.wall_s else 0.0,
        "errors": part.errors.total(),
        "closes": part.closes.total(),
    }
    for name in ("ack", "age", "rtt", "lag"):
        histogram = getattr(samples, name)
        for percent in (50, 95, 99):
            named[f"{name}_p{percent}"] = histogram.percentile_ms(percent) if histogram.count else None
    return named


def _server_point(point: ServerPoint) -> dict[str, Any]:
    return {name: getattr(point, name) for name in ServerPoint.__annotations__}


def print_report(console: Console, report: Report) -> None:
    """Print the report."""
    named = report["figures"]
    console.print()
    if "search" in report:
        _print_search(console, report["search"])
    print_thresholds(console, report["thresholds"])
    if named["frames"]:
        _print_totals(console, report)
        _print_times(console, named)
    _print_counts(console, "errors", report["errors"])
    _print_counts(console, "closes by the server", report["closes"])
    words = hint(report)
    if words is not None:
        console.print(Text(words, "yellow"), soft_wrap=True)
    _print_sides(console, report)
    if report["aborted"]:
        console.print(Text("aborted: this is what was measured until then", "yellow"))


def _print_search(console: Console, search: dict[str, Any]) -> None:
    for step in search["steps"]:
        verdict = Text("held  ", "green") if step["held"] else Text("BROKE ", "bold red")
        failed = f"  {', '.join(step['failed'])}" if step["failed"] else ""
        console.print(verdict.append(f"{step['clients']:>6} clients{failed}", "default"), soft_wrap=True)
    console.print(f"the limit: {search['words']}", style="bold", markup=False, soft_wrap=True)
    if search["held"]:
        console.print(f"\nwith {search['held']} clients:", markup=False)


def print_thresholds(console: Console, verdicts: list[dict[str, Any]]) -> None:
    """Print which thresholds were met, and what was measured."""
    for item in verdicts:
        verdict = Text("pass ", "green") if item["passed"] else Text("FAIL ", "bold red")
        measured = "not measured" if item["measured"] is None else f"measured {item['measured']:.4g}"
        console.print(verdict.append(f"{item['threshold']}, {measured}", "default"), soft_wrap=True)


def totals(report: Report) -> list[tuple[str, str]]:
    """Return what a run came to, as lines of a name and words."""
    named, asked = report["figures"], report["options"]
    scenario = f", scenario {asked['scenario']}" if asked["scenario"] else ""
    lines = [
        ("game", f"{asked['game']}{scenario}, {asked['codec']} codec, measured for {report['measured_s']:.1f} s"),
        ("connected", f"{named['connected']} of {named['clients']} clients, in {named['rooms']} rooms"),
        (
            "frames",
            f"{named['frames_per_s']:.2f} a second a client, {named['frames_share']:.1%} of those due; "
            f"the slowest client got {named['frames_per_s_min']:.2f}",
        ),
        ("frame size", f"{named['bytes_per_frame']:.1f} bytes"),
        (
            "traffic",
            f"{bytes_words(named['bytes_in_per_s'])}/s received, {bytes_words(named['bytes_out_per_s'])}/s sent, "
            "with WebSocket headers",
        ),
    ]
    inputs = f"{named['inputs']:.0f} sent, {named['inputs_missing']:.0f} steps without one"
    for key, words in (("inputs_withheld", "withheld"), ("inputs_unanswered", "unanswered")):
        if named[key]:
            inputs += f", {named[key]:.0f} {words}"
    lines.append(("inputs", inputs))
    visits = [f"{named[key]:.0f} {key}" for key in ("joins", "leaves", "drops", "resumes", "moves") if named[key]]
    if visits:
        lines.append(("visits", ", ".join(visits)))
    if asked["decode_share"] < 1:
        words = f"states were taken apart by {asked['decode_share']:.0%} of the clients; the others read heads only"
        lines.append(("decoded", words))
    return lines


def _print_totals(console: Console, report: Report) -> None:
    for name, words in totals(report):
        console.print(f"{name:10}  {words}", markup=False, soft_wrap=True)


def times(named: Figures) -> list[tuple[str, list[float]]]:
    """Return the latencies that were measured: words, and a value for each of mean, p50, p95, p99, max, in ms."""
    return [
        (words, [named[f"{name}_{part}"] for part in _COLUMNS])
        for words, name in _TIMES
        if named[f"{name}_max"] or name == "ack"
    ]


def _print_times(console: Console, named: Figures) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("ms")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for words, values in times(named):
        table.add_row(words, *(f"{value:.1f}" for value in values))
    console.print()
    console.print(table)


def _print_counts(console: Console, heading: str, counts: dict[str, int]) -> None:
    if not counts:
        return
    console.print()
    console.print(f"{heading}: {sum(counts.values())}", style="red")
    for kind, number in list(counts.items())[:20]:
        console.print(f"{number:>8}  {kind}", markup=False, soft_wrap=True)


def sides(report: Report) -> list[str]:
    """Return what the server and the generator had to do, in a sentence each."""
    named = report["figures"]
    lines = []
    if "server_cpu" in named:
        words = f"server: {named['server_cpu']:.0%} of a core"
        if "server_tick_p99" in named:
            words += f"; ticks took {named['server_tick_mean']:.2f} ms (mean), {named['server_tick_p99']:.2f} (p99)"
        if "server_lateness_p99" in named:
            words += f"; they began {named['server_lateness_p99']:.2f} ms late (p99)"
        lines.append(words)
    elif report["server_problem"]:
        lines.append(f"server: no metrics ({report['server_problem']})")
    if report["measured_s"]:
        processes = report["options"]["processes"]
        each = "" if processes == 1 else f" in each of {processes} processes"
        lines.append(
            f"generator: {named['generator_cpu']:.0%} of a core{each}, {named['generator_us_per_frame']:.0f} us a "
            f"frame (received, taken in, answered); timers late by {named['lag_p50']:.1f} ms (p50), "
            f"{named['lag_p99']:.1f} (p99)"
        )
    return lines


def warning(report: Report) -> str | None:
    """Return a warning that this side was the limit, or None."""
    limits = report["generator_was_the_limit"]
    if not limits:
        return None
    return f"warning: the generator was the limit, so latencies above are partly its own: {'; '.join(limits)}"


def hint(report: Report) -> str | None:
    """Return what to do where the server took the clients for one that asks too much, or None."""
    kinds = (*report["errors"], *report["closes"])
    if not any(kind.startswith(_LIMITED) for kind in kinds):
        return None
    return (
        "hint: these may be limits by address, as all clients come from one: start the server with "
        "--exempt-addresses and this machine's (docs/operations.md, Limits)"
    )


#: how being limited shows: at the handshake, when making rooms, at the join
_LIMITED = ("connect: HTTP/1.1 429", "4008 ", "4017 ")


def _print_sides(console: Console, report: Report) -> None:
    console.print()
    for line in sides(report):
        console.print(line, markup=False, soft_wrap=True)
    words = warning(report)
    if words is not None:
        console.print(Text(words, "yellow"), soft_wrap=True)


def bytes_words(number: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"
