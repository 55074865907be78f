"""Why a client-tick costs what it costs: `make profile`, or `python -m tests.bench.profile --help`.

Each server plays the workload alone on its core, as in `make bench`: one window as there, and one in which perf samples
the server. The shares are perf's, the total is that of the window without perf, so no figure holds what perf costs.
The C floor stands beside the others: what it spends in the kernel, no server on such sockets can do without. The
servers take turns, the whole is repeated, and the table has medians.

Writes tables to the terminal, and everything to build/bench/profile.json.
"""

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import ujson
from attrs import asdict, frozen

from tests.bench import perf, report
from tests.bench.__main__ import add_machine_options, known_peers, why_not_here
from tests.bench.comparison import CPU_LIMITS, OURS
from tests.bench.folders import BUILD
from tests.bench.generator import LoadFailed
from tests.bench.install import PeerMissing
from tests.bench.processes import ServerFailed, process_tree
from tests.bench.rows import Machine, Row, loaded
from tests.bench.run import standard_peers
from tests.bench.servers import Peer
from tests.bench.workloads import Timing, Workload

STANDARD = f"floor,floor-tick,{OURS}"
FUNCTIONS_KEPT = 60
SHOWN_US = 0.005  # a row with less everywhere would show zeros


@frozen
class Profile:
    """What one server's client-tick cost in one repeat, and where it went."""

    row: Row  # of the window without perf
    row_sampled: Row
    samples: int
    shares: dict[str, float]  # by category
    functions: dict[str, float]  # of the program and of the kernel, where the processor was; the largest shares


