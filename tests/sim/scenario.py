"""What one seed means: how the server is set, who plays what, and how often what goes wrong."""

import random
from typing import Any

import attrs

from game_server.settings import Settings

GAMES = ("yard", "yard", "yard", "slow-yard", "quiet-yard", "meadow", "thrifty-meadow", "swarm", "arena")


@attrs.frozen
class Scenario:
    """One run's plan."""

    seed: str
    settings: Settings
    clients: int
    hostile: int
    games: tuple[str, ...]
    #: seconds of true time in which faults happen, before all comes to rest
    trouble_s: float
    #: mean s between two faults of a client, and of the server
    client_fault_every_s: float
    server_fault_every_s: float
    drains: bool

    @classmethod
    def of(cls, seed: str) -> "Scenario":
        """Draw a run from a seed."""
        chance = random.Random(f"{seed}/scenario")
        trouble_s = chance.choice((40.0, 60.0, 90.0))
        return cls(
            seed=seed,
            settings=Settings(**_settings(chance)),
            clients=chance.choice((4, 8, 12, 16)),
            hostile=chance.choice((0, 0, 1, 2)),
            games=tuple(chance.sample(GAMES, 2)),
            trouble_s=trouble_s,
            client_fault_every_s=chance.choice((3.0, 6.0, 12.0, 30.0)),
            server_fault_every_s=chance.choice((5.0, 15.0, 60.0)),
            drains=chance.random() < 0.2,
        )

    @classmethod
    def dense(cls, seed: str) -> "Scenario":
        """Draw a short run in which much goes wrong and every limit is near: what finds a bug soon."""
        chance = random.Random(f"{seed}/dense")
        drawn = _settings(chance) | {
            "seat_hold_s": chance.choice((2.0, 8.0)),
            "history_s": 1.0,
            "event_log_len_max": chance.choice((8, 64)),
            "input_queue_len_max": 2,
            "checksum_s": 0.5,
            "dead_after_s": 3.0,
            "slow_ack_ms": 2000.0,
            "message_burst": 400.0,
        }
        settings = Settings(**drawn)
        games = ("yard", "meadow" if seed.endswith(tuple("13579")) else "quiet-yard")
        return cls(seed, settings, 8, 0, games, 40.0, client_fault_every_s=2.0, server_fault_every_s=10.0, drains=False)


def _settings(chance: random.Random) -> dict[str, Any]:
    """Draw settings: mostly such as are used, some so small that every limit is reached."""
    return {
        "seat_hold_s": chance.choice((0.0, 2.0, 5.0, 20.0)),
        "history_s": chance.choice((0.2, 1.0, 10.0)),
        "event_log_len_max": chance.choice((4, 16, 512)),
        "input_queue_len_max": chance.choice((1, 3, 8)),
        "checksum_s": chance.choice((0.5, 2.0, 5.0)),
        "dead_after_s": chance.choice((3.0, 10.0)),
        "join_timeout_s": chance.choice((3.0, 10.0)),
        "empty_room_s": chance.choice((0.0, 1.0, 5.0)),
        "backlog_soft_s": chance.choice((2.0, 15.0)),
        "slow_ack_ms": chance.choice((300.0, 2000.0)),
        "late_ack_ms": 250.0,
        "catch_up_ticks_max": chance.choice((1, 4)),
        "read_bytes_max": chance.choice((512, 4096)),
        "drain_s": 2.0,
    }
