"""The servers that are compared: how each is started, joined, and spoken to.

Every fact about a peer's protocol stands here, in its own server's file under peers/, or in decode.py, which checks
that what it sends is the workload. The generator, the rows and the report know none of them.
"""

import http.client
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import ujson
from attrs import frozen

from tests.bench import decode
from tests.bench.folders import BUILD, REPOSITORY
from tests.bench.generator import compile_program
from tests.bench.install import install, node_program, node_versions, python_of
from tests.bench.plan import Client, Plan, binary, text
from tests.bench.workloads import Workload

# All clients come from one address here; nobody reads the log.
GAME_FLAGS = ["--connections-max", "20000", "--handshakes-per-s", "20000", "--rooms-max", "5000"]
GAME_FLAGS += ["--rooms-per-s", "5000", "--drain-s", "0", "--log-level", "warning", "--data-dir", str(BUILD / "data")]
TORNADO_PATH = ["--transport", "tornado"]  # flags that keep this server's sockets on Tornado's own path
DIRECTIONS = [(dx, dy) for dx in (-1, 1) for dy in (-1, 1)]  # never 0: so x and y of all change every tick, everywhere


@frozen
class Launch:
    """How to start a server: the command, where, and with what in its environment."""

    command: list[str]
    folder: Path
    environment: Mapping[str, str]


@frozen
class Peer:
    """One server of the comparison.

    launch: the port -> how to start it; raises PeerMissing.
    plan: the workload and the port of the running server -> what the generator is told.
    verify: a dump of one client's messages and the workload -> what was in them.
    versions: what was measured, by name.
    """

    name: str
    title: str
    launch: Callable[[int], Launch]
    plan: Callable[[Workload, int], Plan]
    verify: Callable[[Path, Workload], decode.Verdict]
    versions: Callable[[], dict[str, str]]


# ---- the simple binary messages that the floor, ws and stock Tornado share ----


def simple_plan(entity_bytes: int) -> Callable[[Workload, int], Plan]:
    """Return the plan maker for states of 0x02, uint32 tick, uint32 returned, then so many bytes a player."""

    def plan(workload: Workload, port: int) -> Plan:
        return Plan(
            clients=[Client(f"/{number // workload.seats}") for number in range(workload.clients)],
            inputs=[binary(bytes([1, 0, 0, 0, 0, dx & 255, dy & 255])) for dx, dy in DIRECTIONS],
            sequence=("le32", 1),
            states=[binary(b"\x02")],
            state_bytes_min=9 + entity_bytes * workload.seats,
            returned="le32 5",
        )

    return plan


def floor(name: str, title: str, *flags: str) -> Peer:
    """Return the C floor."""

    def versions() -> dict[str, str]:
        compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout.partition("\n")[0]
        return {"compiler": compiler}

    return Peer(
        name,
        title,
        launch=lambda port: Launch([str(compile_program("floor")), str(port), *flags], BUILD, {}),
        plan=simple_plan(entity_bytes=4),
        verify=lambda dump, workload: decode.verify_simple(dump, "<HH"),
        versions=versions,
    )


def tornado_stock() -> Peer:
    """Return stock Tornado: its own WebSocketHandler, nothing else."""
    return Peer(
        "tornado",
        "stock Tornado",
        launch=lambda port: Launch([sys.executable, "server.py", str(port)], install("tornado_stock"), {}),
        plan=simple_plan(entity_bytes=6),
        verify=lambda dump, workload: decode.verify_simple(dump, "<HHH"),
        versions=lambda: {"tornado": importlib.metadata.version("tornado"), "python": platform.python_version()},
    )


# ---- Node ----


def node_launch(folder: str, environment: Mapping[str, str], newest: bool) -> Callable[[int], Launch]:
    """Return what starts a Node peer, in production mode."""

    def launch(port: int) -> Launch:
        node = node_program(newest)
        return Launch(
            [str(node), "server.mjs", str(port)], install(folder, newest), {"NODE_ENV": "production", **environment}
        )

    return launch


