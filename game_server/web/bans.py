"""Who may not join for a while: by address, or by the user id that a game's identity gives.

A ban ends by itself. The list is bounded, written to a file at each change and read at the start, so that a restart
does not let anybody back in. Times are Unix time, because a ban outlives the process.

Several lists are put together by what was decided last about each who (`absorb`), whatever the order they meet in. So a
lifted ban stays in the list, as lifted, until it would have ended: a list that has not heard of it must not bring it
back. Knows files and addresses; knows nothing of rooms, admins or the page, or of where other lists come from.
"""

import enum
import os
import tempfile
from collections.abc import Iterable, Mapping
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
    """One ban. `who` is a network (an address, or an IPv6 subscriber's /64) or a user id; `at_unix_s`: when decided."""

    by: BanBy
    who: str
    name: str
    reason: str
    admin: str
    until_unix_s: float
    at_unix_s: float = 0.0
    is_lifted: bool = False

    def holds(self, now_unix_s: float) -> bool:
        """Return whether it keeps anybody out now."""
        return not self.is_lifted and self.until_unix_s > now_unix_s

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
        #: goes up with each change
        self.changes = 0
        #: connections refused, and bans that were one too many
        self.refused = self.surplus = 0

    def __len__(self) -> int:
        return sum(1 for ban in self._bans.values() if not ban.is_lifted)

    def load(self, now_unix_s: float) -> list[Ban]:
        """Read what other processes, or an earlier one, have decided; return the bans that are new and hold.

        Raises:
            BadBans: the file is not one of ours; nothing has changed.
        """
        if self._path is None or not self._path.exists():
            return []
        try:
            read_at_ns = self._path.stat().st_mtime_ns
            read = [ban_of(row) for row in ujson.loads(self._path.read_bytes())]
        except OSError as error:
            raise BadBans(f"{self._path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise BadBans(f"{self._path} is no list of bans: {error}; mend or remove it") from error
        self._read_at_ns = read_at_ns
        news = self._take(read, now_unix_s)
        self.changes += bool(news)
        there = {ban.key: ban for ban in read}
        if any(there.get(key) != ban for key, ban in self._bans.items() if ban.until_unix_s > now_unix_s):
            self._save()  # two processes wrote at once, and the other's list lacks what this one knows
        return [ban for ban in news if ban.holds(now_unix_s)]

    def refresh(self, now_unix_s: float) -> list[Ban]:
        """Read the file again if another process has changed it; return and raise as `load` does."""
        if self._path is None or not self._path.exists() or self._path.stat().st_mtime_ns == self._read_at_ns:
            return []
        return self.load(now_unix_s)

    def add(self, ban: Ban, now_unix_s: float) -> None:
        """Let a ban hold from now on; one for the same who is replaced. Raises TooManyBans."""
        self.refresh(now_unix_s)
        self._forget_past(now_unix_s)
        held = self._bans.get(ban.key)
        if (held is None or held.is_lifted) and len(self) >= self.len_max:
            self.surplus += 1
            raise TooManyBans(f"{self.len_max} bans hold already; lift one first")
        self._decide(ban, now_unix_s)

    def lift(self, key: str, now_unix_s: float) -> Ban | None:
        """End a ban; return it, or None when there is none."""
        self.refresh(now_unix_s)
        ban = self._bans.get(key)
        if ban is None or not ban.holds(now_unix_s):
            return None
        self._decide(attrs.evolve(ban, is_lifted=True), now_unix_s)
        self._bound_lifted()
        return ban

    def _decide(self, ban: Ban, now_unix_s: float) -> None:
        held = self._bans.get(ban.key)
        # Later than what it is about, whatever the clocks of the machines say.
        at_unix_s = now_unix_s if held is None else max(now_unix_s, held.at_unix_s + 0.001)
        before = dict(self._bans)
        self._bans[ban.key] = attrs.evolve(ban, at_unix_s=round(at_unix_s, 3))
        try:
            self._changed()
        except OSError:
            self._bans = before  # who decided is told that it failed
            raise

    def _bound_lifted(self) -> None:
        lifted = sorted((ban for ban in self._bans.values() if ban.is_lifted), key=lambda ban: ban.at_unix_s)
        for ban in lifted[: max(len(lifted) - self.len_max, 0)]:
            del self._bans[ban.key]

    def absorb(self, rows: Iterable[Mapping[str, Any]], now_unix_s: float) -> list[Ban]:
        """Take over what another list has decided later than this one; return the bans that are new and hold."""
        news = self._take(map(ban_of, rows), now_unix_s)
        if news:
            self._changed()
        return [ban for ban in news if ban.holds(now_unix_s)]

    def _take(self, bans: Iterable[Ban], now_unix_s: float) -> list[Ban]:
        news = []
        for ban in bans:
            held = self._bans.get(ban.key)
            if ban.until_unix_s > now_unix_s and (held is None or held.at_unix_s < ban.at_unix_s):
                self._bans[ban.key] = ban
                news.append(ban)
        return news

    def all_rows(self, now_unix_s: float) -> list[dict[str, Any]]:
        """Return what has been decided, for other lists to absorb."""
        return [_row(ban) for ban in self._bans.values() if ban.until_unix_s > now_unix_s]

    def _changed(self) -> None:
        self.changes += 1
        self._save()

    def find(self, address: str, user: str | None, now_unix_s: float) -> Ban | None:
        """Return the ban that keeps this one out, or None."""
        if not self._bans:
            return None
        keys = [f"{BanBy.ADDRESS.value} {group_of(address)}"]
        if user is not None:
            keys.append(f"{BanBy.USER.value} {user}")
        found = [self._bans[key] for key in keys if key in self._bans]
        return next((ban for ban in found if ban.holds(now_unix_s)), None)

    def rows(self, now_unix_s: float) -> list[dict[str, Any]]:
        """Return the bans that hold, the one that ends last first."""
        holding = [ban for ban in self._bans.values() if ban.holds(now_unix_s)]
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
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        self._read_at_ns = self._path.stat().st_mtime_ns


def ban_of(row: Mapping[str, Any]) -> Ban:
    """Return a ban from its row; raise ValueError, TypeError or KeyError for what is none."""
    ban = Ban(**{**row, "by": BanBy(row["by"])})
    # To the millisecond, or lists that keep fewer digits would differ for good.
    return attrs.evolve(ban, at_unix_s=round(ban.at_unix_s, 3), until_unix_s=round(ban.until_unix_s, 3))


def _row(ban: Ban) -> dict[str, Any]:
    return {**attrs.asdict(ban), "by": ban.by.value}
