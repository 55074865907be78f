"""The bodies of one tick that seats share: each is made once, whoever asks first, for each baseline and codec.

Knows snapshots, diffs and the codecs; knows nothing of seats.
"""

from collections import deque

from . import codec, json_codec, snapshot
from .entity import EntityType


class Bodies:
    """The bodies of one tick, each made once however many seats need it. A baseline None means a full state.

    Args:
        types: the game's.
        now: the newest snapshot.
        history: diffs that lead to it.
        without: indices of types that the bodies leave out, because each seat gets its own groups of them.
    """

    def __init__(
        self,
        types: tuple[EntityType, ...],
        now: snapshot.Snapshot,
        history: deque[snapshot.Diff],
        without: frozenset[int] = frozenset(),
    ) -> None:
        self._types, self._snapshot, self._history, self._without = types, now, history, without
        self._parts: dict[int | None, tuple[tuple[bytes, bytes, bytes], int]] = {}
        self._diffs: dict[int | None, snapshot.Diff] = {}
        self._public: dict[int | None, bytes] = {}
        self._public_json: dict[int | None, json_codec.State] = {}
        self._checksum: int | None = None

    def diff(self, base: int | None) -> snapshot.Diff:
        diff = self._diffs.get(base)
        if diff is None:
            diff = self._diffs[base] = self._make_diff(base)
        return diff

    def _make_diff(self, base: int | None) -> snapshot.Diff:
        diff = self._whole_diff(base)
        if not self._without:
            return diff
        types = {index: type_diff for index, type_diff in diff.types.items() if index not in self._without}
        return snapshot.Diff(diff.tick, types, diff.owned)

    def _whole_diff(self, base: int | None) -> snapshot.Diff:
        if base is None:
            return snapshot.full_diff(self._snapshot, {})
        since: list[snapshot.Diff] = []
        for diff in reversed(self._history):
            if diff.tick <= base:
                break
            since.append(diff)
        return since[0] if len(since) == 1 else snapshot.merge(reversed(since))

    def public(self, base: int | None) -> bytes:
        body = self._public.get(base)
        if body is None:
            body = self._public[base] = codec.encode_public(self._types, self._snapshot, self.diff(base))
        return body

    def parts(self, base: int | None) -> tuple[tuple[bytes, bytes, bytes], int]:
        """Return the body in three parts (despawns, spawns, updates), to put others between; and its bytes."""
        found = self._parts.get(base)
        if found is None:
            tick, types = self._snapshot.tick, self.diff(base).types
            split = {index: diff.split() for index, diff in types.items()}
            first, second, third = (
                codec.encode_public(
                    self._types,
                    self._snapshot,
                    snapshot.Diff(tick, {index: parts[which] for index, parts in split.items()}, {}),
                )
                for which in range(3)
            )
            found = self._parts[base] = ((first, second, third), len(first) + len(second) + len(third))
        return found

    def public_json(self, base: int | None) -> json_codec.State:
        state = self._public_json.get(base)
        if state is None:
            state = self._public_json[base] = json_codec.public_state(self._types, self._snapshot, self.diff(base))
        return state

    def checksum(self) -> int:
        if self._checksum is None:
            shared = [index for index in range(len(self._types)) if index not in self._without]
            types, tables = self._types, self._snapshot.tables
            self._checksum = codec.public_checksum(
                [types[index] for index in shared], [tables[index] for index in shared]
            )
        return self._checksum