@frozen
class Parts:
    """The medians of one server's profiles: us a client-tick, in all and by category."""

    total_us: float
    by_category_us: dict[str, float]

    @classmethod
    def of(cls, profiles: Sequence[Profile]) -> "Parts":
        """Return the medians; the parts add up to the total."""
        total_us = statistics.median(profile.row.cpu_us_a_client_tick for profile in profiles)
        shares = {name: statistics.median(each.shares.get(name, 0.0) for each in profiles) for name in perf.CATEGORIES}
        whole = sum(shares.values())
        return cls(total_us, {name: total_us * share / whole for name, share in shares.items()})

    @property
    def kernel_us(self) -> float:
        """What of it is the kernel's."""
        return sum(self.by_category_us[name] for name in perf.KERNEL)

    @property
    def program_us(self) -> float:
        """All else."""
        return self.total_us - self.kernel_us


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the profiles; returns the exit code."""
    parser = make_parser()
    asked = parser.parse_args(arguments)
    BUILD.mkdir(parents=True, exist_ok=True)
    try:
        peers, workload, machine = what_is_asked(asked)
    except ValueError as error:
        parser.error(str(error))
    complaint = why_not_here(machine) or perf.why_no_perf(BUILD)
    if complaint:
        parser.error(complaint)
    found = profile_in_turns(peers, workload, machine, asked.repeat)
    print_tables(found, workload, {peer.name: peer.title for peer in peers}, asked.functions, asked.markdown)
    write_json(machine, workload, peers, found)
    return 0 if len(found) == len(peers) else 1


def what_is_asked(asked: argparse.Namespace) -> tuple[list[Peer], Workload, Machine]:
    """Return what is to be profiled, and where; raises ValueError."""
    names = known_peers(asked.peers)
    if asked.seconds <= 0 or asked.warm_up < 0 or asked.repeat < 1 or asked.functions < 0:
        raise ValueError("--seconds and --repeat must be above 0, --warm-up and --functions not below")
    timing = Timing(warm_up_s=asked.warm_up, measure_s=asked.seconds)
    return (
        [peer for peer in standard_peers(asked.game_args) if peer.name in names],
        Workload.parse(asked.workload),
        Machine(asked.server_core, asked.generator_core, asked.port, timing),
    )


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profile", description="Where a client-tick goes.")
    parser.add_argument("--workload", default="50x10", metavar="ROOMSxCLIENTS", help="(%(default)s)")
    parser.add_argument("--peers", default=STANDARD, metavar="A,B", help="those of `make bench` (%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, the servers taking turns (%(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each window (%(default)s)")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before them (%(default)s)")
    parser.add_argument("--functions", type=int, default=15, metavar="N", help="functions named of each (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="print the table of parts as Markdown")
    add_machine_options(parser)
    return parser


# ---- measuring --------------------------------------------------------------------------------------------------


def profile_in_turns(
    peers: Sequence[Peer], workload: Workload, machine: Machine, repeat: int
) -> dict[str, list[Profile]]:
    """Profile servers in turns and say how it goes; one that fails is named and left out."""
    found: dict[str, list[Profile]] = {}
    failed: set[str] = set()
    for number in range(repeat):
        for peer in peers:
            if peer.name in failed:
                continue
            try:
                profile = profile_once(peer, workload, machine)
            except (PeerMissing, ServerFailed, LoadFailed, perf.PerfFailed) as error:
                failed.add(peer.name)
                found.pop(peer.name, None)
                print(f"MISSING: {peer.name}: {error}", flush=True)
                continue
            found.setdefault(peer.name, []).append(profile)
            print(f"{number + 1}/{repeat} {workload.name} {peer.name:<16} {told(profile)}", flush=True)
    return found


def told(profile: Profile) -> str:
    """Say in a line how a repeat went."""
    row, sampled = profile.row, profile.row_sampled
    found = (
        f"{row.cpu_us_a_client_tick:6.1f} us a client-tick ({sampled.cpu_us_a_client_tick:.1f} under perf), "
        f"{row.frames_a_second:.2f} frames/s, generator {row.generator_share:.0%}, {profile.samples} samples"
    )
    return "; ".join([found, *row.warnings])


def profile_once(peer: Peer, workload: Workload, machine: Machine) -> Profile:
    """Measure one window without perf and one with it."""
    file = BUILD / f"{peer.name}.perf"
    with loaded(peer, workload, machine) as load:
        row = load.window()
        if row.trouble:
            raise LoadFailed(row.trouble)
        pids = process_tree(load.server.process.pid)
        with perf.recording(pids, machine.timing.measure_s, file, machine.generator_core):
            row_sampled = load.window()
    categories, functions = Counter[str](), Counter[str]()
    for sample in perf.read_samples(file):
        categories[perf.category_of(sample)] += 1
        functions[f"{sample[0].symbol} ({sample[0].file.rpartition('/')[2]})"] += 1
    samples = categories.total()
    if samples < perf.SAMPLES_MIN:
        raise perf.PerfFailed(f"{samples} samples are too few to tell shares; measure for longer (--seconds)")
    return Profile(
        row,
        row_sampled,
        samples,
        {name: number / samples for name, number in categories.items()},
        {name: number / samples for name, number in functions.most_common(FUNCTIONS_KEPT)},
    )


# ---- what comes out ---------------------------------------------------------------------------------------------


def print_tables(
    found: dict[str, list[Profile]], workload: Workload, titles: dict[str, str], functions: int, markdown: bool
) -> None:
    """Print where the time goes, what follows from it, and the functions in which it goes."""
    parts = {name: Parts.of(profiles) for name, profiles in found.items()}
    if parts:
        print(f"\n{workload.name}, medians; us of server CPU a client-tick, and the share of its total\n")
        header, *rows = parts_rows(parts, titles)
        print(markdown_table(header, rows) if markdown else report.table([*header, ""], [[*row, ""] for row in rows]))
        print("\n" + "\n".join(conclusions(parts, CPU_LIMITS.get(workload.name, {}))))
    windows = [profile.row for profiles in found.values() for profile in profiles]
    if disturbed := sum(row.disturbed for row in windows):
        print(f"{disturbed} of {len(windows)} windows were disturbed by other work on this machine.")
    for name, profiles in found.items() if functions else ():
        print(f"\n{functions_table(titles[name], profiles, functions)}")


def parts_rows(parts: dict[str, Parts], titles: dict[str, str]) -> list[list[str]]:
    """Return where a client-tick of each server goes: a header and a row for each category."""

    def row(title: str, amounts_us: Sequence[float]) -> list[str]:
        cells = [f"{us:.2f} ({us / each.total_us:.0%})" for us, each in zip(amounts_us, parts.values(), strict=True)]
        return [title, *cells]

    def by_category(is_kernel: bool) -> list[list[str]]:
        names = [name for name in perf.CATEGORIES if (name in perf.KERNEL) == is_kernel]
        rows = [(name, [each.by_category_us[name] for each in parts.values()]) for name in names]
        return [row(name, amounts_us) for name, amounts_us in rows if max(amounts_us) >= SHOWN_US]

    return [
        ["us a client-tick", *(titles[name] for name in parts)],
        *by_category(is_kernel=True),
        row("= the kernel", [each.kernel_us for each in parts.values()]),
        *by_category(is_kernel=False),
        row("= outside the kernel", [each.program_us for each in parts.values()]),
        row("= all", [each.total_us for each in parts.values()]),
    ]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as it stands in a document."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conclusions(parts: dict[str, Parts], limits: Mapping[str, float]) -> list[str]:
    """Say what is this server's own of what it costs, and what its peers would leave to it that are to be beaten.

    limits: at most so many times a peer's cost is to be reached.
    """
    ours = parts.get(OURS)
    if ours is None:
        return []
    lines = [f"This server spends {ours.kernel_us:.2f} us in the kernel and {ours.program_us:.2f} outside it."]
    for name, each in parts.items():
        if name == OURS:
            continue
        line = (
            f"{name}: {each.kernel_us:.2f} and {each.program_us:.2f}. This server costs "
            f"{ours.total_us / each.total_us:.2f} x that, and would cost {ours.kernel_us / each.total_us:.2f} x "
            "if nothing outside the kernel cost anything"
        )
        if limit := limits.get(name):
            left_us = limit * each.total_us - ours.kernel_us
            line += f"; {limit:g} x leaves {left_us:.2f} us for all that"
        lines.append(f"{line}.")
    return lines


def functions_table(title: str, profiles: Sequence[Profile], count: int) -> str:
    """Return the functions in which a server was seen most, by the median of their shares."""
    names = {name for profile in profiles for name in profile.functions}
    shares = {name: statistics.median(each.functions.get(name, 0.0) for each in profiles) for name in names}
    largest = sorted(shares, key=lambda name: -shares[name])[:count]
    total_us = Parts.of(profiles).total_us
    rows = [[name, f"{shares[name] * total_us:.2f}", f"{shares[name]:.1%}", ""] for name in largest]
    return report.table([title, "us", "share", ""], rows)


def write_json(
    machine: Machine,
    workload: Workload,
    peers: Sequence[Peer],
    found: dict[str, list[Profile]],
) -> None:
    """Write everything that was found."""
    results: dict[str, Any] = {
        "machine": report.machine_facts(machine.server_core, machine.generator_core),
        "workload": workload.name,
        "timing": asdict(machine.timing),
        "versions": {peer.name: peer.versions() for peer in peers if peer.name in found},
        "medians": {name: asdict(Parts.of(profiles)) for name, profiles in found.items()},
        "profiles": {name: [asdict(profile) for profile in profiles] for name, profiles in found.items()},
    }
    file = BUILD / "profile.json"
    file.write_text(ujson.dumps(results, indent=1))
    print(f"\nwritten: {file}")


if __name__ == "__main__":
    sys.exit(main())
