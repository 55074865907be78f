"""A browser under a clock that the test holds: a Node process that runs the real SDK, and does one thing at a time.

Knows how to talk to tests/netcode/player.js; knows nothing of rooms or of the network between.
"""

import base64
import json
import subprocess
from types import TracebackType
from typing import Any

from tests.server_process import ROOT


class Browser:
    """One client.

    Args:
        seed: of its random.
        offset_ms: its clock against the true one at the start.
        drift: how much faster than the true one its clock runs, as a share.
        pilot: "marksman" for one who steers by the picture; else inputs come from outside.
    """

    def __init__(self, seed: int, offset_ms: float, drift: float, pilot: str = "") -> None:
        self.offset_ms, self.drift = offset_ms, drift
        #: when its timer is due next, in true ms; None: it has none
        self.timer_ms: float | None = None
        self.corrections: list[dict[str, Any]] = []
        self._node = subprocess.Popen(
            ["node", "--import", "./tests/js/static_urls.js", "tests/netcode/player.js", str(seed), pilot],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.close()
        self._node.stdout.close()
        self._node.wait(10)

    def own_ms(self, true_ms: float) -> float:
        """Return what its clock shows."""
        return true_ms * (1 + self.drift) + self.offset_ms

    def happens(self, true_ms: float, what: str, **more: Any) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Let something happen; return what the client sent, and what its picture shows if this was a frame."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps({"now": self.own_ms(true_ms), "happens": what, **more}) + "\n")
        self._node.stdin.flush()
        answer = self._node.stdout.readline()
        if not answer:
            raise RuntimeError(f"the browser has ended at {true_ms:.1f} ms, when {what}")
        line = json.loads(answer)
        timer = line["timer"]
        self.timer_ms = None if timer is None else (timer - self.offset_ms) / (1 + self.drift)
        self.corrections += ({**each, "at_ms": true_ms} for each in line["corrections"])
        return line["sent"], line["shown"]

    def receives(self, true_ms: float, frame: str | bytes) -> list[dict[str, Any]]:
        """Hand it one frame from the server."""
        if isinstance(frame, str):
            return self.happens(true_ms, "text", data=frame)[0]
        return self.happens(true_ms, "bytes", data=base64.b64encode(frame).decode())[0]


def payload(sent: dict[str, Any]) -> str | bytes | None:
    """Return the frame that a client sent; None when it opened or closed a socket instead."""
    if "text" in sent:
        return str(sent["text"])
    return base64.b64decode(sent["bytes"]) if "bytes" in sent else None
