"""What the status page costs the server: thread CPU of its own code while thousands play and admins watch.

    python -m tests.bench.admin                              # 2,000 players in 200 rooms, five admins, 15 s
    python -m tests.bench.admin --admins 0                   # sampling alone, with nobody watching

A real server, players over real sockets from a process of the load test, and admins on real feeds: each looks into
another room, one at its live state. The figure is `game_server_status_cpu_seconds_total` over the time measured: CPU
time of the thread, so it does not matter how busy the machine is. Asked for: at most 1 % of a core.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.server_process import ROOT, ServerProcess

SECRET = "bench-bench"
ASKED_PERCENT = 1.0
#: before measuring, with everybody in: the history is told and rates are known
SETTLE_S = 5.0
STATUS_CPU = "game_server_status_cpu_seconds_total"
PROCESS_CPU = "process_cpu_seconds_total"


def figures(url: str) -> dict[str, float]:
    """Return the server's own figures, summed over labels."""
    with urllib.request.urlopen(url + "/metrics") as response:
        families = text_string_to_metric_families(response.read().decode())
    sums: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


async def open_feed(url: str) -> WebSocketClientConnection:
    """Log in and open a feed, as the page does."""
    request = HTTPRequest(f"{url}/admin?secret={SECRET}", follow_redirects=False)
    answer = await AsyncHTTPClient().fetch(request, raise_error=False)
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    address = url.replace("http", "ws", 1) + "/admin/feed"
    return await websocket_connect(HTTPRequest(address, headers={"Cookie": cookie, "Origin": url}))


class Admin:
    """One open page: reads all that it is told, and looks into one room."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self.bytes_in = 0
        self.messages = 0

    @classmethod
    async def begin(cls, url: str, number: int) -> "Admin":
        admin = cls(await open_feed(url))
        hello: dict[str, Any] = {}
        while not hello.get("rooms"):
            message = json.loads(await admin._socket.read_message() or "{}")
            hello = message if message["type"] in ("hello", "update") else {}
        room = sorted(hello["rooms"])[number * 7 % len(hello["rooms"])]
        await admin._socket.write_message(json.dumps({"act": "watch", "room": room, "state": number == 0}))
        return admin

    async def read(self) -> None:
        """Take whatever comes, for ever."""
        while (data := await self._socket.read_message()) is not None:
            self.bytes_in += len(data)
            self.messages += 1


async def wait_for_players(url: str, number: int, load: "subprocess.Popen[bytes]") -> None:
    """Return once all play; raise RuntimeError when the load test has ended instead."""
    while figures(url)["game_server_players"] < number:
        if load.poll() is not None:
            raise RuntimeError(f"the load test ended with {load.returncode}")
        await asyncio.sleep(0.5)


async def measure(url: str, options: argparse.Namespace, load: "subprocess.Popen[bytes]") -> dict[str, float]:
    """Return the shares of a core, and what a page was told, once everybody plays."""
    await wait_for_players(url, options.players, load)
    admins = [await Admin.begin(url, number) for number in range(options.admins)]
    readers = [asyncio.create_task(admin.read()) for admin in admins]
    await asyncio.sleep(SETTLE_S)
    told = [admin.bytes_in for admin in admins]
    before, began_s = figures(url), asyncio.get_running_loop().time()
    await asyncio.sleep(options.duration)
    after, seconds = figures(url), asyncio.get_running_loop().time() - began_s
    bytes_in = sum(admin.bytes_in - then for admin, then in zip(admins, told, strict=True))
    for reader in readers:
        reader.cancel()
    return {
        "status": (after[STATUS_CPU] - before[STATUS_CPU]) / seconds * 100,
        "process": (after[PROCESS_CPU] - before[PROCESS_CPU]) / seconds * 100,
        "players": after["game_server_players"],
        "rooms": after["game_server_rooms"],
        "kilobytes_a_page": bytes_in / seconds / max(options.admins, 1) / 1000,
    }


def main() -> int:
    """Run it and print the figures; return 0 when they are as asked."""
    parser = argparse.ArgumentParser(description="What the status page costs the server.")
    parser.add_argument("--players", type=int, default=2000)
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--admins", type=int, default=5, help="pages that are open; 0: what sampling alone costs")
    parser.add_argument("--duration", type=float, default=15.0, help="seconds measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder), ["--games", "swarm"], {"GAME_SERVER_ADMIN_SECRET": SECRET})
        server.wait_until_ready()
        load = _start_load(server.url, options)
        try:
            found = asyncio.run(measure(server.url, options, load))
        finally:
            load.terminate()
            load.wait()
            server.stop()
    print(f"{found['players']:.0f} players in {found['rooms']:.0f} rooms, {options.admins} admins watching")
    print(f"status code    {found['status']:6.2f} % of a core   (asked: at most {ASKED_PERCENT:g} %)")
    print(f"whole process  {found['process']:6.2f} % of a core")
    print(f"told to a page {found['kilobytes_a_page']:6.1f} kB/s")
    return 0 if found["status"] <= ASKED_PERCENT else 1


def _start_load(url: str, options: argparse.Namespace) -> "subprocess.Popen[bytes]":
    address = url.replace("http", "ws", 1) + "/ws"
    ramp_s = options.players / 200
    arguments = [
        *("--url", address, "--game", "swarm", "--clients", str(options.players), "--rooms", str(options.rooms)),
        *("--ramp-s", str(ramp_s), "--duration", str(ramp_s + 2 * SETTLE_S + options.duration + 60)),
        *("--decode-share", "0.01"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "loadtest", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
