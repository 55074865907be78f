"""The benchmark's own parts: what it compares, judges, searches and draws; and the generator against the C floor."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from attrs import asdict, evolve

from tests.bench import chart, comparison, perf, profile, report, servers
from tests.bench.__main__ import make_options, make_parser, why_not_here
from tests.bench.comparison import OURS, summarise
from tests.bench.decode import Verdict, judge
from tests.bench.plan import Client, Plan, binary, text
from tests.bench.profile import Parts, Profile
from tests.bench.rows import Machine, Row, measure, verify
from tests.bench.run import size_peers, standard_peers
from tests.bench.search import held_text, most_clients
from tests.bench.workloads import Timing, Workload

ROW = Row("floor", "50x10", 500, cpu_us_a_client_tick=10.0, frames_a_second=20.0, frames_a_second_p1=20.0)


def test_reads_a_workload():
    """`50x10` is fifty rooms of ten."""
    assert Workload(50, 10) == Workload.parse("50x10")
    assert 500 == Workload.parse("50x10").clients


@pytest.mark.parametrize("name", ["", "x", "50", "50x", "0x10", "-1x5", "5x1x1", "axb"])
def test_refuses_what_is_no_workload(name):
    """Anything else is refused with the right form in the message."""
    with pytest.raises(ValueError, match="ROOMSxCLIENTS"):
        Workload.parse(name)


def test_refuses_unknown_peers():
    """A peer that does not exist is named together with those that do."""
    with pytest.raises(ValueError, match="no peer is named nosuch; there are floor"):
        make_options(make_parser().parse_args(["--peers", "ws,nosuch"]))


def test_server_and_generator_do_not_share_a_core():
    """One core for both would measure the scheduler."""
    assert "must not share" in why_not_here(Machine(0, 0, 9290, Timing()))


def test_a_plan_has_one_line_a_client(tmp_path):
    """The plan file is what generator.c reads."""
    plan = Plan(
        [Client("/ws", text("hi"))], [binary(b"\x01\x00")], [binary(b"\x02")], 9, ("le32", 1), returned="le32 5"
    )
    plan.write(tmp_path / "plan", 9290, 20)
    assert [
        "host 127.0.0.1",
        "port 9290",
        "join_timeout_s 20",
        "input bin 0100",
        "sequence le32 1",
        "state bin 02",
        "state_bytes_min 9",
        "returned le32 5",
        "client /ws text 6869",
    ] == (tmp_path / "plan").read_text().splitlines()


# ---- judging ----


def test_ratios_are_of_medians_to_this_server():
    """Three runs, one of them noisy: the median counts, the spread is kept."""
    rows = [evolve(ROW, cpu_us_a_client_tick=value) for value in (10.0, 90.0, 12.0)]
    ours = [evolve(ROW, peer=OURS, cpu_us_a_client_tick=6.0)]
    floor = summarise(rows + ours)[0]
    assert 12.0 == floor.medians["cpu_us_a_client_tick"]
    assert 2.0 == floor.ratios["cpu_us_a_client_tick"]
    assert (10.0, 90.0) == (floor.lowest["cpu_us_a_client_tick"], floor.highest["cpu_us_a_client_tick"])


def test_a_void_row_is_kept_and_does_not_count():
    """A row of a generator that was short of time stays out of the medians, and its reason stays in."""
    (summary,) = summarise([ROW, evolve(ROW, cpu_us_a_client_tick=99.0, void="short of time")])
    assert (1, 1, 10.0) == (summary.runs, summary.void, summary.medians["cpu_us_a_client_tick"])
    assert ["short of time"] == summary.notes


def test_a_server_without_figures_is_shown_with_the_reason():
    """What failed is in the table, by name."""
    table = report.workload_table(summarise([evolve(ROW, failed="it ended with code 1")]), {"floor": "C floor"})
    assert "C floor" in table
    assert "it ended with code 1" in table


def test_holding_means_19_of_20_frames_for_99_of_100_clients():
    """The mean may look well while some clients starve."""
    assert evolve(ROW, frames_a_second_p1=19.0).held
    assert not evolve(ROW, frames_a_second=19.9, frames_a_second_p1=18.9).held
    assert not evolve(ROW, void="short of time").held


def test_a_target_that_was_not_measured_is_neither_reached_nor_missed():
    """Nothing was measured, so nothing is claimed."""
    assert {None} == {target.reached for target in comparison.targets([], {}, {}, {})}


def test_targets_compare_with_the_peers():
    """A third of Colyseus' CPU time reaches the half that is asked for; 1.6 times the floor misses 1.5."""
    rows = [
        evolve(ROW, peer=name, cpu_us_a_client_tick=value)
        for name, value in ((OURS, 16.0), ("colyseus", 48.0), ("floor", 10.0))
    ]
    found = {target.what: target.reached for target in comparison.targets(summarise(rows), {}, {}, {})}
    assert found["CPU a client-tick, 50x10, to colyseus"] is True
    assert found["CPU a client-tick, 50x10, to floor"] is False


