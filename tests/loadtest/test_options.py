"""The command line of the load test."""

import os

import pytest

from loadtest.__main__ import ExitCode, main
from loadtest.arguments import UsageError
from loadtest.options import parse_options, with_clients

GAME = ("--game", "swarm")
GOOD = (*GAME, "--clients", "10")


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
        ([*GOOD, "--html", "no/such/folder/report.html"], "folder that exists"),
        ([*GOOD, "--frobnicate"], "--frobnicate"),
        ([*GOOD, "--stages", "0:0,5:10"], "leave out --clients"),
        ([*GAME, "--stages", "0:0,5:10", "--arrivals", "0:1,5:1"], "leave out --arrivals"),
        ([*GAME, "--stages", "5"], "SECONDS:NUMBER"),
        ([*GAME, "--stages", "0:0,5:10", "--warmup", "5"], "leave nothing"),
        ([*GAME, "--stages", "0:0,5:10", "--find-limit"], "leave out --stages"),
        ([*GAME, "--arrivals", "0:0,5:10", "--rooms", "2"], "quick match"),
        ([*GOOD, "--net", "slow"], "delay:MS"),
        ([*GOOD, "--processes", "many"], "auto or a whole number"),
        ([*GOOD, "--processes", "0"], "auto or a whole number"),
        ([*GOOD, "--metrics", "here"], "http://"),
        ([*GOOD, "--scenario", "no/such.py"], "no scenario"),
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


def test_without_stages_the_clients_come_stay_and_are_measured_after_the_ramp() -> None:
    """30 clients over 3 s, measured for 10 s from 1.5 s after the ramp on."""
    options = parse_options([*GAME, "--clients", "30", "--ramp-s", "3", "--duration", "10"])

    assert "0:0,3:30,14.5:30" == str(options.stages)
    assert 4.5 == options.measured_from_s
    assert 0 == parse_options([*GAME, "--stages", "0:0,3:30,14.5:30"]).measured_from_s


def test_as_many_processes_as_the_clients_need() -> None:
    """`auto` starts one process for a few clients and never more than there are cores; a number is taken as it is."""
    few, many = (parse_options([*GAME, "--clients", number]) for number in ("100", "50000"))

    assert 1 == few.processes
    assert 1 <= many.processes <= (os.cpu_count() or 1)
    assert 3 == parse_options([*GAME, "--processes", "3"]).processes


def test_another_population_fills_its_rooms_as_before() -> None:
    """A search for the limit changes clients and rooms, and nothing else."""
    options = parse_options([*GAME, "--clients", "100", "--rooms", "10", "--find-limit", "--codec", "json"])

    grown = with_clients(options, 250)

    assert (250, 25, {"seats": 10}) == (grown.clients, grown.rooms, grown.room_options)
    assert (options.codec, options.thresholds) == (grown.codec, grown.thresholds)
    assert 3 == len(options.thresholds)  # its defaults


def test_the_servers_metrics_are_beside_its_socket() -> None:
    """Without a flag the metrics are looked for at /metrics of the same server."""
    urls = ["ws://a.example:81/ws", "wss://b.example/game/ws"]

    found = [parse_options([*GAME, "--url", url]).metrics_url for url in urls]

    assert ["http://a.example:81/metrics", "https://b.example/metrics"] == found
    assert parse_options([*GAME, "--metrics", "off"]).metrics_url is None


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
