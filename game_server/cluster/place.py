"""Where the processes of one service find each other: a folder with a socket for each, and who they are.

    supervisor.sock       takes reports, gives placements
    NODE.sock             a worker's letters

The folder is private to its user. What stands here outlives the supervisor, so a new one finds the workers of the old.
"""

import os
import tempfile
from pathlib import Path

import attrs
import ujson

#: in a worker's environment: what its supervisor gave it
WORKER_VARIABLE = "GAME_SERVER_WORKER"
SUPERVISOR = "supervisor.sock"


@attrs.frozen
class WorkerPlace:
    """What a worker is given by its supervisor."""

    node: str
    folder: Path
    #: inherited listening sockets
    descriptors: tuple[int, ...]

    def siblings(self) -> list[str]:
        """Return the other workers of this machine that have a socket."""
        return [node for node in nodes_in(self.folder) if node != self.node]

    def as_text(self) -> str:
        """Return it for the environment."""
        return ujson.dumps({"node": self.node, "folder": str(self.folder), "descriptors": self.descriptors})

    @classmethod
    def from_environment(cls) -> "WorkerPlace | None":
        """Return this process's place, or None when it is no worker; programs that it starts are none."""
        text = os.environ.pop(WORKER_VARIABLE, "")
        if not text:
            return None
        values = ujson.loads(text)
        return cls(values["node"], Path(values["folder"]), tuple(values["descriptors"]))


def folder_of(port: int, wanted: Path | None) -> Path:
    """Return the folder of the service at a port, made if need be; only its user may look into it."""
    # A Unix socket's path has at most 107 bytes (unix(7)): data folders may lie too deep.
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = wanted or base / f"game-server-{os.getuid()}-{port}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def socket_of(folder: Path, node: str) -> Path:
    """Return where a worker gets its letters."""
    return folder / f"{node}.sock"


def nodes_in(folder: Path) -> list[str]:
    """Return the workers that have a socket here, whether they live or not."""
    return sorted(path.stem for path in folder.glob("*.sock") if path.name != SUPERVISOR)
