"""Hand a run over: tables to the terminal, build/bench/results.json, and the chart, build/bench/report.html."""

from typing import Any

import ujson
from attrs import asdict

from tests.bench import chart, report
from tests.bench.comparison import Summary, summarise
from tests.bench.folders import BUILD
from tests.bench.run import SIZES, Run, standard_peers
from tests.bench.workloads import Workload


def finish(run: Run) -> None:
    """Print the tables, write the results file and the chart."""
    summaries = summarise(run.rows)
    titles = {peer.name: peer.title for peer in standard_peers()}
    held = {name: asdict(outcome) for name, outcome in run.held.items()}
    print_tables(run, summaries, titles, held)
    facts = fact_lines(run)
    print("\n" + "\n".join(facts))
    write_json(run, summaries, held)
    missing = [f"missing: {name}: {reason}" for name, reason in run.missing.items()]
    (BUILD / "report.html").write_text(chart.draw_page(panels(run, summaries, titles, held), [*facts, *missing]))
    print(f"\nwritten: {BUILD / 'results.json'} and {BUILD / 'report.html'}; it took {run.took_s / 60:.1f} minutes")


def print_tables(run: Run, summaries: list[Summary], titles: dict[str, str], held: dict[str, Any]) -> None:
    """Print what was measured, what is to be reached, and what is missing."""
    for workload in dict.fromkeys(summary.workload for summary in summaries):
        print(f"\n{workload}, medians of {run.options.repeat} runs; x: times this server; *: it did not keep up\n")
        print(report.workload_table([each for each in summaries if each.workload == workload], titles))
    if held:
        print(f"\n{report.held_table(held, titles)}")
    if run.sizes:
        print(f"\n{report.sizes_table(run.sizes)}")
    if run.encode:
        print(f"\n{report.encode_table(run.encode)}")
    print(f"\n{report.targets_table(run.targets())}")
    for name, reason in run.missing.items():
        print(f"\nMISSING: {name}: {reason}")


def fact_lines(run: Run) -> list[str]:
    """Say what was measured where."""
    facts = run.facts
    lines = [f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}, kernel {facts['kernel']}"]
    lines.append(f"load of the machine before the run: {facts['load_before']:.2f}")
    for name, found in run.versions.items():
        lines.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in found.items()))
    disturbed = sum(row.disturbed for row in run.rows)
    if disturbed:
        lines.append(f"{disturbed} of {len(run.rows)} rows were disturbed by other work on this machine")
    return lines


def write_json(run: Run, summaries: list[Summary], held: dict[str, Any]) -> None:
    """Write everything that was found."""
    results = {
        "machine": run.facts,
        "timing": asdict(run.machine.timing),
        "repeat": run.options.repeat,
        "versions": run.versions,
        "missing": run.missing,
        "summaries": [asdict(summary) for summary in summaries],
        "held": held,
        "sizes": run.sizes,
        "encode": run.encode,
        "targets": [asdict(target) for target in run.targets()],
        "rows": [row.as_json() for row in run.rows],
    }
    (BUILD / "results.json").write_text(ujson.dumps(results, indent=1))


def panels(run: Run, summaries: list[Summary], titles: dict[str, str], held: dict[str, Any]) -> list[chart.Panel]:
    """Choose what the chart shows."""
    by_workload: dict[str, list[Summary]] = {}
    for summary in summaries:
        by_workload.setdefault(summary.workload, []).append(summary)
    chosen = [
        chart.summary_panel(
            f"CPU a client-tick, {workload}",
            "Microseconds of server CPU for one input received and one state sent. Shorter is better.",
            found,
            titles,
            "cpu_us_a_client_tick",
        )
        for workload, found in by_workload.items()
        if len(found) > 2
    ]
    chosen.append(chart.held_panel(held, titles))
    if by_workload:
        largest = max(by_workload, key=lambda name: (len(by_workload[name]), Workload.parse(name).clients))
        gap = f"Gap between state messages, 99th percentile, {largest}"
        found = by_workload[largest]
        chosen.append(chart.summary_panel(gap, "Milliseconds; 50 is perfect.", found, titles, "gap_p99_ms"))
        memory, note = f"Memory a connection, {largest}", "KiB of resident memory over the empty server."
        chosen.append(chart.summary_panel(memory, note, found, titles, "memory_a_connection_bytes", 1024))
    chosen += [chart.sizes_panel(run.sizes, players) for players in SIZES]
    return [*chosen, chart.encode_panel(run.encode)]
