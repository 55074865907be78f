"""What exists in the arena: entities, the players' input, the options of a room, and the numbers that make the fight.

A `Player` is a seat's or a bot's line on the scoreboard and lives as long as they stay. A `Ship` lives from spawn to
death. A bullet flies straight, so its start, velocity and birth tick say where it is at any tick: it costs the wire
nothing between spawn and despawn. Everything that changes slowly is a tick to count from, not a number counted down.
"""

from enum import IntEnum

import attrs

from ...game import Entity, angle, entity, fixed, flag, input, int8, int32, text, uint8, uint16, uint32
from .field import WORLD_SIZE
from .shots import BULLET_SPEED

TICK_RATE = 30
SEATS = 32

HULL_MAX = 100
SHIELD_MAX = 60
#: ten hits kill; a bot of middling skill lands one shot in four, so a duel lasts 8 to 15 s
BULLET_DAMAGE = 10
BULLET_STEPS = 36  # 1.2 s: a range of about 800 units, half a desktop screen
#: how far a bullet flies
FIRE_RANGE = BULLET_SPEED * BULLET_STEPS / TICK_RATE
#: three beams and a bullet kill: much at once, but a third of the gun's damage over time
BEAM_DAMAGE = 32
#: how long a beam is there to be seen
BEAM_SHOWN_STEPS = 8
#: the oldest picture that a shot is judged by: both ways of a slow line, the delay of a picture, a short queue
REWIND_MAX_MS = 500.0
#: who was behind a rock for so long when a shot came in is safe from it, whatever its shooter saw
COVER_MS = 250.0

KILL_SCORE = 100
STREAK_BONUS = 25  # for each kill the victim had in a row
STREAK_BONUS_MAX = 100
KILL_REPAIR = 30
STREAK_NOTICE = 3

RESPAWN_STEPS = 75
FIRST_SPAWN_STEPS = 2
SAFE_STEPS = 60
RESULTS_S = 10

PICKUPS = 14
PICKUP_RADIUS = 34.0
PICKUP_EVERY_STEPS = 60
PICKUP_DROP_SHARE = 0.4
REPAIR_HULL = 50
RAPID_STEPS = 240


class Phase(IntEnum):
    """What the room is doing."""

    FIGHT = 0
    RESULTS = 1


class PickupKind(IntEnum):
    """What a pickup gives."""

    REPAIR = 0
    RAPID = 1
    SHIELD = 2


@entity
class Player(Entity):
    """A line on the scoreboard."""

    name: str = text(24)
    score: int = int32()
    kills: int = uint16()
    deaths: int = uint16()
    streak: int = uint8()
    bot: bool = flag()
    #: the tick at which the ship comes back; 0 while it lives
    respawn_tick: int = uint32(to="owner")
    ship_id: int = 0
    away: bool = False


@entity
class Ship(Entity):
    """A ship in flight. The fields to its owner are what `movement.move` needs beside the public ones."""

    player: int = uint32()
    x: float = fixed(0, WORLD_SIZE, step=1 / 16, predict=True)
    y: float = fixed(0, WORLD_SIZE, step=1 / 16, predict=True)
    heading: float = angle(bytes=2, predict=True)
    hull: int = uint8(default=HULL_MAX)
    shield: int = uint8()
    thrusting: bool = flag()
    boosting: bool = flag(predict=True)
    #: just spawned: cannot be hurt until it fires
    safe: bool = flag()
    vx: float = fixed(-1024, 1024, step=1 / 32, to="owner", predict=True)
    vy: float = fixed(-1024, 1024, step=1 / 32, to="owner", predict=True)
    energy: int = uint8(default=120, to="owner", predict=True)
    cooldown: int = uint8(to="owner", predict=True)
    charge: int = uint8(to="owner", predict=True)
    rapid: int = uint16(to="owner", predict=True)
    safe_until: int = 0


@entity
class Bullet(Entity):
    """A bullet: at tick T it is at (x, y) + (vx, vy) * (T - born) / 30."""

    player: int = uint32()
    born: int = uint32()
    x: float = fixed(0, WORLD_SIZE, step=1 / 16)
    y: float = fixed(0, WORLD_SIZE, step=1 / 16)
    vx: float = fixed(-2048, 2048, step=1 / 16)
    vy: float = fixed(-2048, 2048, step=1 / 16)
    #: low bits of the number of the input that fired it, by which its owner's browser knows it
    shot: int = uint16(to="owner")
    #: by how many ticks its shooter's picture was behind, and before which tick its input had come
    offset: float = 0.0
    came: int = 0


@entity
class Beam(Entity):
    """A beam: from (x, y) to where it ended, in a ship if it `struck`. Only there to be seen."""

    player: int = uint32()
    born: int = uint32()
    x: float = fixed(0, WORLD_SIZE, step=1 / 16)
    y: float = fixed(0, WORLD_SIZE, step=1 / 16)
    to_x: float = fixed(0, WORLD_SIZE, step=1 / 16)
    to_y: float = fixed(0, WORLD_SIZE, step=1 / 16)
    struck: bool = flag()
    shot: int = uint16(to="owner")


@entity
class Pickup(Entity):
    """Something worth a detour."""

    kind: int = uint8(max=len(PickupKind) - 1)
    x: float = fixed(0, WORLD_SIZE, step=1 / 16)
    y: float = fixed(0, WORLD_SIZE, step=1 / 16)


@input
class Steer:
    """One step's intent; `turn` and `thrust` in hundredths, so that a mouse or a thumb can steer finely."""

    turn: int = int8(min=-100, max=100)
    thrust: int = int8(min=-100, max=100)
    fire: bool = flag()
    boost: bool = flag()
    beam: bool = flag()


@attrs.frozen
class ArenaOptions:
    """What a room is made with."""

    #: ships in the room, filled up with bots
    bots: int = attrs.field(default=8, validator=[attrs.validators.ge(0), attrs.validators.le(SEATS)])
    round_s: int = attrs.field(default=180, validator=[attrs.validators.ge(10), attrs.validators.le(900)])
    #: of the bots: 0 easy, 1 fair, 2 hard
    skill: int = attrs.field(default=1, validator=[attrs.validators.ge(0), attrs.validators.le(2)])
