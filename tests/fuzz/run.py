"""Feed a target with mutated inputs, in order of a seed and a count, and say what came of it."""

import itertools
import random
import time
import traceback
from collections.abc import Iterator

import attrs

from .mutate import Mutator
from .targets import Target

LOOK_AT_THE_CLOCK_EVERY = 256
FAULTS_MAX = 5


@attrs.define
class Result:
    """What came of fuzzing one target."""

    target: str
    messages: int = 0
    #: what failed, with the input in hexadecimal
    faults: list[str] = attrs.Factory(list)


def inputs(target: Target, seed: str) -> Iterator[bytes]:
    """Return the target's corpus as it is, then mutations without end."""
    corpus = target.corpus()
    mutator = Mutator(corpus, random.Random(f"{seed}/{target.name}"))
    yield from corpus
    while True:
        yield mutator.next()


def fuzz(target: Target, seed: str, *, count: int | None = None, until_s: float | None = None) -> Result:
    """Feed so many inputs, or until `perf_counter` says so.

    Args:
        target: what to feed.
        seed: decides all inputs.
        count: of inputs, beyond the corpus; None: no bound.
        until_s: when to stop; None: never.
    """
    result, run = Result(target.name), target.start()
    source = inputs(target, seed)
    bounded = source if count is None else itertools.islice(source, count + len(target.corpus()))
    for data in bounded:
        try:
            run(data)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            result.faults.append(f"{target.name}: {data.hex()}\n{traceback.format_exc(limit=-4)}")
            if len(result.faults) >= FAULTS_MAX:
                break
            run = target.start()
        result.messages += 1
        if until_s is not None and not result.messages % LOOK_AT_THE_CLOCK_EVERY and time.perf_counter() >= until_s:
            break
    return result
