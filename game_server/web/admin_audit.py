"""What admins did: a file of JSON lines that is only ever appended to, a log line, and the newest ones for the page.

The file is opened for each line, so that it may be rotated or moved at any time, and only its owner may read it. A
line that cannot be written is logged as an error; the act itself is not undone. Knows files; knows nothing of acts.
"""

import os
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import ujson

from .admin_auth import Admin
from .logs import log

SHOWN_MAX = 50
#: read from the end of the file at the start
TAIL_BYTES = 65_536
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Audit:
    """The record of one server.

    Args:
        path: of the file; its folder is made when there is something to write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown: deque[dict[str, Any]] = deque(self._tail(), maxlen=SHOWN_MAX)
        #: how many were added, so that a reader sees whether there are new ones
        self.count = 0

    def add(self, admin: Admin, act: str, result: str, ok: bool = True, asked: Mapping[str, Any] = NOTHING) -> None:
        """Record an act: who, what was asked, how it went."""
        now = time.time()
        self.count += 1
        self.shown.appendleft({"at_unix_s": round(now), "by": admin.name, "act": act, "text": result, "ok": ok})
        who = {"by": admin.name, "role": admin.role.value, "address": admin.address}
        log.info("admin_act", act=act, **asked, ok=ok, result=result, **who)
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        self._append({"at": at, "act": act, **asked, "ok": ok, "result": result, **who})

    def _append(self, line: dict[str, Any]) -> None:
        text = ujson.dumps(line, ensure_ascii=False, escape_forward_slashes=False, reject_bytes=True)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, text.encode("utf-8", "replace") + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            log.error("audit_failed", path=str(self.path), error=error.strerror)

    def _tail(self) -> list[dict[str, Any]]:
        """Return the newest acts of earlier processes, newest first."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
                lines = file.read().splitlines()
        except OSError:
            return []
        rows = []
        for line in reversed(lines[-SHOWN_MAX:]):
            try:
                entry = ujson.loads(line)
                at = datetime.fromisoformat(entry["at"]).timestamp()
                rows.append({"at_unix_s": round(at), **{key: entry[key] for key in ("by", "act", "ok")}})
                rows[-1]["text"] = str(entry["result"])
            except (ValueError, KeyError, TypeError):
                continue  # cut short by a full disk, or by the start of the tail
        return rows
