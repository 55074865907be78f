"""Real load tests against real servers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.e2e.proxy import Proxy
from tests.server_process import ROOT, ServerProcess

TIMEOUT_S = 60
# Half a tick of 50 ms and a little on a quiet machine; the rest is for a busy one.
ACK_MAX_MS = 400


def command(port: int, report: Path, *arguments: str) -> list[str]:
    url = f"ws://127.0.0.1:{port}/ws"
    always = ["--game", "swarm", "--url", url, "--json", str(report), "--ramp-s", "0.2"]
    return [sys.executable, "-u", "-m", "loadtest", *always, *arguments]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def load(port: int, tmp_path: Path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Run a load test; return its exit code, what it printed, and its report."""
    report = tmp_path / "report.json"
    run = subprocess.run(
        command(port, report, *arguments),
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    return run.returncode, run.stdout, json.loads(report.read_text())


@contextmanager
def started(arguments: list[str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return
    pytest.fail(f"ended without printing {word!r}")


@pytest.mark.parametrize(("codec", "frame_bytes"), [("binary", (40, 60)), ("json", (300, 700))])
def test_a_run_reports_plausible_figures(
    server: ServerProcess, tmp_path: Path, codec: str, frame_bytes: tuple[int, int]
) -> None:
    """Bots fill the rooms evenly, get the game's rate of states, and have their inputs acknowledged within ticks."""
    code, output, report = load(
        server.port, tmp_path, "--clients", "20", "--rooms", "2", "--duration", "2", "--codec", codec,
        "--threshold", "connected>=20", "--threshold", "errors<1",
    )  # fmt: skip

    named = report["figures"]
    assert (0, {}, {}) == (code, report["errors"], report["closes"]), output
    assert (20, 2) == (named["connected"], named["rooms"])
    assert 18 < named["frames_per_s"] < 22
    assert frame_bytes[0] < named["bytes_per_frame"] < frame_bytes[1]  # ten movers
    assert 10 < named["ack_p50"] < ACK_MAX_MS
    assert 0 <= named["age_p50"] <= named["ack_p99"]
    assert 30 < named["gap_mean"] < 70
    assert 0 < named["generator_cpu"] < 1
    assert output.index("pass connected >= 20") < output.index("input to ack") < output.index("generator:")


def load_near_and_far(near_port: int, far_port: int, tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run two load tests at once, so that what else the machine does falls on both; return their reports."""
    near, far = tmp_path / "near.json", tmp_path / "far.json"
    arguments = ("--clients", "16", "--rooms", "2", "--duration", "3")
    with (
        started(command(near_port, near, *arguments)) as near_run,
        started(command(far_port, far, *arguments)) as far_run,
    ):
        near_run.communicate(timeout=TIMEOUT_S)
        far_run.communicate(timeout=TIMEOUT_S)
    return json.loads(near.read_text()), json.loads(far.read_text())


def test_a_slow_network_shows_in_latency_by_its_delay(server: ServerProcess, tmp_path: Path) -> None:
    """200 ms each way add 400 ms to input-to-ack and 200 to the snapshot's age, within a tenth."""
    proxy = Proxy(server.port, delay_ms=200)
    try:
        near, far = load_near_and_far(server.port, proxy.port, tmp_path)
        for _ in range(2):
            # A run that says itself that this machine was too busy to measure is not evidence.
            if near["generator_was_the_limit"] or far["generator_was_the_limit"]:
                near, far = load_near_and_far(server.port, proxy.port, tmp_path)
    finally:
        proxy.close()

    added = {name: far["figures"][name] - near["figures"][name] for name in ("ack_p50", "age_p50")}
    assert {"ack_p50": 400, "age_p50": 200} == pytest.approx(added, rel=0.1)
    assert 18 < far["figures"]["frames_per_s"] < 22


def test_a_threshold_that_fails_ends_with_99(server: ServerProcess, tmp_path: Path) -> None:
    """A failed threshold is the first thing said, with what was measured, and the exit code tells a script."""
    code, output, report = load(
        server.port, tmp_path, "--clients", "4", "--duration", "0.5", "--threshold", "ack_p99<0.001"
    )

    assert 99 == code, output
    assert "FAIL ack_p99 < 0.001, measured" in output
    assert [False] == [threshold["passed"] for threshold in report["thresholds"]]


def test_nobody_there_is_an_error_in_words(free_port: int, tmp_path: Path) -> None:
    """Where nothing listens, every client's error is counted by kind, and the exit code is 1."""
    code, output, report = load(free_port, tmp_path, "--clients", "3", "--duration", "1")

    assert 1 == code
    assert {"connect: Connection refused": 3} == report["errors"]
    assert f"nobody could play at ws://127.0.0.1:{free_port}/ws" in output


def test_a_refused_seat_is_counted_by_its_close_code(server: ServerProcess, tmp_path: Path) -> None:
    """Clients beyond a room's seats are closed as the server says, and the others play on."""
    code, output, report = load(
        server.port, tmp_path, "--clients", "4", "--rooms", "1", "--options", '{"seats": 3}', "--duration", "0.5"
    )

    assert 0 == code, output
    assert {"4005 room_full": 1} == report["closes"]
    assert 3 == report["figures"]["connected"]


def test_a_network_that_cuts_connections_is_borne(server: ServerProcess, tmp_path: Path) -> None:
    """Under network conditions with cuts every client resumes its seat after each, and no close is counted."""
    code, output, report = load(
        server.port, tmp_path, "--clients", "4", "--warmup", "0.2", "--duration", "3", "--net", "drop:100/700,delay:10"
    )

    named = report["figures"]
    assert (0, {}, {}) == (code, report["errors"], report["closes"]), output
    assert named["drops"] >= 8
    assert abs(named["drops"] - named["resumes"]) <= 4  # one each at the measured time's start and end
    assert "drop:100/700,delay:10" == report["options"]["net"]


LATECOMERS = """
from loadtest.scenario import Behaviour, Scenario

SCENARIO = Scenario(behaviours=[Behaviour("late", drop_every_s=0.5, away_s=1)])
"""


@pytest.mark.server_args("--seat-hold-s", "0.2")
def test_clients_whose_seats_are_gone_join_anew(server: ServerProcess, tmp_path: Path) -> None:
    """Clients that come back too late hear so, take new seats by themselves and play on; no place stays empty."""
    scenario = tmp_path / "latecomers.py"
    scenario.write_text(LATECOMERS)
    code, output, report = load(
        server.port, tmp_path, "--clients", "4", "--warmup", "0.2", "--duration", "4", "--scenario", str(scenario)
    )

    named = report["figures"]
    assert (0, {}) == (code, report["errors"]), output
    assert {"4015 seat_gone"} == set(report["closes"]), output
    assert named["drops"] >= 8
    assert named["joins"] >= 4
    assert 0 == named["resumes"]


@pytest.mark.server_args("--exempt-addresses", "192.0.2.1", "--connections-address-max", "3")
def test_limits_by_address_are_explained(server: ServerProcess, tmp_path: Path) -> None:
    """Where the server refuses clients for coming from one address, the report says what to do about it."""
    _, output, report = load(server.port, tmp_path, "--clients", "4", "--duration", "0.5")

    assert {"4017 server_full": 1} == report["closes"], output
    assert "--exempt-addresses" in output


def test_bots_that_do_not_decode_send_all_the_same(server: ServerProcess, tmp_path: Path) -> None:
    """With a decode share of a quarter, everybody sends and is acknowledged, and the report says who decoded."""
    code, output, report = load(
        server.port, tmp_path, "--clients", "8", "--rooms", "1", "--duration", "1", "--decode-share", "0.25"
    )

    assert (0, {}) == (code, report["errors"]), output
    assert "states were taken apart by 25% of the clients" in output
    assert report["figures"]["inputs"] > 8 * 20 * 0.8
    assert 10 < report["figures"]["ack_p50"] < ACK_MAX_MS


def test_the_limit_is_found(server: ServerProcess, tmp_path: Path) -> None:
    """The search raises the clients until a threshold breaks, tries once more, closes in, and says which most held."""
    code, output, report = load(
        server.port, tmp_path, "--find-limit", "--clients", "2", "--rooms", "1", "--clients-max", "6",
        "--duration", "0.3", "--warmup", "0.5", "--threshold", "clients<=5",
    )  # fmt: skip

    tried = [(step["clients"], step["held"]) for step in report["search"]["steps"]]
    assert [(2, True), (4, True), (6, False), (6, False), (5, True)] == tried, output
    assert (0, 5, 6) == (code, report["search"]["held"], report["search"]["broke"])
    assert (5, 2) == (report["figures"]["connected"], report["figures"]["rooms"])
    assert "the limit: 5 clients held; 6 broke clients <= 5: 6" in output
    times_s = [point["end_s"] for point in report["timeline"]]
    assert times_s == sorted(times_s)  # one run behind the other


def test_a_stall_of_the_server_is_not_hidden(server: ServerProcess, tmp_path: Path) -> None:
    """A server that stands still for a second delays every input due in that second, not only the one it had next."""
    report = tmp_path / "report.json"
    with started(command(server.port, report, "--clients", "4", "--duration", "3", "--metrics", "off")) as process:
        read_until(process, "measure")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            time.sleep(1)  # not to synchronise: this is the stall
        finally:
            os.kill(server.pid, signal.SIGCONT)
        output, _ = process.communicate(timeout=TIMEOUT_S)

    named = json.loads(report.read_text())["figures"]
    # Of 3 s of inputs one second's waited from 1 s down to 0: a sixth for over half a second, one in 20 for 0.85 s.
    assert named["ack_p95"] > 600, output
    assert named["ack_max"] > 900
    assert named["ack_mean"] > 100


#: runs a program in a terminal of its own; what is written to this one's input are the keys pressed there
IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def test_a_terminal_shows_a_table_and_takes_ctrl_c(server: ServerProcess, tmp_path: Path) -> None:
    """On a terminal the run shows itself in place, with charts; Ctrl-C ends all its processes and it reports."""
    report = tmp_path / "report.json"
    arguments = command(server.port, report, "--clients", "4", "--duration", "60", "--processes", "2")
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, *arguments],
        env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        live = ""
        while "measure" not in live:
            read = os.read(process.stdout.fileno(), 65_536)
            assert read, live
            live += read.decode(errors="replace")
        process.stdin.write(b"\x03")
        process.stdin.flush()
        rest, _ = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.communicate()

    assert 105 == process.returncode, live + rest.decode()
    assert json.loads(report.read_text())["aborted"]
    for words in ("players", "━", "ack p99", "Ctrl-C ends the run and reports"):
        assert words in live
    assert "input to ack" in rest.decode()


def test_ctrl_c_still_reports(server: ServerProcess, tmp_path: Path) -> None:
    """An interrupted run reports what it had measured, and ends with 105."""
    report = tmp_path / "report.json"
    with started(command(server.port, report, "--clients", "4", "--duration", "60")) as process:
        read_until(process, "measure")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=TIMEOUT_S)

    assert 105 == process.returncode, output
    assert json.loads(report.read_text())["aborted"]
    assert "aborted" in output
    assert "input to ack" in output


def test_a_server_that_goes_away_is_reported(start_server: StartServer, tmp_path: Path) -> None:
    """Closes in the middle of a run are counted by the code's name, and the run still reports."""
    server, report = start_server(), tmp_path / "report.json"
    with started(command(server.port, report, "--clients", "4", "--duration", "4")) as process:
        read_until(process, "measure")
        server.kill()
        output, _ = process.communicate(timeout=TIMEOUT_S)

    assert {"1006 abnormal": 4} == json.loads(report.read_text())["closes"], output
