"""A game in which each user has one seat, wherever in the service it is."""

from game_server.games.swarm import Push, Swarm


class Single(Swarm):
    """Swarm, for users."""

    input = Push
    one_seat_per_user = True


GAME = Single
