"""Everybody plays and nobody goes: the least that a server must bear."""

from loadtest.scenario import Scenario

SCENARIO = Scenario()
