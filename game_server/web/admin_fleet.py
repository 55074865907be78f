"""The other processes of this machine as pages see them: who is there, who does not answer, who has gone.

A process whose line is up but who has said nothing for SILENT_S, or who cannot be reached though its socket is there,
does not answer: it may be stuck. Its figures and rooms are left out meanwhile, and the page says so. One whose socket
is gone too has ended. Knows mirrors; knows nothing of lines.
"""

from collections.abc import Sequence

from .admin_mirror import Mirror, Row

SILENT_S = 3.0
#: how long a page tells of one that has ended
GONE_SHOWN_S = 60.0


class Fleet:
    """Mirrors of the others.

    Args:
        started_at_s: of this process.
    """

    def __init__(self, started_at_s: float) -> None:
        self._started_at_s = started_at_s
        self._mirrors: dict[str, Mirror] = {}
        #: when those ended that have ended lately
        self._gone_at_s: dict[str, float] = {}
        self._silent: set[str] = set()

    def mirror(self, node: str, now_s: float) -> Mirror:
        """Return a new mirror of a process whose line is up now."""
        before = self._mirrors.get(node)
        # What it had when its line broke is told to be gone when it turns out to be.
        rooms = dict(before.rooms) if before is not None else {}
        mirror = self._mirrors[node] = Mirror(node, self._started_at_s, now_s, rooms=rooms)
        return mirror

    def note_silent(self, node: str) -> None:
        """Take note that a process cannot be reached."""
        self._mirrors.setdefault(node, Mirror(node, self._started_at_s, -SILENT_S)).heard_at_s = -SILENT_S

    def clear(self) -> None:
        """Forget all: nobody looks."""
        self._mirrors.clear()
        self._gone_at_s.clear()
        self._silent.clear()

    def look(self, siblings: Sequence[str], now_s: float) -> tuple[dict[str, Row], list[str]]:
        """Find who is there; return what changed in rooms since, and rooms that are no more or whose process is not."""
        changed: dict[str, Row] = {}
        gone: list[str] = []
        for node in self._mirrors.keys() - set(siblings):
            gone += self._mirrors.pop(node).rooms
            self._gone_at_s[node] = now_s
            self._silent.discard(node)
        self._gone_at_s = {node: at_s for node, at_s in self._gone_at_s.items() if now_s - at_s < GONE_SHOWN_S}
        for node, mirror in self._mirrors.items():
            is_silent, was_silent = now_s - mirror.heard_at_s > SILENT_S, node in self._silent
            if is_silent and not was_silent:
                self._silent.add(node)
                gone += mirror.rooms
            elif was_silent and not is_silent:
                self._silent.discard(node)
                mirror.tell_all_again()
            if not is_silent:
                changes, ended = mirror.take_changes()
                changed |= changes
                gone += ended
        return changed, gone

    @property
    def present(self) -> list[Mirror]:
        """Those that answer, and have told something."""
        return [mirror for node, mirror in self._mirrors.items() if node not in self._silent and mirror.newest]

    @property
    def rooms(self) -> dict[str, Row]:
        """The rows of all rooms of those that answer."""
        return {room: row for mirror in self.present for room, row in mirror.rooms.items()}

    @property
    def silent(self) -> list[str]:
        """Those that do not answer."""
        return sorted(self._silent)

    @property
    def gone(self) -> list[str]:
        """Those that have ended lately."""
        return sorted(self._gone_at_s)

    def have_told(self, since_s: float, siblings: Sequence[str]) -> bool:
        """Return whether all who answer have told something since then."""
        known = [self._mirrors.get(node) for node in siblings if node not in self._silent]
        return all(mirror is not None and mirror.heard_at_s >= since_s for mirror in known)

    def have_past(self, siblings: Sequence[str]) -> bool:
        """Return whether all who answer have told their last 15 minutes."""
        known = [self._mirrors.get(node) for node in siblings if node not in self._silent]
        return all(mirror is not None and mirror.has_past for mirror in known)
