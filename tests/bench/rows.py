"""Measure one row: one server, alone on one core, under one workload.

A row names what is wrong with it. It is void when the generator was short of time, for then it measures the generator;
it failed when the server ended or could not seat all clients. Either stays in the results with its reason and is left
out of medians and ratios. Other work on the machine and clients that were closed are warnings.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

from tests.bench.folders import BUILD
from tests.bench.generator import Generator, LoadFailed
from tests.bench.processes import Server, ServerFailed, busy_s
from tests.bench.servers import Peer
from tests.bench.workloads import TICK_RATE, Timing, Workload

GENERATOR_SHARE_MAX = 0.8  # of its core; beyond it the row measures the generator
DISTURBED_SHARE = 0.1  # of a core used by neither server nor generator: the row is marked, and counts
HELD_FRAMES = 19  # of 20


@frozen
class Machine:
    """Which cores and port are used, and what is set for all rows."""

    server_core: int
    generator_core: int
    port: int
    timing: Timing


@frozen
class Row:
    """What a run of a server under a workload showed; `void`, `failed` and `warnings` are empty if all is well."""

    peer: str
    workload: str
    clients: int
    cpu_us_a_client_tick: float = 0  # server CPU over state messages that arrived: where it keeps up, clients x ticks
    cpu_share: float = 0  # of the server's core
    frames_a_second: float = 0  # of one client, mean
    frames_a_second_p1: float = 0  # 99 of 100 clients had more
    gap_p50_ms: float = 0
    gap_p99_ms: float = 0
    gap_max_ms: float = 0
    bytes_a_frame: int = 0  # payload of the median state message
    memory_a_connection_bytes: float = 0
    generator_share: float = 0
    elsewhere_share: float = 0
    generator: dict[str, Any] = field(factory=dict)
    void: str = ""  # why the generator's row says nothing about the server
    failed: str = ""  # why the server has no figures
    warnings: list[str] = field(factory=list)

    @property
    def disturbed(self) -> bool:
        """Tell whether other work took part of the cores."""
        return self.elsewhere_share > DISTURBED_SHARE

    @property
    def trouble(self) -> str:
        """Return why the row does not count, or an empty text."""
        return self.void or self.failed

    @property
    def held(self) -> bool:
        """Tell whether 99 of 100 clients had 19 of 20 frames."""
        return not self.trouble and self.frames_a_second_p1 >= HELD_FRAMES * TICK_RATE / 20

    def as_json(self) -> dict[str, Any]:
        """Return it for the results file."""
        return {**asdict(self), "held": self.held}


def measure(peer: Peer, workload: Workload, machine: Machine, dump: Path | None = None) -> Row:
    """Run one row; what goes wrong is in it. Raises PeerMissing when the server cannot be had."""
    try:
        with loaded(peer, workload, machine, dump) as load:
            return load.window()
    except (LoadFailed, ServerFailed) as error:
        return Row(peer.name, workload.name, workload.clients, failed=str(error))


@frozen
class Loaded:
    """A server on its core whose clients have all joined, and its generator; both warm."""

    peer: Peer
    workload: Workload
    machine: Machine
    server: Server
    generator: Generator
    memory_before: int  # bytes, of the empty server
    join_s: float

    def window(self) -> Row:
        """Measure one window; there may be several."""
        began = time.monotonic()
        cpu_before, busy_before = self.server.cpu_s(), busy_on(self.machine)
        self.generator.start()
        time.sleep(self.machine.timing.measure_s)
        counted = {**self.generator.stop(), "join_s": self.join_s}
        cpu_s, busy = self.server.cpu_s() - cpu_before, busy_on(self.machine) - busy_before
        took_s = time.monotonic() - began
        memory = self.server.memory_bytes() - self.memory_before
        elsewhere = busy / took_s - cpu_s / took_s - counted["cpu_share"]
        return make_row(
            self.peer, self.workload, counted, cpu_s / took_s, memory / self.workload.clients, max(0.0, elsewhere)
        )


@contextmanager
def loaded(peer: Peer, workload: Workload, machine: Machine, dump: Path | None = None) -> Iterator[Loaded]:
    """Start a server, open its clients and let both warm up. Raises PeerMissing, ServerFailed and LoadFailed."""
    launch = peer.launch(machine.port)
    log, plan_file = BUILD / f"{peer.name}.log", BUILD / f"{peer.name}.plan"
    timing = machine.timing
    with Server(launch.command, launch.folder, launch.environment, machine.port, machine.server_core, log) as server:
        time.sleep(0.3)
        memory_before = server.memory_bytes()
        peer.plan(workload, machine.port).write(plan_file, machine.port, timing.join_timeout_s, dump)
        with Generator(plan_file, machine.generator_core) as generator:
            join_s = generator.wait_joined()
            time.sleep(timing.warm_up_s)
            yield Loaded(peer, workload, machine, server, generator, memory_before, join_s)
        if server.process.poll() is not None:
            raise ServerFailed(f"it ended with code {server.process.returncode}: {server.last_words()}")


def busy_on(machine: Machine) -> float:
    """Return how long both cores have been busy, in seconds."""
    return busy_s(machine.server_core) + busy_s(machine.generator_core)


def make_row(
    peer: Peer, workload: Workload, counted: dict[str, Any], cpu_share: float, memory: float, elsewhere: float
) -> Row:
    """Turn what was counted into a row, and judge it."""
    seconds, clients = counted["seconds"], workload.clients
    frames_a_second = counted["frames"] / seconds / clients
    # At either edge of the window a frame may just be missed.
    p1 = min(frames_a_second, (counted["frames_a_client"]["p1"] + 1) / seconds)
    void, failed, warnings = "", "", []
    if counted["cpu_share"] > GENERATOR_SHARE_MAX:
        void = f"the generator was short of time: it used {counted['cpu_share']:.0%} of its core"
    elif not counted["frames"]:
        failed = "no state message arrived"
    if counted["closed"]:
        warnings.append(f"{counted['closed']} clients were closed")
    if counted["short_states"] > counted["frames"] / 100:
        warnings.append(f"{counted['short_states']} state messages were too short to hold all players")
    if counted["inputs_blocked"]:
        warnings.append(f"{counted['inputs_blocked']} inputs found the socket full")
    if elsewhere > DISTURBED_SHARE:
        warnings.append(f"disturbed: other work took {elsewhere:.0%} of a core")
    return Row(
        peer=peer.name,
        workload=workload.name,
        clients=clients,
        cpu_us_a_client_tick=cpu_share * seconds / max(1, counted["frames"]) * 1e6,
        cpu_share=cpu_share,
        frames_a_second=frames_a_second,
        frames_a_second_p1=p1,
        gap_p50_ms=counted["gap_ms"]["p50"],
        gap_p99_ms=counted["gap_ms"]["p99"],
        gap_max_ms=counted["gap_ms"]["max"],
        bytes_a_frame=counted["size_p50"],
        memory_a_connection_bytes=memory,
        generator_share=counted["cpu_share"],
        elsewhere_share=elsewhere,
        generator=counted,
        void=void,
        failed=failed,
        warnings=warnings,
    )


def verify(peer: Peer, machine: Machine) -> str:
    """Let two rooms of ten run for a moment and read what a client received; returns a complaint or an empty text."""
    workload, dump = Workload(2, 10), BUILD / f"{peer.name}.dump"
    row = measure(peer, workload, machine, dump)
    if row.trouble:
        return row.trouble
    return peer.verify(dump, workload).complaint(workload.seats)
