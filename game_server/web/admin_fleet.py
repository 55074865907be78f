"""The other processes of this machine as pages see them: who is there, who does not answer, who has gone.

A process whose line is up but who has said nothing for SILENT_S, or who cannot be reached though its socket is there,
does not answer: it may be stuck. Its figures and rooms are left out meanwhile, and the page says so. One whose socket
is gone too has ended. Rooms of other machines are known by name, age and seats only.

Knows mirrors; knows nothing of lines.
"""

from collections.abc import Sequence

from .admin_mirror import Mirror, Row

SILENT_S = 3.0
#: how long a page tells of one that has ended
GONE_SHOWN_S = 60.0
#: by how much the age of a room of another machine may stray with how long its news travelled
FAR_AGE_STRAYS_S = 5.0
FAR_UNKNOWN = """connected tick_rate budget_ms bytes_in_s bytes_out_s missing_s skipped_s tick_ms_p50 tick_ms_p99
    tick_ms_max late_ms_p99""".split()


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
        #: rooms of other machines, and what pages have been told of them
        self._far: dict[str, Row] = {}
        self._far_told: dict[str, Row] = {}

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
        self._far, self._far_told = {}, {}

    def note_far(self, rooms: Sequence[Row], uptime_s: float) -> None:
        """Take the rooms of other machines, as `Others.rooms_elsewhere` tells them."""
        before, self._far = self._far, {}
        for room in rooms:
            row = _far_row(room, uptime_s)
            known = before.get(room["room"])
            if known is not None and abs(known["began_s"] - row["began_s"]) < FAR_AGE_STRAYS_S:
                row["began_s"] = known["began_s"]  # it was on its way for longer, or not so long
            self._far[room["room"]] = row

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
        changed |= {room: row for room, row in self._far.items() if self._far_told.get(room) != row}
        gone += self._far_told.keys() - self._far.keys()
        self._far_told = self._far
        return changed, gone

    @property
    def present(self) -> list[Mirror]:
        """Those that answer, and have told something."""
        return [mirror for node, mirror in self._mirrors.items() if node not in self._silent and mirror.newest]

    @property
    def rooms(self) -> dict[str, Row]:
        """The rows of all rooms of those that answer, and of other machines."""
        return {room: row for mirror in self.present for room, row in mirror.rooms.items()} | self._far

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


def _far_row(room: Row, uptime_s: float) -> Row:
    """Return a room of another machine as a page shows it: what is not known from here is missing."""
    known = {
        "game": room["game"],
        "machine": room["url"],
        "code": "private" if room["is_private"] else None,
        "locked": room["locked"],
        "taken": room["seats_taken"],
        "seats": room["seats"],
        "began_s": round(uptime_s - room["age_s"], 1),
        "over": 0,
        "over_phase": "",
    }
    return dict.fromkeys(FAR_UNKNOWN) | known
