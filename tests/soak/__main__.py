"""Run the rigs: `python -m tests.soak [NAME ...] [--minutes M] [--clients N]`; without a name, all of them.

    slow      clients that read slowly or not at all          10 min
    crowd     1,000 clients dropped at once                   1 min
    headers   1,000 slow senders of headers and bodies        1 min
    flood     50,000 messages a second                        1 min
    churn     joins, leaves, drops, rooms                     30 min

Prints what was reached beside what is asked for; the exit code is 1 where a figure was missed. Everything stays on this
machine's loopback. Figures of a busy machine are the machine's: `nice -n -10` helps against that where it is allowed.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from . import churn, crowd, flood, headers, slow
from .rig import Row, pick

#: rig, minutes and clients where the command line does not say
RIGS: dict[str, tuple[Callable[[float, int], Coroutine[Any, Any, list[Row]]], float, int]] = {
    "crowd": (crowd.run, 1, 1000),
    "headers": (headers.run, 0.5, 1000),
    "flood": (flood.run, 1, 100),
    "slow": (slow.run, 10, 500),
    "churn": (churn.run, 30, 60),
}


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Runs the server against misbehaviour.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(RIGS)}; none: all")
    parser.add_argument("--minutes", type=float, help="how long, instead of the rig's own time")
    parser.add_argument("--clients", type=int, help="how many, instead of the rig's own number")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(RIGS)
    if unknown:
        parser.error(f"no rig {', '.join(sorted(unknown))}; there are {', '.join(RIGS)}")
    console, code = Console(highlight=False), 0
    for name in options.names or RIGS:
        run, minutes, clients = RIGS[name]
        rows = asyncio.run(run(options.minutes or minutes, options.clients or clients))
        console.print(make_table(name, rows))
        code |= pick(rows)
    return code


def make_table(name: str, rows: Sequence[Row]) -> Table:
    """Return the table of a rig."""
    table = Table(title=name, title_justify="left")
    for column in ("", "reached", "asked", "met"):
        table.add_column(column)
    for row in rows:
        table.add_row(row.what, row.reached, row.asked, "" if not row.asked else "yes" if row.is_met else "NO")
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
