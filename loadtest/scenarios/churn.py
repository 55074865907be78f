"""Clients come and go: each stays for a few seconds, and another takes its place."""

from loadtest.scenario import Behaviour, Scenario

SCENARIO = Scenario(behaviours=[Behaviour("visitor", stay_s=(2, 8), pause_s=(0, 0.5))])
