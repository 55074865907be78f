"""Mutations of bytes: bits, lengths, numbers at their limits, tokens of JSON, pieces of other inputs.

All is drawn from the random it is given, so that a seed and a count name an input.
"""

import random
import re
from collections.abc import Sequence

MOST_BYTES = 600
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TOKENS = tuple(
    b"""null|true|false|-1|0|1e400|-0|4294967296|18446744073709551616|9223372036854775808|1.5|NaN|Infinity|""|[]|{}|
    "\\ud800"|"\\u0000"|"__proto__"|[[[[]]]]|{"a":{"a":{}}}|"x"|007|-|"type"|"input"|"join"|"full"|"delta" """.replace(
        b"\n", b""
    )
    .replace(b" ", b"")
    .split(b"|")
)
_WORDS = re.compile(rb'"[^"]*"|[\d.eE+-]+|[\[\]{}:,]|\w+')


class Mutator:
    """Makes new inputs of known ones.

    Args:
        corpus: what to start from; at least one.
        chance: everything it draws.
    """

    def __init__(self, corpus: Sequence[bytes], chance: random.Random) -> None:
        self._corpus, self._chance = corpus, chance
        self._ways = (
            self._flip, self._flip, self._number, self._number, self._insert, self._delete, self._repeat, self._splice,
            self._token, self._token, self._cut,
        )  # fmt: skip

    def next(self) -> bytes:
        """Return the next input."""
        chance = self._chance
        data = bytearray(chance.choice(self._corpus))
        for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 6))):
            data = chance.choice(self._ways)(data)
        return bytes(data[:MOST_BYTES])

    def _at(self, data: bytearray) -> int:
        return int(self._chance.random() * len(data))

    def _flip(self, data: bytearray) -> bytearray:
        if data:
            data[self._at(data)] ^= 1 << self._chance.randrange(8)
        return data

    def _number(self, data: bytearray) -> bytearray:
        size = self._chance.choice((1, 1, 2, 4, 8))
        at = self._at(data)
        number = self._chance.choice(NUMBERS) & (1 << 8 * size) - 1
        data[at : at + size] = number.to_bytes(size, self._chance.choice(("little", "big")))
        return data

    def _insert(self, data: bytearray) -> bytearray:
        at = self._at(data)
        data[at:at] = self._chance.randbytes(self._chance.choice((1, 1, 2, 4, 16)))
        return data

    def _delete(self, data: bytearray) -> bytearray:
        at = self._at(data)
        del data[at : at + self._chance.choice((1, 1, 2, 4, 16))]
        return data

    def _repeat(self, data: bytearray) -> bytearray:
        at = self._at(data)
        piece = data[at : at + self._chance.choice((1, 4, 16, 64))]
        data[at:at] = piece * self._chance.choice((1, 2, 8))
        return data

    def _splice(self, data: bytearray) -> bytearray:
        other = self._chance.choice(self._corpus)
        at, start = self._at(data), int(self._chance.random() * len(other))
        data[at : at + self._chance.choice((0, 8, 999))] = other[start : start + self._chance.choice((4, 32, 999))]
        return data

    def _token(self, data: bytearray) -> bytearray:
        words = list(_WORDS.finditer(data))
        if words:
            start, end = self._chance.choice(words).span()
            data[start:end] = self._chance.choice(TOKENS)
        return data

    def _cut(self, data: bytearray) -> bytearray:
        return data[: self._at(data)]
