"""The playing field: its size and its rocks.

Rocks are constants rather than entities: they never change, they stop ships and bullets, and the predicted movement
needs them. `static/games/arena/field.js` is made from this file (`make rules`).
"""

from math import floor

WORLD_SIZE = 4096.0

#: (x, y, radius), all in world units
ROCKS: tuple[tuple[float, float, float], ...] = (
    (2048.0, 2048.0, 180.0),
    (1120.0, 1180.0, 130.0),
    (2980.0, 1090.0, 110.0),
    (3050.0, 2960.0, 140.0),
    (1080.0, 2990.0, 115.0),
    (2060.0, 820.0, 80.0),
    (3330.0, 2010.0, 90.0),
    (2010.0, 3280.0, 85.0),
    (790.0, 2070.0, 95.0),
    (1560.0, 1640.0, 60.0),
    (2560.0, 1560.0, 55.0),
    (2600.0, 2520.0, 60.0),
    (1500.0, 2470.0, 55.0),
    (420.0, 520.0, 100.0),
    (3650.0, 480.0, 90.0),
    (3600.0, 3620.0, 105.0),
    (500.0, 3590.0, 95.0),
)

CELL_SIZE = 256.0
CELLS = 16
# a ship of radius 18 whose centre lies in a cell can only touch rocks within this reach of the cell
_REACH = 32.0


def _rocks_near(column: int, row: int) -> tuple[tuple[float, float, float], ...]:
    left, top = column * CELL_SIZE, row * CELL_SIZE
    near = []
    for x, y, radius in ROCKS:
        dx = x - min(max(x, left), left + CELL_SIZE)
        dy = y - min(max(y, top), top + CELL_SIZE)
        if dx * dx + dy * dy < (radius + _REACH) * (radius + _REACH):
            near.append((x, y, radius))
    return tuple(near)


#: for each cell, row by row, the rocks that something small inside it can touch
ROCKS_BY_CELL = tuple(_rocks_near(column, row) for row in range(CELLS) for column in range(CELLS))


def rocks_at(x: float, y: float) -> tuple[tuple[float, float, float], ...]:
    """Return the rocks that something of radius up to 32 centred at (x, y), inside the world, can touch."""
    return ROCKS_BY_CELL[int(floor(y * 0.00390625) * 16.0 + floor(x * 0.00390625))]
