"""Fuzz for a while: `python -m tests.fuzz --help`. Ends with 1 when something was raised that is not documented."""

import argparse
import sys
import time

from .run import Result, fuzz
from .targets import TARGETS, Target


def main() -> int:
    """Run what the flags say; return the exit code."""
    flags = _parse()
    targets = [target for target in TARGETS if flags.target in (None, target.name)]
    if flags.input is not None:
        for target in targets:
            target.start()(bytes.fromhex(flags.input))
        return 0
    if flags.coverage:
        from .coverage_report import report

        return report(targets, flags.count or 4000, flags.seed)
    started_s = time.perf_counter()
    results = [_run(target, flags, flags.seconds / len(targets)) for target in targets]
    took_s = time.perf_counter() - started_s
    total = sum(result.messages for result in results)
    faults = sum(len(result.faults) for result in results)
    print(f"{total:,} messages in {took_s:.0f} s, {faults} undocumented exceptions (seed {flags.seed})")
    return 1 if faults else 0


def _run(target: Target, flags: argparse.Namespace, seconds: float) -> Result:
    began_s = time.perf_counter()
    result = fuzz(target, flags.seed, count=flags.count, until_s=None if flags.count else began_s + seconds)
    took_s = time.perf_counter() - began_s
    print(f"{target.name:14} {result.messages:12,} messages, {took_s / result.messages * 1e6:6.1f} us each", flush=True)
    for fault in result.faults:
        print(fault, flush=True)
    return result


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long, for all targets together (default: 60)")
    parser.add_argument("--count", type=int, help="how many inputs a target, instead of a time")
    parser.add_argument("--seed", default=str(int(time.time())), help="decides all inputs (default: from the clock)")
    parser.add_argument("--target", choices=[target.name for target in TARGETS], help="only this one")
    parser.add_argument("--input", help="only this input, in hexadecimal")
    parser.add_argument("--coverage", action="store_true", help="print which branches of parser and codecs are reached")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
