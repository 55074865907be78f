"""The short form of the simulation: kept seeds, some more, and proof that each check can fail."""

from pathlib import Path

import pytest

from .mutants import MUTANTS, Mutant
from .run import CHECKS, Run, finds_something, run
from .scenario import Scenario

SEEDS = Path(__file__).with_name("seeds.txt").read_text(encoding="utf-8").splitlines()
KEPT = [line.split()[0] for line in SEEDS if line and not line.startswith("#")]
MORE = ["101", "103"]
#: seeds that a mutant may survive before it counts as not found
TRIES = 8


@pytest.mark.parametrize("seed", [*KEPT, *MORE])
def test_no_claim_is_false_in_a_faulty_world(seed: str) -> None:
    """Whatever the network, the clients and the clock do, every check holds (`python -m tests.sim --seed N`)."""
    outcome = run(seed)

    assert [] == outcome.violations
    assert outcome.faults
    assert outcome.player_s > 30


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_bug_that_is_put_in_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bug of the list is found, by the check that is meant to find it, within a few seeds."""
    mutant.put_in(monkeypatch)

    assert any(finds(mutant, seed) for seed in range(TRIES))


def finds(mutant: Mutant, seed: int) -> bool:
    """Return whether the first violation of this run is of the check that is meant to find the mutant."""
    violation = finds_something(str(seed))
    return violation is not None and violation.split()[2] == f"{mutant.check}:"


def test_every_check_is_proved_to_be_able_to_fail() -> None:
    """No check is without a bug that it finds."""
    assert {check.name for check in CHECKS} == {mutant.check for mutant in MUTANTS}


def test_a_seed_decides_everything() -> None:
    """The same seed plays the same run, tick by tick."""
    first, second = (Run(Scenario.dense("8"), 1).play() for _ in range(2))

    assert (first.digest, first.player_s, first.counts) == (second.digest, second.player_s, second.counts)
