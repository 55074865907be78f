"""What the horde is made of: sizes, speeds, wire types.

Players are objects, as in most games. Mobs and bullets are columnar: there are hundreds, all move in every step, and
all by the same arithmetic.
"""

from ...game import Entity, entity, fixed, flag, input, int8, text, uint8, uint16

WIDTH, HEIGHT = 640.0, 400.0
EDGE = 8.0

PLAYER_SPEED_PER_S = 105.0
PLAYER_RADIUS = 9.0
LIVES = 3
#: after a bite
SAFE_S = 1.5

SHOT_EVERY_TICKS = 5
SHOT_REACH = 230.0
#: bullets of a burst, and how long it takes to be ready again
BURST_BULLETS = 24
BURST_READY_S = 4.0
BULLET_SPEED_PER_S = 330.0
BULLET_LIFE_S = 0.8
BULLET_RADIUS = 2

MOB_RADIUS = 7
MOBS_FIRST_WAVE, MOBS_MORE_A_WAVE, MOBS_MAX = 24, 16, 600
#: for each player beside the first, as a share of the wave for one
MOBS_MORE_A_PLAYER = 0.7
MOB_SPEED_PER_S, MOB_SPEED_MORE_A_WAVE, MOB_SPEED_MAX_PER_S = 38.0, 6.0, 95.0
#: how far beside a player a mob aims from afar, so that a crowd does not become a line
MOB_STRAY = 70.0

REST_S = 3.0


@input
class Move:
    """A direction, and whether to spend the burst. Shots at the nearest mob go by themselves."""

    dx: int = int8(min=-1, max=1)
    dy: int = int8(min=-1, max=1)
    burst: bool = flag()


@entity
class Player(Entity):
    """A player; down when no lives are left."""

    x: float = fixed(0, WIDTH, step=1 / 16)
    y: float = fixed(0, HEIGHT, step=1 / 16)
    name: str = text(16)
    lives: int = uint8(default=LIVES)
    kills: int = uint16()
    burst_ready: bool = flag(default=True, to="owner")
    burst_at_tick: int = 0
    safe_until_tick: int = 0

    @property
    def is_up(self) -> bool:
        """Whether it can still run and shoot."""
        return self.lives > 0


@entity(columnar=True)
class Mob(Entity):
    """One of the horde. Aims at the nearest player, from afar a little beside it."""

    x: float = fixed(0, WIDTH, step=1 / 16)
    y: float = fixed(0, HEIGHT, step=1 / 16)
    radius: int = uint8(default=MOB_RADIUS)
    speed_per_s: float = MOB_SPEED_PER_S
    stray_x: float = 0.0
    stray_y: float = 0.0


@entity(columnar=True)
class Bullet(Entity):
    """Flies straight until it hits or its time is up."""

    x: float = fixed(0, WIDTH, step=1 / 16)
    y: float = fixed(0, HEIGHT, step=1 / 16)
    radius: int = uint8(default=BULLET_RADIUS)
    vx: float = 0.0
    vy: float = 0.0
    #: seat number of who shot
    by: int = 0
    gone_at_tick: int = 0
