"""The short form of the fuzz: every target's corpus, some thousand mutations of it, and what they reach."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .coverage_report import LEAST_PERCENT, measure
from .mutate import MOST_BYTES, Mutator
from .run import fuzz
from .targets import TARGETS, Target

COUNT = 1200


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_mutated_messages_are_taken_or_refused(target: Target) -> None:
    """Nothing but what is documented comes of the corpus and its mutations (`make fuzz` goes on)."""
    result = fuzz(target, "short", count=COUNT)

    assert [] == result.faults
    assert result.messages == COUNT + len(target.corpus())


@given(st.data())
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_drawn_messages_are_taken_or_refused(target: Target, data: st.DataObject) -> None:
    """The same for pieces of the corpus that hypothesis joins, cuts and spoils."""
    pieces = st.lists(st.sampled_from(target.corpus()) | st.binary(max_size=12), min_size=1, max_size=3)
    message = b"".join(data.draw(pieces))
    run = target.start()

    run(message[: data.draw(st.integers(0, len(message)))])
    run(message)


def test_a_fault_is_found_and_told_with_its_input() -> None:
    """A target that fails on some input is reported with that input, so that it can be run again."""

    def start() -> object:
        def run(data: bytes) -> None:
            if b"\xff" in data:
                raise KeyError("not documented")

        return run

    result = fuzz(Target("binary", start), "short", count=2000)  # type: ignore[arg-type]

    assert result.faults
    assert all("not documented" in fault and "ff" in fault.split()[1] for fault in result.faults)


def test_the_fuzz_alone_reaches_the_parsers_and_the_codecs() -> None:
    """At least 90 per cent of the branches of each parser and codec are reached by the short fuzz alone."""
    files = measure(TARGETS, 700, "short")

    assert [] == [str(each) for each in files if each.percent < LEAST_PERCENT]


def test_a_seed_decides_the_mutations() -> None:
    """The same seed mutates alike, within the bound of length."""
    corpus = TARGETS[0].corpus()
    first, second = Mutator(corpus, random.Random(3)), Mutator(corpus, random.Random(3))
    made = [first.next() for _ in range(500)]

    assert made == [second.next() for _ in range(500)]
    assert len(set(made)) > 300
    assert max(map(len, made)) <= MOST_BYTES
