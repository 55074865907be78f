"""A client that holds another world than the server shows it: found by the checksum, healed, counted."""

from typing import Any

import pytest
from prometheus_client import generate_latest

from game_server.settings import Settings
from game_server.web.metrics import make_registry

from .run import Run
from .scenario import Scenario

CHECKSUM_S = 1.0


def quiet(seed: str) -> Scenario:
    """Return two clients to whom nothing happens."""
    drawn: dict[str, Any] = {"checksum_s": CHECKSUM_S}
    settings = Settings(**drawn)
    return Scenario(seed, settings, 2, 0, ("yard", "yard"), 20.0, 1e9, 1e9, drains=False)


@pytest.mark.parametrize("is_json", [False, True])
def test_a_wrong_world_is_found_and_healed(is_json: bool) -> None:
    """A client whose replica was changed asks once, gets a full state, holds what the server shows; status tells it."""
    run = Run(quiet("wrong"), violations_max=1)
    told: list[str] = []

    def choose_the_codec() -> None:
        run.clients[0].is_json = is_json

    def change_what_is_held() -> None:
        replica = run.clients[0].replica
        assert replica is not None
        replica.all("Walker")[0]._row[3] = "somebody else"  # a name: nothing that plays will send it anew
        run.corrupted.add(0)

    def look(healed: int) -> None:
        assert healed == run.worlds.healed
        told.append(generate_latest(make_registry(run.process.hub)).decode())

    run.clockwork.at(0.0, choose_the_codec)
    run.clockwork.at(10.0, look, 0)
    run.clockwork.at(10.0, change_what_is_held)
    run.clockwork.at(10.0 + CHECKSUM_S + 0.5, look, 1)
    outcome = run.play()

    assert [] == outcome.violations
    assert 1 == outcome.counts["resyncs"] == outcome.counts["healed"] == run.clients[0].resyncs
    counted = [line for text in told for line in text.splitlines() if line.startswith("game_server_resyncs_total")]
    assert ["game_server_resyncs_total 0.0", "game_server_resyncs_total 1.0"] == counted


def test_without_a_fault_nobody_asks() -> None:
    """The checksum of a client to whom nothing happened always agrees."""
    outcome = Run(quiet("calm"), violations_max=1).play()

    assert [] == outcome.violations
    assert 0 == outcome.counts["resyncs"]
    assert outcome.counts["worlds compared"] > 100
