"""One run from start to end: the clients, the watch on the server, and whoever is shown how it goes.

Knows the parts that measure; knows nothing of the command line's exit codes.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import attrs

from .crew import Crew
from .options import Options
from .server_watch import ServerWatch
from .stats import Figures, Slice, Stats, figures

#: told of each second: the run so far, and the second's slice
Show = Callable[["Result", Slice], None]


@attrs.define(eq=False)
class Result:
    """What came of a run."""

    options: Options
    stats: Stats
    server: ServerWatch

    def figures(self) -> Figures:
        """Return every figure by its name; the server's are missing where it shows none."""
        return {**figures(self.stats), **self.server.figures(self.options.measured_from_s)}


class Run:
    """Runs one load test; `abort` ends it early."""

    def __init__(self, options: Options, show: Show) -> None:
        self._show = show
        stats = Stats(processes=options.processes, decode_share=options.decode_share)
        self.result = Result(options, stats, ServerWatch(options.metrics_url))
        self._crew = Crew(options, self._take)

    def abort(self) -> None:
        self.result.stats.is_aborted = True
        self._crew.abort()

    async def run(self) -> Result:
        """Run to the end; raise CrewError when a process fails."""
        watching = asyncio.create_task(self.result.server.run())
        try:
            await self._crew.run()
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        return self.result

    def _take(self, part: Slice) -> None:
        stats, server = self.result.stats, self.result.server
        if server.origin_s is None:
            server.origin_s = time.monotonic() - part.end_s
        stats.add(part)
        stats.clients = max(stats.clients, part.wanted)
        self._show(self.result, part)
