"""How many clients a server bears: raise the population until a threshold breaks, then close in on the most that holds.

    100 held -> 200 held -> 400 held -> 800 broke, broke again -> 600 held -> 700 broke, broke again -> 650 held

Each population is a run of its own, with new clients in new rooms: what an overloaded run leaves behind does not spoil
the next. One that breaks is tried once more, because a busy moment of the machine looks the same. `Search` is the pure
arithmetic of what to try next; knows nothing of sockets.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from .options import Options, with_clients
from .report import Report, make_report
from .run import Result
from .stats import generator_limits

#: how near to each other the most that held and the least that broke are at the end, as a share
PRECISION = 0.1
GROWTH = 2.0
TRIES = 2


@attrs.define
class Search:
    """Which population to try next.

    Args:
        start: the first one.
        most: the last one.
    """

    start: int
    most: int
    #: the most that held; 0: none has
    held: int = 0
    #: the least that broke; None: none has
    broke: int | None = None

    def next(self) -> int | None:
        """Return the population to try; None when the search is over."""
        if self.broke is None:
            if not self.held:
                return min(self.start, self.most)
            grown = min(int(self.held * GROWTH), self.most)
            return grown if grown > self.held else None
        if self.broke - self.held <= max(1, PRECISION * self.broke):
            return None
        return (self.held + self.broke) // 2

    def note(self, clients: int, has_held: bool) -> None:
        """Take in how a population did."""
        if has_held:
            self.held = max(self.held, clients)
        else:
            self.broke = clients if self.broke is None else min(self.broke, clients)


@attrs.frozen(eq=False)
class Step:
    """One population that was tried."""

    result: Result
    failed: tuple[str, ...]

    @property
    def has_held(self) -> bool:
        return not self.failed


async def find_limit(options: Options, run_once: Callable[[Options], Awaitable[Result]]) -> tuple[Search, list[Step]]:
    """Search for the limit; return what was found, and each step.

    An aborted step ends the search, and counts neither as held nor as broken.

    Args:
        options: of the first population.
        run_once: runs one population.
    """
    search, steps = Search(options.clients, options.clients_max), []
    while (clients := search.next()) is not None:
        for _ in range(TRIES):
            step = _judge(await run_once(with_clients(options, clients)))
            steps.append(step)
            if step.result.stats.is_aborted:
                return search, steps
            if step.has_held:
                break
        search.note(clients, steps[-1].has_held)
    return search, steps


def _judge(result: Result) -> Step:
    named = result.figures()
    failed = [
        f"{item}: {'not measured' if item.name not in named else f'{named[item.name]:.4g}'}"
        for item in result.options.thresholds
        if not item.is_met(named)
    ]
    if not result.stats.samples.frames:
        failed.append("nobody could play")
    return Step(result, tuple(failed))


def make_search_report(search: Search, steps: list[Step], exit_code: int) -> Report:
    """Return the report of the most that held (of the last step, if none did), with the search beside it."""
    held = [step for step in steps if step.has_held and step.result.options.clients == search.held]
    best = (held or steps)[-1]
    report = make_report(best.result, exit_code)
    report["aborted"] = steps[-1].result.stats.is_aborted
    report["search"] = {
        "held": search.held,
        "broke": search.broke,
        "words": _words(search, steps),
        "steps": [_step_as_json(step) for step in steps],
    }
    report["timeline"], report["server_timeline"] = _timelines(steps)
    return report


def _words(search: Search, steps: list[Step]) -> str:
    """Return in a sentence what was found."""
    words = f"{search.held} clients held" if search.held else "no population held"
    broken = [step for step in steps if not step.has_held and step.result.options.clients == search.broke]
    if not broken:
        return f"{words}; no more were tried (--clients-max)" if search.held == search.most else words
    words += f"; {search.broke} broke {', '.join(broken[-1].failed)}"
    limits = generator_limits(broken[-1].result.figures())
    if limits:
        words += f" (but there the generator was the limit: {'; '.join(limits)})"
    return words


def _step_as_json(step: Step) -> dict[str, Any]:
    return {
        "clients": step.result.options.clients,
        "held": step.has_held,
        "failed": list(step.failed),
        "figures": step.result.figures(),
    }


def _timelines(steps: list[Step]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the runs' timelines one behind the other."""
    points: list[dict[str, Any]] = []
    server: list[dict[str, Any]] = []
    begun_s = 0.0
    for step in steps:
        part = make_report(step.result, 0)
        points += [
            {**point, "start_s": point["start_s"] + begun_s, "end_s": point["end_s"] + begun_s}
            for point in part["timeline"]
        ]
        server += [{**point, "at_s": point["at_s"] + begun_s} for point in part["server_timeline"]]
        begun_s = points[-1]["end_s"] if points else begun_s
    return points, server
