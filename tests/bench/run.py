"""One run of the benchmark: what is measured in which order, and what has been found so far.

Order: every server is installed and checked to be the workload; then the rows, the servers taking turns, the whole
repeated; the message sizes; the time from mutation to bytes; the search for the most clients held. Prints one line of
progress a step.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ujson
from attrs import define, evolve, field, frozen

from tests.bench import report, servers
from tests.bench.comparison import ENTITIES, OURS, Target, summarise, targets
from tests.bench.folders import REPOSITORY
from tests.bench.install import PeerMissing, install, node_program
from tests.bench.processes import on_core
from tests.bench.rows import Machine, Row, measure, verify
from tests.bench.search import Held, most_clients
from tests.bench.servers import Peer
from tests.bench.workloads import Timing, Workload

MANY = Workload.parse("160x10")  # measured of this server alone
SIZES = (10, 50, 500)
ROUNDS = 120  # of the comparison from mutation to bytes
SHORT = Timing(warm_up_s=0.5, measure_s=1.0)  # enough to look at messages


@frozen
class Options:
    """What a run is asked to do."""

    machine: Machine
    peers: Sequence[str]
    workloads: Sequence[Workload]
    repeat: int = 3
    with_many: bool = True
    search: bool = True
    search_max: int = 5000
    sizes: bool = True
    encode: bool = True
    newest: bool = False
    install_only: bool = False
    game_args: str = ""


def standard_peers(game_args: str = "", newest: bool = False) -> list[Peer]:
    """Return the servers of the comparison, in the order of the tables."""
    flags = game_args.split()
    return [
        servers.floor("floor", "C floor, epoll"),
        servers.floor("floor-tick", "C floor, read at the tick", "tick"),
        servers.game(OURS, "this server", "fixed", *flags),
        servers.game("game-tornado", "this server, Tornado path", "fixed", *servers.TORNADO_PATH, *flags),
        servers.bare_ws(newest),
        servers.colyseus("colyseus", "Colyseus", newest, "float32", True, "message"),
        servers.colyseus("colyseus-input", "Colyseus, input API, 16-bit", newest, "uint16", False, "input"),
        servers.socketio(newest),
        servers.tornado_stock(),
        servers.python_socketio(newest),
    ]


def size_peers(game_args: str = "", newest: bool = False) -> list[Peer]:
    """Return the variants whose message sizes are compared; their names are the rows' names."""
    flags = game_args.split()
    return [
        servers.game(f"{OURS} fixed", "", "fixed", *flags),
        servers.game(f"{OURS} float32", "", "float32", *flags),
        servers.colyseus("colyseus quantised", "", newest, "uint16", False, "message"),
        servers.colyseus("colyseus float32", "", newest, "float32", False, "message"),
        servers.colyseus("colyseus float32 and seq", "", newest, "float32", True, "message"),
    ]


