"""Run a load test: `python -m loadtest --game arena --clients 200 --rooms 20 --duration 20`.

Read in this order: options (what may be asked), swarm (the run), client (one bot), stats (what is counted), report.
Ctrl-C ends the run and still reports; a second one ends the program.
"""

import asyncio
import enum
import os
import signal
import sys
from collections.abc import Sequence

import ujson
from rich.console import Console

from .options import Options, UsageError, parse_options
from .progress import ProgressLine
from .report import as_json, print_report
from .stats import Stats, figures
from .swarm import Swarm


class ExitCode(enum.IntEnum):
    """What the program's end says."""

    PASS = 0
    ERROR = 1
    USAGE = 2
    THRESHOLD = 99
    ABORTED = 105


async def run(options: Options, console: Console) -> Stats:
    """Run a swarm in this process until it is over or a signal aborts it."""
    with ProgressLine(console) as line:
        swarm = Swarm(options, line.show)

        def stop() -> None:
            if swarm.stats.is_aborted:
                os._exit(ExitCode.ABORTED)
            swarm.abort()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        return await swarm.run()


def exit_code_of(options: Options, stats: Stats) -> ExitCode:
    """Return what the exit code says of a run."""
    if stats.is_aborted:
        return ExitCode.ABORTED
    if not stats.samples.frames:
        return ExitCode.ERROR
    named = figures(stats)
    return ExitCode.PASS if all(item.is_met(named) for item in options.thresholds) else ExitCode.THRESHOLD


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    try:
        options = parse_options(arguments)
    except UsageError as error:
        print(f"loadtest: {error}", file=sys.stderr)
        return ExitCode.USAGE
    console = Console(highlight=False)
    stats = asyncio.run(run(options, console))
    code = exit_code_of(options, stats)
    print_report(console, options, stats)
    if code is ExitCode.ERROR:
        print(f"loadtest: nobody could play at {options.url}", file=sys.stderr)
    if options.json is not None:
        options.json.write_text(ujson.dumps(as_json(options, stats, code), indent=2) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
