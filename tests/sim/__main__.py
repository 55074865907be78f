"""Simulate seeds until the time is up, or one seed again: `python -m tests.sim --help`.

Ends with 1 when a claim was false, and says how to run that seed again.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import count

from .run import Outcome, run

#: enough to look at
FAILURES_MAX = 20


def main() -> int:
    """Run what the flags say; return the exit code."""
    flags = _parse()
    if flags.seed is not None:
        outcomes: Generator[Outcome, None, None] = (run(seed) for seed in [flags.seed])
    else:
        outcomes = _run_many(flags.seconds, flags.jobs, flags.base)
    started_s, player_s, cpu_s, faults, runs, failed = time.perf_counter(), 0.0, 0.0, 0, 0, []
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        runs += 1
        player_s += outcome.player_s
        cpu_s += outcome.cpu_s
        faults += outcome.faults
        counts += outcome.counts
        if outcome.violations:
            failed.append(outcome.seed)
            print(f"seed {outcome.seed}: run it again with  python -m tests.sim --seed {outcome.seed}")
            print("\n".join(f"    {violation}" for violation in outcome.violations), flush=True)
            if len(failed) == FAILURES_MAX:
                outcomes.close()  # those under way are still waited for
                break
    took_s = time.perf_counter() - started_s
    print(f"{runs} runs, {faults} faults, {len(failed)} runs with violations: {' '.join(failed) or 'none'}")
    print(f"{player_s / 3600:.2f} player-hours in {took_s:.0f} s: {player_s / took_s:.0f} an hour")
    print(f"{cpu_s:.0f} s of CPU: {player_s / cpu_s:.0f} player-hours an hour of one core")
    print("  ".join(f"{name} {number}" for name, number in sorted(counts.items())))
    if flags.seed is not None:
        print(f"digest of the run: {outcome.digest:08x}")
    return 1 if failed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", help="run this seed alone")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to go on with new seeds (default: 60)")
    parser.add_argument("--jobs", type=int, default=1, help="processes to run in; 0: one a core (default: 1)")
    parser.add_argument("--base", type=int, help="number of the first seed (default: from the clock)")
    return parser.parse_args()


def _run_many(seconds: float, jobs: int, base: int | None) -> Generator[Outcome, None, None]:
    """Run seed after seed until the time is up; the runs under way then are still waited for."""
    first = int(time.time()) * 1000 if base is None else base
    print(f"seeds from {first}", flush=True)
    until_s = time.perf_counter() + seconds
    numbers = count(first)
    with ProcessPoolExecutor(jobs or os.cpu_count(), multiprocessing.get_context("fork")) as pool:
        waiting = {pool.submit(run, str(next(numbers))) for _ in range(jobs or os.cpu_count() or 1)}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                if time.perf_counter() < until_s:
                    waiting.add(pool.submit(run, str(next(numbers))))
                yield future.result()


if __name__ == "__main__":
    sys.exit(main())
