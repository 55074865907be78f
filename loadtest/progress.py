"""How a run is going: a live table on a terminal, a plain line now and then elsewhere.

Knows rich and the statistics; knows nothing of bots.
"""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .run import Result
from .stats import Slice

PLAIN_EVERY_S = 5.0
BAR_WIDTH = 40
SPARKS = "▁▂▃▄▅▆▇█"
SPARKS_MAX = 40


class Progress:
    """Shows progress; a context manager whose `show` a run calls about once a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase = ""
        self._shown_at_s = 0.0
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, result: Result, part: Slice) -> None:
        """Take in the run so far and its last second."""
        phase = "measure" if part.is_measured else "warm-up"
        if self._live is not None:
            self._live.update(_view(phase, result, part), refresh=True)
            return
        is_end = part.end_s >= result.options.stages.length_s
        if phase != self._phase or part.end_s - self._shown_at_s >= PLAIN_EVERY_S or is_end:
            self._phase, self._shown_at_s = phase, part.end_s
            self._console.print(f"{phase} {_words(result, part)}", highlight=False, markup=False, soft_wrap=True)


def _words(result: Result, part: Slice) -> str:
    samples, stats = part.samples, result.stats
    words = f"{part.end_s:.0f}/{result.options.stages.length_s:.0f} s  {part.players} players"
    words += f"  {samples.frames / (samples.wall_s or 1):.0f} frames/s"
    if samples.ack.count:
        words += f"  ack p50 {samples.ack.percentile_ms(50):.0f} p99 {samples.ack.percentile_ms(99):.0f} ms"
    if stats.errors or stats.closes:
        words += f"  {stats.errors.total()} errors  {stats.closes.total()} closes"
    return words


def _view(phase: str, result: Result, part: Slice) -> RenderableType:
    """Return the live table."""
    samples, stats, end_s = part.samples, result.stats, result.options.stages.length_s
    head = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=end_s, completed=part.end_s, width=BAR_WIDTH)
    head.add_row(Text(f"{phase:8}", "bold"), bar, f"{part.end_s:.0f} of {end_s:.0f} s")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    recent = stats.timeline[-SPARKS_MAX:]
    rooms = f"of {part.wanted} wanted, in {len(part.rooms | stats.rooms)} rooms so far"
    table.add_row("players", str(part.players), _sparks([float(item.players) for item in recent]), rooms)
    frames = [item.samples.frames / (item.samples.wall_s or 1) for item in recent]
    each = samples.frames / samples.client_s if samples.client_s else 0.0
    table.add_row("frames/s", f"{frames[-1]:.0f}", _sparks(frames), f"{each:.1f} a client")
    acks = [item.samples.ack.percentile_ms(99) for item in recent]
    low = f"p50 {samples.ack.percentile_ms(50):.0f}, max {samples.ack.max_ms:.0f}"
    table.add_row("ack p99 ms", f"{acks[-1]:.0f}", _sparks(acks), low)
    traffic = [item.samples.wire_bytes_in / (item.samples.wall_s or 1) / 1000 for item in recent]
    table.add_row("kB/s in", f"{traffic[-1]:.0f}", _sparks(traffic), "")
    troubles = [float(item.errors.total() + item.closes.total()) for item in recent]
    number = stats.errors.total() + stats.closes.total()
    worst = ", ".join(f"{kind} ×{count}" for kind, count in (stats.errors + stats.closes).most_common(2))
    table.add_row(Text("errors", "red" if number else ""), str(number), _sparks(troubles), worst)
    cpu = samples.cpu_s / (samples.wall_s or 1) / stats.processes
    lag = f"timers late by {samples.lag.percentile_ms(99):.1f} ms (p99)"
    table.add_row("generator", f"{cpu:.0%}", "", lag)
    points = result.server.points
    if points:
        point = points[-1]
        ticks = [item.tick_p99_ms or 0.0 for item in points[-SPARKS_MAX:]]
        table.add_row("server", f"{point.cpu or 0:.0%}", _sparks(ticks), f"ticks take {ticks[-1]:.1f} ms (p99)")
    return Group(head, table, Text("Ctrl-C ends the run and reports", "dim"))


def _sparks(values: list[float]) -> Text:
    """Return a small chart in one line, from zero to the largest."""
    most = max(values, default=0.0) or 1.0
    marks = (SPARKS[min(int(max(value, 0) / most * len(SPARKS)), len(SPARKS) - 1)] for value in values)
    return Text("".join(marks), "cyan")
