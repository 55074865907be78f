"""What several processes behind one port cost: python -m tests.bench.workers [--clients 200] [--seconds 10]

    handed over   CPU a client-tick of players whose sockets were handed to their room's process by the other one,
                  against players whom that process accepted itself; in turns, twice each: equal runs show their spread
    two for one   CPU a client-tick of a service of two workers against one of one, the same number of players
    a death       kill -9 of one of two workers with half of the players: the longest gap between states among the
                  others, how many of them had one of over two periods, and until when all of the dead had a seat again

Linux. The players are in this process (crowd.py); CPU time is the scheduler's count of the servers alone.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from game_server.errors import CloseCode
from tests.bench.crowd import GAP_S, PERIOD_S, Client, Refused, play
from tests.server_process import ROOT

PORT = 18_640
SEATS = 10
SEAT_GONE = CloseCode.SEAT_GONE


@contextmanager
def service(workers: int) -> Iterator[dict[str, int]]:
    """Run a service; yield its workers' process ids by node."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "game_server", "--games", "swarm", "--port", str(PORT), "--drain-s", "0"]
        command += ["--workers", str(workers), "--run-dir", f"{folder}/run", "--data-dir", folder]
        command += ["--log-level", "error", "--exempt-addresses", "127.0.0.1", "--handshakes-per-s", "5000"]
        command += ["--handshake-burst", "5000", "--rooms-per-s", "5000"]
        # While others join, nobody plays yet.
        command += [
            "--dead-after-s",
            "60",
            "--backlog-soft-s",
            "60",
            "--message-burst",
            "9000",
            "--bytes-burst",
            "10000000",
        ]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline_s = time.monotonic() + 30
            while len(pids := workers_now()) < workers:
                if time.monotonic() > deadline_s or process.poll() is not None:
                    raise SystemExit(f"no service: {(Path(folder) / 'log').read_text()[-2000:]}")
                time.sleep(0.1)
            yield pids
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def fetch(path: str) -> str:
    """Return a page of the service; empty while there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def workers_now() -> dict[str, int]:
    """Return the process ids of the workers that answer, by node."""
    found = json.loads(fetch("/healthz") or '{"workers":{}}')["workers"]
    return {node: worker["pid"] for node, worker in found.items() if worker["ok"]}


def cpu_s(pids: Any) -> float:
    """Return the CPU time of processes so far."""
    total_ns = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def handed_by_now() -> int:
    """Return how many connections were handed over so far."""
    found = re.findall(r'hand_overs_total\{outcome="handed",worker="\w+"\} ([\d.]+)', fetch("/metrics"))
    return int(sum(float(number) for number in found))


def join(**wish: Any) -> Client:
    """Take a seat in swarm; in a room of ten unless it says otherwise."""
    return Client(PORT, type="join", game="swarm", **{"options": {"seats": SEATS}, **wish})


def never_lost(client: Client) -> None:
    """Nobody should be."""
    raise SystemExit(f"a player was lost: {client.welcome['room']}")


def cost_us(clients: list[Client], pids: list[int], seconds: float) -> float:
    """Let clients play and return what a client-tick costs the servers, in us of CPU."""
    play(clients, 1.0, never_lost, lambda: True)
    before_s = cpu_s(pids)
    started_s = time.perf_counter()
    play(clients, seconds, never_lost, lambda: True)
    ticks = (time.perf_counter() - started_s) / PERIOD_S * len(clients)
    return (cpu_s(pids) - before_s) / ticks * 1e6


def handed_over(count: int, seconds: float) -> dict[str, Any]:
    """Compare handed sockets with accepted ones, in turns."""
    costs: dict[bool, list[float]] = {True: [], False: []}
    with service(2) as pids:
        bytes_elsewhere = []
        for is_handed in (False, True, False, True):
            host = join(create=True, options={"seats": 1000})
            other = next(node for node in pids if node != host.node)
            clients = [host]
            while len(clients) <= count:
                before = handed_by_now()
                guest = Client(PORT, type="join", game="swarm", room=host.welcome["room"])
                if (handed_by_now() > before) == is_handed:
                    clients.append(guest)
                else:
                    guest.leave()
            others_before = payload_bytes(other)
            costs[is_handed].append(cost_us(clients, [pids[host.node]], seconds))
            bytes_elsewhere.append(payload_bytes(other) - others_before)
            for client in clients:
                client.leave()
    handed, own = costs[True], costs[False]
    return {
        "accepted_us": own,
        "handed_us": handed,
        "ratio": sum(handed) / sum(own),
        "spread_of_equal_runs": max(max(each) / min(each) for each in (handed, own)),
        "bytes_through_the_other_process": sum(bytes_elsewhere),
    }


def payload_bytes(node: str) -> int:
    """Return the payload bytes that went in and out of one process so far."""
    found = re.findall(rf'game_server_(?:received|sent)_bytes_total{{worker="{node}"}} ([\d.e+]+)', fetch("/metrics"))
    return int(sum(float(number) for number in found))


def two_for_one(count: int, seconds: float) -> dict[str, Any]:
    """Compare a service of two workers with one of one, in turns."""
    costs: dict[int, list[float]] = {1: [], 2: []}
    for workers in (1, 2, 1, 2):
        with service(workers) as pids:
            clients = [join() for _ in range(count)]
            costs[workers].append(cost_us(clients, list(pids.values()), seconds))
            for client in clients:
                client.close()
    return {"one_us": costs[1], "two_us": costs[2], "ratio": sum(costs[2]) / sum(costs[1])}


def a_death(count: int) -> dict[str, Any]:
    """Kill one of two workers under play. The players who lose theirs are a process of their own: while they come back,
    nobody who is not concerned may wait for them on this side."""
    with service(2) as pids:
        clients = [join() for _ in range(count)]
        play(clients, 2.0, never_lost, lambda: True)
        victim = clients[0].node
        doomed = [client for client in clients if client.node == victim]
        others = [client for client in clients if client.node != victim]
        # A fork has the sockets as they are.
        context = get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=lose_and_come_back, args=(doomed, sender))
        process.start()
        for client in doomed:
            client.socket.close()  # this process' copy
        play(others, 1.0, never_lost, lambda: True)
        killed_s = time.perf_counter()
        os.kill(pids[victim], signal.SIGKILL)
        play(others, 6.0, never_lost, lambda: True)
        back_at_s = receiver.recv()
        process.join()
        gaps = sorted(client.gap_max_s for client in others)
        return {
            "players": len(clients),
            "of_the_dead": len(doomed),
            "others": len(others),
            "gap_max_ms": round(gaps[-1] * 1000, 1),
            "gaps_over_two_periods": sum(1 for gap in gaps if gap > GAP_S),
            "back": len(back_at_s),
            "all_back_s": round(max(back_at_s) - killed_s, 2),
        }


def lose_and_come_back(clients: list[Client], result: Connection) -> None:
    """Play until every connection is lost, and come back each time; tell when each had a seat again."""
    lost: list[Client] = []
    back: list[Client] = []

    def meanwhile() -> bool:
        back.extend(come_back(client) for client in lost[len(back) :])
        return len(back) < len(clients)

    play(clients, 30.0, lost.append, meanwhile)
    result.send([client.joined_s for client in back])


def come_back(client: Client) -> Client:
    """Do as the SDK does: resume, hear that the seat is gone, and join anew."""
    try:
        return Client(PORT, type="resume", token=client.welcome["token"])
    except Refused as refusal:
        if refusal.code != SEAT_GONE:
            raise
    return join()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workers", description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=200, help="players of the comparisons")
    parser.add_argument("--crowd", type=int, default=1000, help="players of the death")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measured window")
    arguments = parser.parse_args()
    for name, measured in (
        ("handed over", lambda: handed_over(min(arguments.clients, 200), arguments.seconds)),
        ("two for one", lambda: two_for_one(arguments.clients, arguments.seconds)),
        ("a death", lambda: a_death(arguments.crowd)),
    ):
        print(name, json.dumps(measured(), indent=2), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