def node_peer_versions(folder: str, packages: list[str]) -> Callable[[], dict[str, str]]:
    """Return what reads a Node peer's versions."""

    def versions() -> dict[str, str]:
        node = subprocess.run([str(node_program()), "--version"], capture_output=True, text=True).stdout.strip()
        return {**node_versions(BUILD / folder, packages), "node": node}

    return versions


def bare_ws(newest: bool) -> Peer:
    """Return Node's `ws` with hand-written binary messages."""
    return Peer(
        "ws",
        "Node ws, hand-written binary",
        launch=node_launch("ws", {}, newest),
        plan=simple_plan(entity_bytes=6),
        verify=lambda dump, workload: decode.verify_simple(dump, "<HHH"),
        versions=node_peer_versions("ws", ["ws", "bufferutil"]),
    )


def socketio_plan(workload: Workload, port: int) -> Plan:
    """Speak Engine.IO 4 and Socket.IO 5 by hand: `0` open -> `40` connect, `2` ping -> `3` pong, `42[...]` events."""
    return Plan(
        clients=[
            Client(f"/socket.io/?EIO=4&transport=websocket&room={number // workload.seats}")
            for number in range(workload.clients)
        ],
        inputs=[text(f'42["input",{{"seq":,"dx":{dx},"dy":{dy}}}]') for dx, dy in DIRECTIONS],
        sequence=("decimal", len('42["input",{"seq":')),
        states=[text('42["state"')],
        state_bytes_min=len('42["state",{"tick":1,"players":[]}]') + workload.seats * len("[1,1,1,0],") - 1,
        replies=[(text("0{"), text("40")), (text("2"), text("3"))],
    )


def socketio(newest: bool) -> Peer:
    """Return Socket.IO on Node."""
    return Peer(
        "socketio",
        "Socket.IO on Node",
        launch=node_launch("socketio", {}, newest),
        plan=socketio_plan,
        verify=lambda dump, workload: decode.verify_socketio(dump),
        versions=node_peer_versions("socketio", ["socket.io", "ws", "bufferutil"]),
    )


def python_socketio(newest: bool) -> Peer:
    """Return python-socketio on uvicorn."""

    def launch(port: int) -> Launch:
        folder = install("python_socketio", newest)
        options = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", "--backlog", "4096"]
        return Launch([str(python_of(folder)), "-m", "uvicorn", "server:app", *options], folder, {})

    def versions() -> dict[str, str]:
        code = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
        names = ["python-socketio", "uvicorn", "uvloop", "websockets"]
        python = str(python_of(BUILD / "python_socketio"))
        output = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True).stdout
        return {**ujson.loads(output), "python": platform.python_version()}

    return Peer(
        "python-socketio",
        "python-socketio on uvicorn",
        launch=launch,
        plan=socketio_plan,
        verify=lambda dump, workload: decode.verify_socketio(dump),
        versions=versions,
    )


# ---- Colyseus ----

JOIN_ROOM, ROOM_DATA, ROOM_STATE, ROOM_STATE_PATCH, ROOM_INPUT, TIMED = 10, 13, 14, 15, 19, 0x80