@pytest.mark.parametrize(
    ("verdict", "complaint"),
    [
        (Verdict(10, 10, 1.0, 7), ""),
        (Verdict(10, 9, 1.0, 7), "a state has 9 players where 10 were expected"),
        (Verdict(10, 10, 0.5, 7), "only 50% of the positions change from state to state"),
        (Verdict(10, 10, 1.0, 0), "the sequence number does not return"),
    ],
)
def test_says_what_is_not_the_workload(verdict, complaint):
    """Missing players, standing players and lost sequence numbers are each named."""
    assert complaint == verdict.complaint(10)


def test_moving_means_both_coordinates_change():
    """An entity that moves along one axis only is smaller on the wire than the workload."""
    assert 1.0 == judge([{1: (0, 0)}, {1: (1, 1)}, {1: (2, 2)}, {1: (3, 3)}], 1).moved_share
    assert 0.0 == judge([{1: (0, 0)}, {1: (1, 0)}, {1: (2, 0)}, {1: (3, 0)}], 1).moved_share


# ---- searching ----


@pytest.mark.parametrize("capacity", [40, 260, 1000, 1730, 2950])
@pytest.mark.parametrize("guess", [100, 1000, 4000])
def test_finds_the_capacity_from_any_guess(capacity, guess):
    """What is found is held, and a tenth more is not (or a step more, where a tenth is less than that)."""
    found = most_clients(lambda clients: clients <= capacity, guess, 5000, tries_max=20)
    assert found.clients <= capacity
    assert capacity < max(found.clients * 1.1, found.clients + 50)


def test_says_when_the_generator_ended_the_search():
    """Beyond what the generator can do nothing is known about the server."""
    found = most_clients(lambda clients: None if clients > 2000 else True, 1500, 5000, tries_max=20)
    assert found.limited_by_generator
    assert 1850 <= found.clients <= 2000


def test_says_when_all_that_was_tried_was_held():
    """The bound of the search is no figure of the server's."""
    found = asdict(most_clients(lambda clients: True, 1500, 5000, tries_max=20))
    assert "at least 5,000" == held_text(found)
    assert "2,950" == held_text(asdict(most_clients(lambda clients: clients <= 2950, 2950, 5000, tries_max=20)))


# ---- drawing ----


def test_the_chart_is_self_contained():
    """No script, and nothing from elsewhere."""
    panel = chart.summary_panel(
        "CPU", "less is better", summarise([ROW]), {"floor": "C <floor>"}, "cpu_us_a_client_tick"
    )
    page = chart.draw_page([panel], ["a fact"])
    assert "C &lt;floor&gt;" in page
    assert not [word for word in ("<script", "http:", "https:", "src=", "@import", "url(") if word in page]


def test_every_peer_has_a_name_of_its_own():
    """Rows are told apart by name."""
    names = [peer.name for peer in [*standard_peers(), *size_peers()]]
    assert sorted(set(names)) == sorted(names)


# ---- profiling ----

SCRIPT = """
        ffffffff81a1 tcp_v4_rcv ([kernel.kallsyms])
        ffffffff81a2 tcp_sendmsg_locked ([kernel.kallsyms])
        ffffffff81a3 __x64_sys_sendto ([kernel.kallsyms])
        ffffffff81a4 do_syscall_64 ([kernel.kallsyms])
            7f000001 __libc_send (/usr/lib/x86_64-linux-gnu/libc.so.6)

        ffffffff81b1 tcp_v4_rcv ([kernel.kallsyms])
        ffffffff81b2 asm_sysvec_apic_timer_interrupt ([kernel.kallsyms])
        ffffffff81b3 __x64_sys_sendto ([kernel.kallsyms])

        ffffffff81c1 entry_SYSCALL_64 ([kernel.kallsyms])

        ffffffff81d1 tcp_recvmsg_locked ([kernel.kallsyms])
        ffffffff81d2 vfs_read ([kernel.kallsyms])
        ffffffff81d3 do_syscall_64 ([kernel.kallsyms])

            55d10001 _PyEval_EvalFrameDefault (/usr/bin/python3.11)

"""


def test_a_sample_in_the_kernel_belongs_to_its_system_call():
    """Receiving inside a send is part of the send; what interrupts it is not."""
    samples = list(perf.parse_samples(SCRIPT.splitlines(keepends=True)))
    expected = [perf.SEND, perf.INTERRUPT, perf.ENTRY, perf.RECEIVE, perf.EVALUATION]
    assert expected == [perf.category_of(sample) for sample in samples]


