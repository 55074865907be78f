"""What is measured: how many rooms of how many clients, and how long.

The swarm workload itself: 20 ticks a second; each client sends one input a tick, a sequence number and a
direction; each player is one entity whose x and y change every tick; every player sees every other; the consumed
number returns.
"""

from attrs import frozen

TICK_RATE = 20


@frozen
class Workload:
    """So many rooms with so many clients each."""

    rooms: int
    seats: int

    @property
    def clients(self) -> int:
        """Clients in all."""
        return self.rooms * self.seats

    @property
    def name(self) -> str:
        """As on the command line: rooms x seats."""
        return f"{self.rooms}x{self.seats}"

    @classmethod
    def parse(cls, text: str) -> "Workload":
        """Read `50x10`; raises ValueError."""
        rooms, by, seats = text.partition("x")
        if not by or not rooms.isdecimal() or not seats.isdecimal() or not int(rooms) or not int(seats):
            raise ValueError(f"a workload is ROOMSxCLIENTS, as in 50x10, not {text!r}")
        return cls(int(rooms), int(seats))


STANDARD = tuple(Workload.parse(name) for name in ("50x10", "10x50", "1x500", "200x10"))
QUICK = tuple(Workload.parse(name) for name in ("50x10", "1x500"))


@frozen
class Timing:
    """How long a row takes. The warm-up is for compilers that work as the program runs."""

    warm_up_s: float = 2.0
    measure_s: float = 4.0
    join_timeout_s: int = 20
