"""Phones in trains: connections are lost without a word, and their players resume their seats."""

from loadtest.scenario import Behaviour, Scenario

SCENARIO = Scenario(behaviours=[Behaviour("commuter", drop_every_s=(3, 9), away_s=(0.2, 3))])