@pytest.mark.parametrize(
    ("symbol", "file", "category"),
    [
        ("nf_hook_slow", "[nf_tables]", perf.ENTRY),
        ("[unknown]", "[unknown]", perf.UNKNOWN),
        ("clock_gettime", "[vdso]", perf.LIBC),
        ("__memmove_avx_unaligned_erms", "/usr/lib/x86_64-linux-gnu/libc.so.6", perf.LIBC),
        ("_PyObject_Malloc", "/usr/lib/libpython3.11.so.1.0", perf.ALLOCATION),
        ("unicode_dealloc", "/usr/bin/python3.11", perf.ALLOCATION),
        ("PyDict_GetItem", "/usr/bin/python3.11", perf.OBJECTS),
        ("sock_recv", "/usr/lib/python3.11/lib-dynload/_socket.cpython-311-x86_64-linux-gnu.so", perf.MODULES),
        ("websocket_mask", "/venv/lib/python3.11/site-packages/tornado/speedups.abi3.so", perf.HELPERS),
        ("v8::internal::Scavenger::Process()", "/opt/node", perf.ENGINE_GARBAGE),
        ("uv__read", "/opt/node", perf.ENGINE),
        ("[unknown]", "/tmp/perf-12.map", perf.SCRIPT),
        ("step_due", "/build/bench/floor", perf.OWN),
        ("receive_all", "/venv/lib/python3.11/site-packages/game_server_wire.cpython-311.so", perf.OWN),
    ],
)
def test_a_sample_in_a_program_belongs_to_its_file_and_function(symbol, file, category):
    """Interpreter, allocation and C helpers are told apart, in CPython and in Node."""
    assert category == perf.category_of([perf.Frame(symbol, file)])


def test_the_parts_of_a_profile_add_up():
    """To the total that was measured without perf, the median of the repeats."""
    shares = {perf.SEND: 0.5, perf.EVALUATION: 0.3, perf.OBJECTS: 0.2}
    profiles = [
        Profile(evolve(ROW, cpu_us_a_client_tick=cost_us), ROW, 1000, {**shares, perf.SEND: send}, {})
        for cost_us, send in ((10.0, 0.5), (12.0, 0.7), (11.0, 0.4))
    ]
    parts = Parts.of(profiles)
    assert 11.0 == parts.total_us == pytest.approx(parts.kernel_us + parts.program_us)
    assert 5.5 == pytest.approx(parts.kernel_us)


def test_says_what_a_peer_leaves_to_be_beaten():
    """What is asked for, less what this server spends in the kernel, is all that the rest may cost."""
    ours, floor = (Parts(total_us, {**dict.fromkeys(perf.CATEGORIES, 0.0), perf.SEND: 5.0}) for total_us in (14.0, 8.0))
    first, second = profile.conclusions({"floor": floor, OURS: ours}, {"floor": 1.5})
    assert "This server spends 5.00 us in the kernel and 9.00 outside it." == first
    assert "costs 1.75 x that, and would cost 0.62 x if" in second
    assert second.endswith("; 1.5 x leaves 7.00 us for all that.")


def test_says_what_perf_wants(tmp_path, monkeypatch, capsys):
    """Where perf is missing the command ends with where to get it."""
    monkeypatch.setattr("tests.bench.profile.why_not_here", lambda machine: "")
    monkeypatch.setattr("tests.bench.profile.BUILD", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        profile.main([])
    assert 2 == ended.value.code
    assert "perf is not on the path: Debian has it in linux-perf" in capsys.readouterr().err


# ---- for real ----


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pins processes and reads /proc")
@pytest.mark.skipif(not shutil.which("cc"), reason="wants a C compiler")
@pytest.mark.parametrize("flags", [(), ("tick",)])
def test_the_generator_measures_the_floor(flags, free_port: int, tmp_path: Path):
    """The floor is the workload, each client gets its frames, and the sequence numbers return."""
    cores = sorted(os.sched_getaffinity(0))
    machine = Machine(cores[-1], cores[0], free_port, Timing(warm_up_s=0.1, measure_s=0.5))
    floor = servers.floor(f"floor-test{len(flags)}", "floor", *flags)
    assert verify(floor, machine) == ""
    row = measure(floor, Workload(2, 5), machine, tmp_path / "dump")
    assert (10, 10, 0) == (row.generator["clients"], row.generator["returning"], row.generator["short_states"])
    assert 9 + 4 * 5 == row.bytes_a_frame
    assert row.frames_a_second > 0
