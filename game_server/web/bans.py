"""Who may not join for a while: by address, or by the user id that a game's identity gives.

A ban ends by itself. The list is bounded, written to a file at each change and read at the start, so that a restart
does not let anybody back in. Times are Unix time, because a ban outlives the process. Knows files and addresses; knows
nothing of rooms, admins or the page.
"""

import enum
import os
import tempfile
from pathlib import Path
from typing import Any

import attrs
import ujson

from ..errors import GameServerError
from .addresses import group_of

BAN_S_MAX = 365 * 86_400.0
REASON_LEN_MAX = 60


class BanBy(enum.StrEnum):
    """What a ban goes by."""

    ADDRESS = "address"
    USER = "user"


@attrs.frozen
class Ban:
    """One ban. `who` is a network (an address, or an IPv6 subscriber's /64) or a user id."""

    by: BanBy
    who: str
    name: str
    reason: str
    admin: str
    until_unix_s: float

    @property
    def key(self) -> str:
        """What the list is ordered and lifted by."""
        return f"{self.by.value} {self.who}"


class TooManyBans(GameServerError):
    """The list is full."""


class BadBans(GameServerError):
    """The file is no list of bans."""


class Bans:
    """The bans that hold.

    Args:
        path: where they are kept; None keeps them in memory only.
        len_max: most bans at once.
    """

    def __init__(self, path: Path | None, len_max: int) -> None:
        self._path, self.len_max = path, len_max
        self._bans: dict[str, Ban] = {}
        self._read_at_ns = 0
        #: connections refused
        self.refused = 0

    def __len__(self) -> int:
        return len(self._bans)

    def load(self, now_unix_s: float) -> None:
        """Read what an earlier process left; raise BadBans when the file is not one of ours."""
        if self._path is None or not self._path.exists():
            return
        self._read_at_ns = self._path.stat().st_mtime_ns
        try:
            rows = ujson.loads(self._path.read_bytes())
            bans = [Ban(**{**row, "by": BanBy(row["by"])}) for row in rows]
        except (ValueError, TypeError, KeyError) as error:
            raise BadBans(f"{self._path} is no list of bans: {error}; mend or remove it") from error
        self._bans = {ban.key: ban for ban in bans if ban.until_unix_s > now_unix_s}

    def refresh(self, now_unix_s: float) -> None:
        """Read the file again if another process has changed it; raise BadBans, changing nothing, if it went bad."""
        if self._path is not None and self._path.exists() and self._path.stat().st_mtime_ns != self._read_at_ns:
            self.load(now_unix_s)

    def add(self, ban: Ban, now_unix_s: float) -> None:
        """Let a ban hold from now on; one for the same who is replaced. Raises TooManyBans."""
        self.refresh(now_unix_s)
        self._forget_past(now_unix_s)
        if ban.key not in self._bans and len(self._bans) >= self.len_max:
            raise TooManyBans(f"{self.len_max} bans hold already; lift one first")
        self._bans[ban.key] = ban
        self._save()

    def lift(self, key: str) -> Ban | None:
        """End a ban; return it, or None when there is none."""
        ban = self._bans.pop(key, None)
        if ban is not None:
            self._save()
        return ban

    def find(self, address: str, user: str | None, now_unix_s: float) -> Ban | None:
        """Return the ban that keeps this one out, or None."""
        if not self._bans:
            return None
        keys = [f"{BanBy.ADDRESS.value} {group_of(address)}"]
        if user is not None:
            keys.append(f"{BanBy.USER.value} {user}")
        found = [self._bans[key] for key in keys if key in self._bans]
        return next((ban for ban in found if ban.until_unix_s > now_unix_s), None)

    def rows(self, now_unix_s: float) -> list[dict[str, Any]]:
        """Return the bans that hold, the one that ends last first."""
        holding = [ban for ban in self._bans.values() if ban.until_unix_s > now_unix_s]
        holding.sort(key=lambda ban: -ban.until_unix_s)
        return [{"key": ban.key, **_row(ban)} for ban in holding]

    def _forget_past(self, now_unix_s: float) -> None:
        self._bans = {key: ban for key, ban in self._bans.items() if ban.until_unix_s > now_unix_s}

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = ujson.dumps([_row(ban) for ban in self._bans.values()], indent=1, ensure_ascii=False)
        # Beside it and then in its place: a crash leaves the old list or the new one.
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        Path(name).replace(self._path)
        self._read_at_ns = self._path.stat().st_mtime_ns


def _row(ban: Ban) -> dict[str, Any]:
    return {**attrs.asdict(ban), "by": ban.by.value}
