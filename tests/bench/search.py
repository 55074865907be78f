"""Search for the most clients that a server holds: rooms of ten, 99 of 100 clients with 19 of 20 frames.

A server that holds N and fails at a little more than N holds N. The search starts near a guess, doubles or halves
until it has one of each, then halves the gap. Knows no servers: it is given a function that tries a number.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

STEP = 50  # clients: five rooms
CLOSE_ENOUGH = 1.08  # the lowest that failed over the highest that was held


@frozen
class Held:
    """The outcome: the most clients held, and whether generator or bound, not the server, ended the search."""

    clients: int
    tried: dict[int, bool | None]
    limited_by_generator: bool = False
    limited_by_bound: bool = False  # all that were tried were held


def held_text(held: Mapping[str, Any]) -> str:
    """Say how many clients an outcome means, which is given by its fields: so many, or more than could be tried."""
    more = "over " if held["limited_by_generator"] else "at least " if held["limited_by_bound"] else ""
    return f"{more}{held['clients']:,}"


def rounded(clients: float) -> int:
    """Round to whole steps, at least one."""
    return max(STEP, round(clients / STEP) * STEP)


def most_clients(holds: Callable[[int], bool | None], guess: int, clients_max: int, tries_max: int = 8) -> Held:
    """Search. `holds` returns None where the generator was the limit; that ends the search upwards."""
    tried: dict[int, bool | None] = {}
    low, high, limited = 0, 0, False  # the highest held, the lowest that was not (0: none yet)
    clients = min(rounded(guess), clients_max)
    while len(tried) < tries_max and clients not in tried:
        tried[clients] = verdict = holds(clients)
        if verdict:
            low = max(low, clients)
        else:
            high = min(high, clients) if high else clients
            limited = limited or verdict is None
        if low >= clients_max or (low and high and high / low <= CLOSE_ENOUGH):
            break
        clients = min(next_try(low, high), clients_max)
    return Held(low, tried, limited and tried.get(high) is None, low >= clients_max)


def next_try(low: int, high: int) -> int:
    """Choose what to try: between the two, or further out where only one is known."""
    if not high:
        return rounded(low * 1.5)
    if not low:
        return rounded(high / 2)
    return rounded((low + high) / 2)
