"""What several machines that share a Redis do: python -m tests.bench.machines [--matches 1000] [--pause 30]

    a crowd    quick matches that are asked for at once, over three nodes in turns: how long until all have a seat, how
               many were sent on to another machine, how full the rooms are
    a pause    Redis stopped (SIGSTOP) under play, and going on again: the longest gap between two states of any player,
               how many players had one of over two periods, and how long until a quick match is placed by Redis again

Linux, with redis-server on the path. Three services of one worker each stand for three machines; the players are in
this process, so both sides share its cores.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.crowd import GAP_S, HANDSHAKE, TEXT, Client, play
from tests.client_frames import frame
from tests.cluster.redis_server import RedisServer
from tests.server_process import ROOT

PORT = 18_650
NODES = 3
SEATS = 10
OPTIONS = {"seats": SEATS}
MOVES_MAX = 4


@contextmanager
def node(redis: str, port: int) -> Iterator[None]:
    """Run a service of one worker, as on a machine of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "game_server", "--games", "swarm", "--port", str(port), "--drain-s", "0"]
        command += ["--redis", redis, "--announce-url", f"ws://127.0.0.1:{port}/ws", "--log-level", "error"]
        command += ["--run-dir", f"{folder}/run", "--data-dir", folder, "--rooms-per-s", "5000"]
        command += ["--handshakes-per-s", "5000", "--handshake-burst", "5000", "--dead-after-s", "60"]
        command += ["--backlog-soft-s", "60", "--message-burst", "9000", "--bytes-burst", "10000000"]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline_s = time.monotonic() + 30
            while not is_well(port):
                if time.monotonic() > deadline_s or process.poll() is not None:
                    raise SystemExit(f"no service: {(Path(folder) / 'log').read_text()[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(30)


def is_well(port: int) -> bool:
    """Return whether a service answers that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def machines(count: int) -> Iterator[tuple[RedisServer, list[int]]]:
    """Run a Redis and services that share it; yield it and their ports."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(PORT, Path(folder))
        stack.callback(redis.stop)
        stack.callback(redis.go_on)
        ports = [PORT + 1 + number for number in range(count)]
        for port in ports:
            stack.enter_context(node(redis.url, port))
        time.sleep(2.0)  # all have reported
        yield redis, ports


def crowd(matches: int) -> dict[str, Any]:
    """Ask for many quick matches at once."""
    with machines(NODES) as (_, ports):
        return asyncio.run(seat_all(ports, matches))


async def seat_all(ports: list[int], matches: int) -> dict[str, Any]:
    """Seat players at once; return how it went."""
    kept: list[asyncio.StreamWriter] = []
    started_s = time.perf_counter()
    found = await asyncio.gather(*(seat(ports[number % len(ports)], OPTIONS, kept) for number in range(matches)))
    rooms = Counter(room for room, _, _ in found)
    by_node: dict[str, list[int]] = {}
    for room, taken in rooms.items():
        by_node.setdefault(room.partition("-")[0], []).append(taken)
    # But for one open room a node.
    counted = [taken for each in by_node.values() for taken in sorted(each)[1:]]
    return {
        "matches": matches,
        "all_seated_s": round(max(at_s for _, at_s, _ in found) - started_s, 2),
        "sent_on": sum(moves for _, _, moves in found),
        "rooms": len(rooms),
        "rooms_by_node": sorted(len(each) for each in by_node.values()),
        "not_full": sorted(taken for taken in rooms.values() if taken < SEATS),
        "least_full_but_for_one_a_node": f"{min(counted) / SEATS:.0%}",
    }


async def seat(port: int, options: dict[str, int], kept: list[asyncio.StreamWriter]) -> tuple[str, float, int]:
    """Take a seat wherever one is sent; return the room, when, and how often one was sent on. `kept`: stays open."""
    wish: dict[str, Any] = {"type": "join", "version": 1, "game": "swarm", "options": options}
    for moves in range(1 + MOVES_MAX):
        answer = await first_answer(port, wish, kept)
        if answer["type"] == "welcome":
            return answer["room"], time.perf_counter(), moves
        port, wish["placement"] = port_of(answer), answer["placement"]
    raise SystemExit("sent in a circle")


def port_of(moved: dict[str, Any]) -> int:
    """Return the port that a `moved` names."""
    return int(moved["url"].rpartition(":")[2].partition("/")[0])


async def first_answer(port: int, wish: dict[str, Any], kept: list[asyncio.StreamWriter]) -> dict[str, Any]:
    """Shake hands, say the first message and return its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    kept.append(writer)
    writer.write(HANDSHAKE + frame(TEXT, json.dumps(wish).encode()))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head[:20]:
        raise SystemExit(head.decode())
    first, length = await reader.readexactly(2)
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    payload = await reader.readexactly(length)
    if first & 0x0F == 8:
        raise SystemExit(f"refused: {payload!r}")
    answer: dict[str, Any] = json.loads(payload)
    return answer


def pause(players: int, seconds: float) -> dict[str, Any]:
    """Pause Redis under play."""
    with machines(NODES) as (redis, ports):
        clients = [join(ports[number % NODES]) for number in range(players)]
        play(clients, 2.0, never_lost, lambda: True)
        redis.pause()
        play(clients, seconds, never_lost, lambda: True)
        gaps = [client.gap_max_s for client in clients]
        redis.go_on()
        back_s = time.perf_counter()
        play(clients, 3.0, never_lost, lambda: True)
        after = [client.gap_max_s for client in clients]
        while not asyncio.run(meet(ports)):
            if time.perf_counter() - back_s > 30:
                raise SystemExit("the machines do not find each other again")
        return {
            "players": players,
            "paused_s": seconds,
            "gap_max_ms": round(max(gaps) * 1000, 1),
            "gaps_over_two_periods": sum(1 for gap in gaps if gap > GAP_S),
            "after_gap_max_ms": round(max(after) * 1000, 1),
            "after_gaps_over_two_periods": sum(1 for gap in after if gap > GAP_S),
        }


def join(port: int) -> Client:
    """Take a seat wherever one is sent."""
    wish: dict[str, Any] = {"type": "join", "game": "swarm", "options": OPTIONS}
    for _ in range(1 + MOVES_MAX):
        client = Client(port, **wish)
        if client.welcome["type"] == "welcome":
            return client
        client.close()
        port, wish["placement"] = port_of(client.welcome), client.welcome["placement"]
    raise SystemExit("sent in a circle")


def never_lost(client: Client) -> None:
    """Nobody should be."""
    raise SystemExit(f"a player was lost: {client.welcome['room']}")


async def meet(ports: list[int]) -> bool:
    """Return whether quick matches asked of all machines, one after the other, meet in one room."""
    kept: list[asyncio.StreamWriter] = []
    rooms = [(await seat(port, {"seats": len(ports)}, kept))[0] for port in ports]
    for writer in kept:
        writer.close()
    return len(set(rooms)) == 1


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.machines", description=__doc__.split("\n")[0])
    parser.add_argument("--matches", type=int, default=1000, help="quick matches at once")
    parser.add_argument("--players", type=int, default=200, help="players while Redis is paused")
    parser.add_argument("--pause", type=float, default=30.0, help="seconds that Redis is paused")
    arguments = parser.parse_args()
    print("a crowd", json.dumps(crowd(arguments.matches), indent=2), flush=True)
    print("a pause", json.dumps(pause(arguments.players, arguments.pause), indent=2), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
