"""What admins did: a file of JSON lines that is only ever appended to, a log line, and the newest ones for the page.

The file is opened for each line, so that it may be rotated or moved at any time, and only its owner may read it. All
processes of a machine write to the same one and read what the others wrote (`refresh`), so each page shows the acts of
all. A line that cannot be written is logged as an error; the act itself is not undone. Knows files; knows nothing of
acts.
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
#: read at most so much at once; of a longer file the end
TAIL_BYTES = 65_536
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Audit:
    """The record of one machine.

    Args:
        path: of the file; its folder is made when there is something to write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown: deque[dict[str, Any]] = deque(maxlen=SHOWN_MAX)
        #: how many were added, so that a reader sees whether there are new ones
        self.count = 0
        #: which file was read, and up to where
        self._file, self._read_bytes = 0, 0
        self.refresh()

    def add(self, admin: Admin, act: str, result: str, ok: bool = True, asked: Mapping[str, Any] = NOTHING) -> None:
        """Record an act: who, what was asked, how it went."""
        now = time.time()
        who = {"by": admin.name, "role": admin.role.value, "address": admin.address}
        log.info("admin_act", act=act, **asked, ok=ok, result=result, **who)
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        if self._append({"at": at, "act": act, **asked, "ok": ok, "result": result, **who}):
            self.refresh()
        else:
            self._show({"at_unix_s": round(now), "by": admin.name, "act": act, "text": result, "ok": ok})

    def _show(self, row: dict[str, Any]) -> None:
        self.count += 1
        self.shown.appendleft(row)

    def _append(self, line: dict[str, Any]) -> bool:
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
            return False
        return True

    def refresh(self) -> None:
        """Take in what was written since the last look, by this process or another, earlier ones included."""
        try:
            found = self.path.stat()
            if (found.st_ino, found.st_size) == (self._file, self._read_bytes):
                return
            begin = self._read_bytes if found.st_ino == self._file and found.st_size > self._read_bytes else 0
            begin = max(begin, found.st_size - TAIL_BYTES)
            with self.path.open("rb") as file:
                file.seek(begin)
                data = file.read(found.st_size - begin)
        except OSError:
            return
        # A line of which only a part is there is read again with its rest.
        whole = data[: data.rfind(b"\n") + 1]
        self._file, self._read_bytes = found.st_ino, begin + len(whole)
        for line in whole.splitlines()[-SHOWN_MAX:]:
            row = _row_of(line)
            if row is not None:
                self._show(row)


def _row_of(line: bytes) -> dict[str, Any] | None:
    """Return what the page shows of a line; None for one cut short by a full disk, or by the start of the tail."""
    try:
        entry = ujson.loads(line)
        at_unix_s = round(datetime.fromisoformat(entry["at"]).timestamp())
        return {
            "at_unix_s": at_unix_s,
            "text": str(entry["result"]),
            **{key: entry[key] for key in ("by", "act", "ok")},
        }
    except (ValueError, KeyError, TypeError):
        return None
