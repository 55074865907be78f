"""The command line of the load test."""

import pytest

from loadtest.__main__ import ExitCode, main
from loadtest.options import UsageError, parse_options

GOOD = ("--game", "swarm", "--clients", "10")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--game"),
        (["--game", "chess"], "no game 'chess'"),
        ([*GOOD, "--clients", "none"], "whole number from 1"),
        ([*GOOD, "--clients", "0"], "whole number from 1"),
        ([*GOOD, "--rooms", "11"], "at least as many clients"),
        ([*GOOD, "--duration", "nan"], "seconds"),
        ([*GOOD, "--ramp-s", "-1"], "0 or more"),
        ([*GOOD, "--url", "http://127.0.0.1:8888/ws"], "ws://"),
        ([*GOOD, "--url", "ws://127.0.0.1:99999/ws"], "ws://"),
        ([*GOOD, "--codec", "xml"], "binary"),
        ([*GOOD, "--decode-share", "0"], "above 0"),
        ([*GOOD, "--options", "[1]"], "JSON object"),
        ([*GOOD, "--threshold", "ack_p99=3"], "ack_p99<100"),
        ([*GOOD, "--threshold", "speed<3"], "none of"),
        ([*GOOD, "--threshold", "ack_p99<1.2.3"], "not a number"),
        ([*GOOD, "--json", "no/such/folder/report.json"], "folder that exists"),
        ([*GOOD, "--frobnicate"], "--frobnicate"),
    ],
)
def test_bad_arguments_give_one_clear_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong with the arguments, one line names it and nothing runs."""
    assert ExitCode.USAGE == main(arguments)

    output = capsys.readouterr()
    assert "" == output.out
    assert 1 == len(output.err.splitlines()), output.err
    assert output.err.startswith("loadtest: ")
    assert words in output.err


def test_rooms_have_as_many_seats_as_they_need() -> None:
    """Where a game lets its seats be chosen, the rooms are made to hold an even share of the clients."""
    options = parse_options(["--game", "swarm", "--clients", "50", "--rooms", "3"])

    assert {"seats": 17} == options.room_options


def test_given_seats_stay() -> None:
    """Options that are given are not overruled."""
    options = parse_options(["--game", "swarm", "--clients", "50", "--rooms", "2", "--options", '{"seats": 40}'])

    assert {"seats": 40} == options.room_options


def test_a_game_without_bots_is_refused(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a BRAIN nobody can play, and one is told so before anything connects."""
    import sys
    import types

    from game_server.games import swarm

    module = types.ModuleType("brainless")
    module.GAME = swarm.GAME  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brainless", module)

    with pytest.raises(UsageError, match="no BRAIN"):
        parse_options(["--game", "brainless"])
