"""A game of four seats that sends little, for runs that are about rooms and seats."""

from game_server.games.swarm import Push, Swarm


class Four(Swarm):
    """Swarm, slowly."""

    input = Push
    tick_rate = 4
    seats = 4


GAME = Four
