"""`python -m tests.bench`: the side-by-side benchmark. See README.md for how to run it and the rules it keeps."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence

from tests.bench.folders import BUILD
from tests.bench.processes import is_listened_on
from tests.bench.results import finish
from tests.bench.rows import Machine
from tests.bench.run import Options, Run, standard_peers
from tests.bench.workloads import QUICK, STANDARD, Timing, Workload


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = make_parser()
    asked = parser.parse_args(arguments)
    try:
        options = make_options(asked)
    except ValueError as error:
        parser.error(str(error))
    complaint = why_not_here(options.machine)
    if complaint:
        parser.error(complaint)
    BUILD.mkdir(parents=True, exist_ok=True)
    run = Run(options)
    try:
        run.everything()
    except KeyboardInterrupt:
        print("\ninterrupted: what was measured so far follows")
    if options.install_only:
        return 1 if run.missing else 0
    finish(run)
    return 1 if asked.check and any(target.reached is False for target in run.targets()) else 0


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    choice = argparse.BooleanOptionalAction
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Compare this server with its peers.")
    parser.add_argument(
        "--quick", action="store_true", help="two workloads, once, short, no search: some three minutes"
    )
    parser.add_argument("--peers", metavar="A,B", help=f"of {', '.join(each.name for each in standard_peers())}")
    parser.add_argument("--workloads", metavar="50x10,...", help="rooms x clients")
    parser.add_argument("--repeat", type=int, help="runs of each row, the servers taking turns (3; quick: 1)")
    parser.add_argument("--seconds", type=float, help="length of a row's window (4; quick: 2)")
    parser.add_argument("--warm-up", type=float, help="seconds before it (2; quick: 1)")
    parser.add_argument("--search", action=choice, help="search for the most clients held (quick: no)")
    parser.add_argument("--search-max", type=int, default=5000, metavar="N", help="clients at most (%(default)s)")
    parser.add_argument("--sizes", action=choice, default=True, help="compare message sizes")
    parser.add_argument("--encode", action=choice, default=True, help="compare the time from mutation to bytes")
    parser.add_argument("--newest", action="store_true", help="install each peer's newest release, not the locked one")
    parser.add_argument("--install", action="store_true", help="only install the peers")
    parser.add_argument("--check", action="store_true", help="exit with 1 when something to be reached was missed")
    add_machine_options(parser)
    return parser


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where servers run, and how this one is started."""
    parser.add_argument("--game-args", default="", metavar="'--flag ...'", help="more flags for this server")
    parser.add_argument("--port", type=int, default=9290, help="where the servers listen (%(default)s)")
    parser.add_argument("--server-core", type=int, default=1, metavar="N", help="(%(default)s)")
    parser.add_argument("--generator-core", type=int, default=0, metavar="N", help="(%(default)s)")


def known_peers(names: str) -> list[str]:
    """Return the peers that were asked for, all when none were; raises ValueError for one that does not exist."""
    known = [each.name for each in standard_peers()]
    chosen = names.split(",") if names else known
    unknown = set(chosen) - set(known)
    if unknown:
        raise ValueError(f"no peer is named {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return chosen


def make_options(asked: argparse.Namespace) -> Options:
    """Fill in what was left open; raises ValueError."""
    chosen = known_peers(asked.peers or "")
    quick = asked.quick
    timing = Timing(
        warm_up_s=asked.warm_up if asked.warm_up is not None else 1.0 if quick else 2.0,
        measure_s=asked.seconds if asked.seconds is not None else 2.0 if quick else 4.0,
    )
    repeat = asked.repeat if asked.repeat is not None else 1 if quick else 3
    if timing.measure_s <= 0 or timing.warm_up_s < 0 or repeat < 1:
        raise ValueError("--seconds and --repeat must be above 0, and --warm-up not below")
    standard = QUICK if quick else STANDARD
    named = tuple(Workload.parse(name) for name in asked.workloads.split(",")) if asked.workloads else ()
    return Options(
        machine=Machine(asked.server_core, asked.generator_core, asked.port, timing),
        peers=chosen,
        workloads=named or standard,
        repeat=repeat,
        with_many=not (quick or named),
        search=asked.search if asked.search is not None else not quick,
        search_max=asked.search_max,
        sizes=asked.sizes,
        encode=asked.encode,
        newest=asked.newest,
        install_only=asked.install,
        game_args=asked.game_args,
    )


def why_not_here(machine: Machine) -> str:
    """Return why this computer will not do, or an empty text."""
    if not sys.platform.startswith("linux"):
        return "it pins processes to cores and reads /proc, so it runs on Linux only"
    if not shutil.which("cc"):
        return "the load generator is C, and no compiler (cc) is on the path"
    cores = {machine.server_core, machine.generator_core}
    if len(cores) < 2:
        return "server and generator must not share a core"
    allowed = os.sched_getaffinity(0)
    if not cores <= allowed:
        return f"it needs the cores {sorted(cores)}; this process may use {sorted(allowed)}"
    if is_listened_on(machine.port):
        return f"something listens on port {machine.port} (another run?); choose another with --port"
    return ""


if __name__ == "__main__":
    sys.exit(main())
