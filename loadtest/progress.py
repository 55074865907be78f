"""How a run is going: one live line on a terminal, a plain line now and then elsewhere.

Knows rich and the statistics; knows nothing of bots.
"""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .stats import Stats

PLAIN_EVERY_S = 5.0


class ProgressLine:
    """Shows progress; a context manager whose `show` a swarm calls about once a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase = ""
        self._shown_at_s = 0.0
        self._frames = 0
        self._frames_at_s = 0.0
        self._live: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description:8}"), BarColumn(bar_width=24), TextColumn("{task.fields[words]}"))
            self._live = Progress(*columns, console=console, transient=True, auto_refresh=False)
            self._task = self._live.add_task("", total=1.0, words="")

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, phase: str, gone_s: float, seconds: float, stats: Stats) -> None:
        """Take in how far the run is."""
        is_new = phase != self._phase
        if is_new:
            self._phase, self._frames, self._frames_at_s = phase, stats.samples.frames, 0.0
            self._shown_at_s = -PLAIN_EVERY_S
        words = self._words(gone_s, seconds, stats)
        if self._live is not None:
            self._live.update(
                self._task, description=phase, completed=gone_s, total=max(seconds, gone_s, 0.001), words=words
            )
            self._live.refresh()
        elif gone_s - self._shown_at_s >= PLAIN_EVERY_S or (gone_s >= seconds and not is_new):
            self._shown_at_s = gone_s
            self._console.print(f"{phase:8} {words}", highlight=False, markup=False, soft_wrap=True)

    def _words(self, gone_s: float, seconds: float, stats: Stats) -> str:
        samples = stats.samples
        words = f"{gone_s:.0f}/{seconds:.0f} s  {stats.connected}/{stats.clients} connected"
        if gone_s - self._frames_at_s > 0.5:
            words += f"  {(samples.frames - self._frames) / (gone_s - self._frames_at_s):.0f} frames/s"
            self._frames, self._frames_at_s = samples.frames, gone_s
        if samples.ack.count:
            words += f"  ack p99 {samples.ack.percentile(99) / 1000:.0f} ms"
        if stats.errors or stats.closes:
            words += f"  {stats.errors.total()} errors  {stats.closes.total()} closes"
        return words
