"""Everybody talks, about as often as the server lets them: events go to the whole room."""

from loadtest.scenario import Behaviour, Scenario

SCENARIO = Scenario(behaviours=[Behaviour("talker", chat_every_s=(1.5, 4))])
