"""Run a load test: `python -m loadtest --game arena --clients 200 --rooms 20 --duration 20`.

Read in this order: options (what may be asked), scenario (what clients do), run (one run), crew (its processes), swarm
(the clients of one), client and play (one bot), stats (what is counted), report. Ctrl-C ends the run and still reports;
a second one ends the program.
"""

import asyncio
import enum
import os
import signal
import sys
from collections.abc import Awaitable, Sequence

import ujson
from rich.console import Console

from game_server.web.descriptors import raise_descriptor_limit

from .arguments import UsageError
from .crew import CrewError, work
from .find_limit import Search, Step, find_limit, make_search_report
from .options import Options, parse_options
from .page import make_page
from .progress import Progress
from .report import Report, make_report, print_report
from .run import Result, Run

#: for the arrivals of a busy hour, files and the loop itself
DESCRIPTORS_SPARE = 1000


class ExitCode(enum.IntEnum):
    """What the program's end says."""

    PASS = 0
    ERROR = 1
    USAGE = 2
    THRESHOLD = 99
    ABORTED = 105


async def run_once(options: Options, console: Console) -> Result:
    """Run to the end, or until a signal aborts it."""
    with Progress(console) as progress:
        run = Run(options, progress.show)

        def stop() -> None:
            if run.result.stats.is_aborted:
                os._exit(ExitCode.ABORTED)
            run.abort()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        return await run.run()


def exit_code_of(result: Result) -> ExitCode:
    """Return what the exit code says of a run."""
    if result.stats.is_aborted:
        return ExitCode.ABORTED
    if not result.stats.samples.frames:
        return ExitCode.ERROR
    named = result.figures()
    is_met = all(item.is_met(named) for item in result.options.thresholds)
    return ExitCode.PASS if is_met else ExitCode.THRESHOLD


def exit_code_of_search(search: Search, steps: Sequence[Step]) -> ExitCode:
    """Return what the exit code says of a search: it passes when any population held."""
    last = steps[-1].result
    if search.held and not last.stats.is_aborted:
        return ExitCode.PASS
    return exit_code_of(last)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    try:
        options = parse_options(arguments)
    except UsageError as error:
        print(f"loadtest: {error}", file=sys.stderr)
        return ExitCode.USAGE
    raise_descriptor_limit(max(options.clients, options.clients_max) + DESCRIPTORS_SPARE)
    if options.worker is not None:
        return asyncio.run(work(options))
    console = Console(highlight=False)
    try:
        code, report = asyncio.run(_run(options, console))
    except CrewError as error:
        print(f"loadtest: {error}", file=sys.stderr)
        return ExitCode.ERROR
    print_report(console, report)
    if code is ExitCode.ERROR:
        print(f"loadtest: nobody could play at {options.url}", file=sys.stderr)
    if options.json is not None:
        text = ujson.dumps(report, indent=2, allow_nan=False, escape_forward_slashes=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.html is not None:
        options.html.write_text(make_page(report), encoding="utf-8")
    return code


async def _run(options: Options, console: Console) -> tuple[ExitCode, Report]:
    """Run what is asked for; return the exit code and the report."""
    if not options.is_finding_limit:
        result = await run_once(options, console)
        code = exit_code_of(result)
        return code, make_report(result, code)

    def run_step(step: Options) -> Awaitable[Result]:
        console.print(f"{step.clients} clients", style="bold")
        return run_once(step, console)

    search, steps = await find_limit(options, run_step)
    code = exit_code_of_search(search, steps)
    return code, make_search_report(search, steps, code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
