"""Make tests/vectors/arena_movement.json and exact.json: what Python's movement and sine yield, for JavaScript to
repeat.

    python -m tests.games.arena_vectors        writes both files

Inputs are not stored: both languages draw them from the same linear congruential generator, started from the case's
`seed`. After each step the eight quantised integers are folded into a 32-bit hash, so that a case of 1,000 steps needs
one line only: that hash, how often it fired, and the integers at its end.
"""

import json
from math import floor
from pathlib import Path
from typing import Any

import attrs

from game_server.core.exact import sin_cos
from game_server.games.arena import movement
from game_server.games.arena.field import ROCKS, WORLD_SIZE

VECTORS = Path(__file__).parent.parent / "vectors"
CASES = 2000
STEPS = 1000
DT = 1 / 30


@attrs.define
class Ship:
    x: float
    y: float
    vx: float
    vy: float
    heading: float
    energy: int
    cooldown: int
    charge: int
    rapid: int
    boosting: bool


@attrs.define
class Steer:
    turn: int = 0
    thrust: int = 0
    fire: bool = False
    boost: bool = False
    beam: bool = False


class Generator:
    """Numerical Recipes' linear congruential generator: the same 32-bit numbers in every language."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, limit: int) -> int:
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 16) % limit


def start_of(case: int) -> tuple[Ship, Generator]:
    """Return a start drawn from the case's generator: any corner of the ranges, a third of them beside a rock."""
    generator = Generator(case * 7919 + 1)
    x, y = generator.below(65536), generator.below(65536)
    if case % 3 == 0:
        rock_x, rock_y, radius = ROCKS[case % len(ROCKS)]
        x = floor((rock_x - radius - 40.0) * 16) + generator.below(400)
        y = floor(rock_y * 16) + generator.below(400) - 200
    return (
        Ship(
            x=x * 0.0625,
            y=y * 0.0625,
            vx=-1024.0 + (generator.below(32768) + 16384) * 0.03125,
            vy=-1024.0 + (generator.below(32768) + 16384) * 0.03125,
            heading=generator.below(65536) * movement.HEADING_STEP,
            energy=generator.below(121),
            cooldown=generator.below(9),
            charge=generator.below(76),
            rapid=generator.below(200),
            boosting=generator.below(2) == 1,
        ),
        generator,
    )


def next_steer(steer: Steer, generator: Generator) -> Steer:
    """Return the next step's input: mostly the same as before."""
    if generator.below(12) > 0:
        return steer
    return Steer(
        turn=generator.below(201) - 100,
        thrust=(100, 100, 100, 0, -100, 35)[generator.below(6)],
        fire=generator.below(2) == 1,
        boost=generator.below(3) == 0,
        beam=generator.below(4) == 0,
    )


def row_of(ship: Ship) -> list[int]:
    """Return the ship's quantised integers: what goes to the wire."""
    return [
        floor(ship.x * 16 + 0.5),
        floor(ship.y * 16 + 0.5),
        floor((ship.vx + 1024) * 32 + 0.5),
        floor((ship.vy + 1024) * 32 + 0.5),
        floor(ship.heading * movement.HEADING_INVERSE + 0.5),
        ship.energy,
        ship.cooldown + 256 * ship.rapid,
        int(ship.boosting) + 2 * ship.charge,
    ]


def run_case(case: int) -> list[int]:
    """Return one case: the hash over all steps, what was fired (a beam counts 2), and the integers at the end."""
    ship, generator = start_of(case)
    steer = Steer()
    folded, shots = 2166136261, 0
    for _ in range(STEPS):
        steer = next_steer(steer, generator)
        shots += movement.move(ship, steer, DT)
        for number in row_of(ship):
            folded = ((folded ^ number) * 16777619) & 0xFFFFFFFF
    return [folded, shots, *row_of(ship)]


def make_movement(cases: int = CASES) -> dict[str, Any]:
    return {
        "steps": STEPS,
        "tick_rate": 30,
        "world_size": WORLD_SIZE,
        "rocks": [list(rock) for rock in ROCKS],
        "cases": [run_case(case) for case in range(cases)],
    }


def make_exact() -> dict[str, Any]:
    angles = [number * 0.37 - 300.0 for number in range(1600)] + [0.0, 1e-9, -1e-9, 1e4, -1e4]
    return {"sin_cos": [[angle, *sin_cos(angle)] for angle in angles]}


def text_of(vectors: dict[str, Any]) -> str:
    """Return the vectors as JSON, one case a line, so that a change can be reviewed."""
    lines = []
    for key, value in vectors.items():
        rows = ",\n  ".join(json.dumps(item) for item in value) if isinstance(value, list) else ""
        lines.append(f' "{key}": [\n  {rows}\n ]' if rows else f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    (VECTORS / "arena_movement.json").write_text(text_of(make_movement()), encoding="utf-8")
    (VECTORS / "exact.json").write_text(text_of(make_exact()), encoding="utf-8")
