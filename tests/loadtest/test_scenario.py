"""Scenarios: which there are, how they are read, and who does what."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.arguments import UsageError
from loadtest.options import parse_options
from loadtest.scenario import Behaviour, Scenario, ScenarioError, load_scenario, names
from tests.server_process import ROOT


@pytest.mark.parametrize("name", names())
def test_every_scenario_that_comes_with_it_can_be_asked_for_by_name(name: str) -> None:
    """A name is enough, and the file says in a sentence what it is."""
    options = parse_options(["--game", "swarm", "--scenario", name])

    assert name == options.scenario_name
    assert (ROOT / "loadtest" / "scenarios" / f"{name}.py").read_text().startswith('"""')


def test_the_documented_scenario_runs(tmp_path: Path) -> None:
    """The example of docs/loadtest.md is a scenario as it stands."""
    text = (ROOT / "docs" / "loadtest.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "friday.py"
    file.write_text(example)

    options = parse_options(["--scenario", str(file)])

    assert "arena" == options.name
    assert 500 == options.stages.most
    assert len(options.thresholds) >= 1
    assert any(behaviour.script for behaviour in options.scenario.behaviours)


def test_flags_win_over_the_scenario(tmp_path: Path) -> None:
    """A flag about the population replaces the scenario's whole plan; thresholds given by hand replace its own."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from loadtest.scenario import Scenario\n"
        "SCENARIO = Scenario(game='arena', stages='0:0,9:90', thresholds=['errors<1'], options={'seats': 8})\n"
    )

    as_it_is = parse_options(["--scenario", str(file)])
    changed = parse_options(
        ["--scenario", str(file), "--game", "swarm", "--clients", "7", "--threshold", "ack_p99<50", "--options", "{}"]
    )

    assert ("arena", "0:0,9:90", {"seats": 8}) == (as_it_is.name, str(as_it_is.stages), as_it_is.room_options)
    assert ["errors < 1"] == [str(item) for item in as_it_is.thresholds]
    assert ("swarm", 7, {}) == (changed.name, changed.clients, changed.room_options)
    assert ["ack_p99 < 50"] == [str(item) for item in changed.thresholds]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("SCENARIO = 3", "no SCENARIO"),
        ("from loadtest.scenario import *\nSCENARIO = Scenario(player=3)", "player"),
        ("from loadtest.scenario import *\nSCENARIO = Scenario(behaviours=[])", "one Behaviour or more"),
        ("from loadtest.scenario import *\nSCENARIO = Scenario(behaviours=[Behaviour('a', weight=0)])", "weight"),
        ("from loadtest.scenario import *\nSCENARIO = Scenario(behaviours=[Behaviour('a', stay_s=(3, 1))])", "stay_s"),
        ("from loadtest.scenario import *\nSCENARIO = Scenario(behaviours=[Behaviour('a', net='slow')])", "slow"),
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
    ],
)
def test_a_scenario_at_fault_is_told_in_one_line(tmp_path: Path, source: str, words: str) -> None:
    """Whatever a scenario file does wrong, one line names the file and the fault."""
    file = tmp_path / "mine.py"
    file.write_text(source)

    with pytest.raises(ScenarioError, match=words) as told:
        load_scenario(str(file))

    assert str(told.value).startswith(str(file))
    assert "\n" not in str(told.value)


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    """Who mistypes a name sees which there are."""
    with pytest.raises(UsageError, match=", ".join(names())):
        parse_options(["--game", "swarm", "--scenario", "evning"])


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=5), st.integers(0, 5000))
def test_behaviours_have_their_share_among_any_clients(weights: list[float], first: int) -> None:
    """Among 500 consecutive clients, wherever they begin, each behaviour's share is its weight's, within 2 %."""
    scenario = Scenario(behaviours=[Behaviour(f"kind {index}", weight) for index, weight in enumerate(weights)])

    counts = Counter(scenario.behaviour_of(number).name for number in range(first, first + 500))

    for behaviour in scenario.behaviours:
        assert abs(counts[behaviour.name] / 500 - behaviour.weight / sum(weights)) < 0.02