def reserve_seats(workload: Workload, port: int) -> list[Client]:
    """Reserve a seat a client over HTTP, as its SDK does before it connects."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    clients = []
    for number in range(workload.clients):
        options = ujson.dumps({"room": number // workload.seats, "seats": workload.seats})
        connection.request("POST", "/matchmake/joinOrCreate/swarm", options, {"Content-Type": "application/json"})
        seat = ujson.loads(connection.getresponse().read())
        clients.append(Client(f"/{seat['processId']}/{seat['roomId']}?sessionId={seat['sessionId']}"))
    connection.close()
    return clients


def colyseus(name: str, title: str, newest: bool, fields: str, seq: bool, inputs: str) -> Peer:
    """Return Colyseus in one of the variants that its server.mjs describes."""
    timed = TIMED if inputs == "input" else 0
    value_bytes = 2 if fields == "uint16" else 4
    entity_bytes = 2 + 2 * (1 + value_bytes)  # its seq field is absent when no new input came in time

    def plan(workload: Workload, port: int) -> Plan:
        sequence: tuple[Literal["be32"], int] | None
        if inputs == "input":  # schema-encoded: field 0, field 1
            messages = [binary(bytes([ROOM_INPUT, 0x80, dx & 255, 0x81, dy & 255])) for dx, dy in DIRECTIONS]
            sequence = None  # its inputs are numbered by counting them
        else:  # a text type, then MessagePack {seq: uint32, dx, dy}
            head = bytes([ROOM_DATA, 0xA5]) + b"input" + b"\x83\xa3seq\xce"
            messages = [
                binary(head + bytes(4) + b"\xa2dx" + bytes([dx & 255]) + b"\xa2dy" + bytes([dy & 255]))
                for dx, dy in DIRECTIONS
            ]
            sequence = ("be32", len(head))
        return Plan(
            clients=reserve_seats(workload, port),
            inputs=messages,
            sequence=sequence,
            states=[binary(bytes([ROOM_STATE_PATCH | timed])), binary(bytes([ROOM_STATE | timed]))],
            state_bytes_min=1 + (8 if timed else 0) + entity_bytes * workload.seats,
            replies=[(binary(bytes([JOIN_ROOM])), binary(bytes([JOIN_ROOM])))],
            returned="le32 5" if timed else "",
        )

    def verify(dump: Path, workload: Workload) -> decode.Verdict:
        return decode.verify_colyseus(dump, node_program(), BUILD / "colyseus")

    environment = {"FIELDS": fields, "SEQ": str(int(seq)), "INPUT": inputs}
    packages = ["@colyseus/core", "@colyseus/ws-transport", "@colyseus/schema", "ws", "bufferutil"]
    return Peer(
        name,
        title,
        node_launch("colyseus", environment, newest),
        plan,
        verify,
        node_peer_versions("colyseus", packages),
    )


# ---- this server ----


def game(name: str, title: str, precision: str, *flags: str) -> Peer:
    """Return this server with its swarm game."""

    def launch(port: int) -> Launch:
        command = [sys.executable, "-m", "game_server", "--port", str(port), "--host", "127.0.0.1", *GAME_FLAGS, *flags]
        return Launch(command, REPOSITORY, {})

    def plan(workload: Workload, port: int) -> Plan:
        options = {"precision": precision, "seats": workload.seats}
        joins = [
            ujson.dumps({"type": "join", "version": 1, "game": "swarm", "name": f"b{number}", "options": options})
            for number in range(workload.clients)
        ]
        value_bytes = 2 if precision == "fixed" else 4
        return Plan(
            clients=[Client("/ws", text(join)) for join in joins],
            inputs=[binary(bytes([1]) + bytes(10) + bytes([dx & 255, dy & 255])) for dx, dy in DIRECTIONS],
            sequence=("le32", 1),
            ack_offset=5,
            states=[binary(b"\x10"), binary(b"\x12"), binary(b"\x11")],
            state_bytes_min=4 + 2 * value_bytes * workload.seats,
            subprotocol="game.v1.binary",
            returned="game",
        )

    def versions() -> dict[str, str]:
        names = ("tornado", "game-server-wire", "uvloop", "ujson", "numpy")
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True
        )
        return {
            "commit": commit.stdout.strip(),
            **{name: importlib.metadata.version(name) for name in names if has_package(name)},
            "python": platform.python_version(),
        }

    return Peer(name, title, launch, plan, lambda dump, workload: decode.verify_game(dump), versions)


def has_package(name: str) -> bool:
    """Tell whether a distribution is installed."""
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