@define
class Run:
    """What was asked for, and what has been found so far."""

    options: Options
    began_s: float = field(factory=time.monotonic)
    facts: dict[str, Any] = field(factory=dict)
    versions: dict[str, dict[str, str]] = field(factory=dict)
    missing: dict[str, str] = field(factory=dict)
    present: list[Peer] = field(factory=list)
    rows: list[Row] = field(factory=list)
    sizes: dict[str, dict[int, int]] = field(factory=dict)
    encode: dict[str, dict[str, Any]] = field(factory=dict)
    held: dict[str, Held] = field(factory=dict)

    @property
    def machine(self) -> Machine:
        """Cores, port and timing of the rows."""
        return self.options.machine

    @property
    def took_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began_s

    def say(self, text: str) -> None:
        """Print a line of progress."""
        print(f"[{self.took_s:5.0f} s] {text}", flush=True)

    def everything(self) -> None:
        """Do it all in order."""
        options = self.options
        self.facts = report.machine_facts(self.machine.server_core, self.machine.generator_core)
        for peer in standard_peers(options.game_args, options.newest):
            if peer.name in options.peers:
                self.prepare(peer)
        if options.install_only:
            return
        for repeat in range(options.repeat):
            for peer, workload in self.wanted_rows():
                self.measure_row(peer, workload, repeat)
        if options.sizes:
            self.compare_sizes()
        if options.encode:
            self.compare_encoding()
        if options.search:
            for peer in self.present:
                self.search(peer)

    def prepare(self, peer: Peer) -> None:
        """Install a peer and check that it is the workload; one that fails is named as missing."""
        try:
            peer.launch(self.machine.port)
            self.versions[peer.name] = peer.versions()
            if self.options.install_only:
                self.say(f"{peer.name}: installed, {self.versions[peer.name]}")
                return
            complaint = verify(peer, evolve(self.machine, timing=SHORT))
        except (PeerMissing, OSError, subprocess.SubprocessError) as error:
            complaint = str(error)
        if complaint:
            self.missing[peer.name] = complaint
            self.say(f"{peer.name}: MISSING, {complaint}")
        else:
            self.present.append(peer)
            self.say(f"{peer.name}: is the workload")

    def wanted_rows(self) -> list[tuple[Peer, Workload]]:
        """Return the rows of one repeat: the servers take turns within each workload."""
        rows = [(peer, workload) for workload in self.options.workloads for peer in self.present]
        if self.options.with_many:
            rows += [(peer, MANY) for peer in self.present if peer.name in (OURS, "floor")]
        return rows

    def measure_row(self, peer: Peer, workload: Workload, repeat: int) -> None:
        """Measure a row and say what came out. What failed once is not tried again: it takes long and fails again."""
        if any(row.failed and (row.peer, row.workload) == (peer.name, workload.name) for row in self.rows):
            return
        row = measure(peer, workload, self.machine)
        self.rows.append(row)
        found = (
            f"{row.cpu_us_a_client_tick:6.1f} us a client-tick, {row.frames_a_second:5.2f} frames/s, "
            f"gap p99 {row.gap_p99_ms:5.1f} ms, {row.bytes_a_frame} bytes, generator {row.generator_share:.0%}"
        )
        if row.trouble:
            found = f"{'VOID' if row.void else 'FAILED'}: {row.trouble[:150]}"
        text = "; ".join([found, *row.warnings])
        self.say(f"{repeat + 1}/{self.options.repeat} {workload.name:>7} {peer.name:<16} {text}")

    def compare_sizes(self) -> None:
        """Measure the bytes of a state message, from real frames."""
        present = {peer.name for peer in self.present}
        for peer in size_peers(self.options.game_args, self.options.newest):
            if peer.name.split()[0] not in present:
                continue
            found = self.sizes.setdefault(peer.name, {})
            for players in SIZES:
                row = measure(peer, Workload(1, players), evolve(self.machine, timing=SHORT))
                if not row.trouble:
                    found[players] = row.bytes_a_frame
            self.say(f"sizes: {peer.name}: {found}")

    def compare_encoding(self) -> None:
        """Time mutation to bytes on the server's core, in turns, and keep the median of each."""
        sides: dict[str, Callable[[], tuple[list[str], Path]]] = {}
        if OURS in self.options.peers:
            sides[OURS] = lambda: ([sys.executable, "-m", "tests.bench.encode"], REPOSITORY)
        if "colyseus" in self.versions:
            sides["colyseus"] = lambda: (
                [str(node_program()), "encode.mjs"],
                install("colyseus", self.options.newest),
            )
        for repeat in range(self.options.repeat):
            for side, command in sides.items():
                self.time_encoding(side, *command())
                self.say(f"encoding: {side} {repeat + 1}/{self.options.repeat}")

    def time_encoding(self, side: str, command: list[str], folder: Path) -> None:
        """Run one side's timing program once and note its results."""
        done = subprocess.run(
            [*command, str(ENTITIES), str(ROUNDS)],
            cwd=folder,
            env={**os.environ, "NODE_ENV": "production"},
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=on_core(self.machine.server_core),
        )
        if done.returncode:
            self.missing[f"{side}, mutation to bytes"] = done.stderr.strip()[-300:]
            return
        for name, value in ujson.loads(done.stdout).items():
            entry = self.encode.setdefault(side, {}).setdefault(name, {"runs": []})
            entry["runs"].append(value)
            for key in value:
                entry[key] = statistics.median(each[key] for each in entry["runs"])

    def search(self, peer: Peer) -> None:
        """Search for the most clients that a server holds, from a guess by what a client-tick cost it."""

        def holds(clients: int) -> bool | None:
            row = measure(peer, Workload(clients // 10, 10), self.machine)
            if not row.held and row.disturbed:  # once more: it may have been the disturbance
                row = measure(peer, Workload(clients // 10, 10), self.machine)
            found = row.trouble or f"{row.frames_a_second:.2f} frames/s, 99 of 100 had {row.frames_a_second_p1:.2f}"
            self.say(f"search: {peer.name}: {clients} clients: {found}")
            return None if row.void else row.held

        costs_us = [row.cpu_us_a_client_tick for row in self.rows if row.peer == peer.name and not row.trouble]
        guess = int(0.9e6 / (20 * min(costs_us))) if costs_us else 1000
        self.held[peer.name] = most_clients(holds, guess, self.options.search_max)
        self.say(f"search: {peer.name} holds {self.held[peer.name].clients}")

    def targets(self) -> list[Target]:
        """Return what is to be reached and what was."""
        held = {name: outcome.clients for name, outcome in self.held.items()}
        return targets(summarise(self.rows), held, self.sizes, self.encode)
