"""An ordinary evening: most play, some talk, some come and go, and a few have a bad line."""

from loadtest.scenario import Behaviour, Scenario

SCENARIO = Scenario(
    behaviours=[
        Behaviour("regular", weight=5),
        Behaviour("far away", weight=1, net="delay:60,jitter:20,stall:300/15000"),
        Behaviour("talker", weight=1, chat_every_s=(3, 10)),
        Behaviour("visitor", weight=2, stay_s=(5, 20), pause_s=(0, 2)),
        Behaviour("commuter", weight=1, drop_every_s=(5, 20), away_s=(0.2, 4)),
    ]
)
