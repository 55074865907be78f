"""The bot: flies a ship from what any player can see.

The same code plays as opponent on the server and as load-test bot over the wire, so it reads only public fields, and
those of its own ship. It looks around every few steps (that is its reaction time), makes a plan - a heading to turn to,
a thrust, whether to shoot - and between looks only steers. It misses because it aims with an error drawn at each look,
because it guesses the target's velocity from where it saw it last, and because its reactions are late. Each bot draws a
character once: how well it aims, how quick it is, how close it likes to fight, when it runs, how gladly it boosts.

Draws only from the random it is given; keeps no order of hashes, no clock.
"""

from collections.abc import Collection
from math import atan2, cos, hypot, pi, sin, tau
from random import Random
from typing import Any

import attrs

from .field import ROCKS, WORLD_SIZE
from .movement import TURN_RATE
from .rules import FIRE_RANGE, HULL_MAX, TICK_RATE, PickupKind
from .shots import BULLET_INHERIT, BULLET_SPEED

SIGHT = 1150.0
TURN_A_STEP = TURN_RATE / TICK_RATE
DODGE_WITHIN = 330.0
ROCK_MARGIN = 46.0
LOOK_AHEAD_S = 0.9
#: a beam is tried in so many of the looks in which it could be: a fifth of the damage of fair bots comes from beams
BEAM_SHARE = 0.06
#: and fired at this distance from the heading at most, in radians
BEAM_CONE = 0.03
#: aiming error in radians, least and most, by skill: easy, fair, hard
AIM_ERRORS = ((0.16, 0.34), (0.10, 0.27), (0.02, 0.09))
#: steps between looks, least and most, by skill
REACTIONS = ((8, 14), (6, 11), (3, 6))


@attrs.define
class Character:
    """What one bot is like."""

    aim_error: float
    reaction_steps: int
    distance: float
    caution: float
    boldness: float
    greed: float
    dodging: float
    #: units by which a person may be farther than a bot and still be preferred: some bots look for people, most do not
    hunting: float

    @classmethod
    def drawn(cls, random: Random, skill: int) -> "Character":
        return cls(
            aim_error=random.uniform(*AIM_ERRORS[skill]),
            reaction_steps=random.randint(*REACTIONS[skill]),
            distance=random.uniform(150.0, 380.0),
            caution=random.uniform(0.15, 0.5),
            boldness=random.random(),
            greed=random.uniform(0.3, 1.0),
            dodging=random.uniform(0.1, 0.35 + 0.2 * skill),
            hunting=random.choice((0.0, 0.0, 0.0, 0.0, 250.0, 600.0)),
        )


@attrs.define
class Plan:
    """What to do until the next look."""

    heading: float = 0.0
    thrust: int = 100
    shoot: bool = False
    beam: bool = False
    boost: bool = False
    #: shoot only when the heading is this near, in radians
    cone: float = 0.1


class Brain:
    """A bot's mind. `think` is called once a step."""

    def __init__(self, random: Random, skill: int = 1) -> None:
        self.random = random
        self.character = Character.drawn(random, skill)
        self.plan = Plan()
        self.ship_id = 0
        self.target_id = 0
        self.look_in = random.randint(0, self.character.reaction_steps)
        #: where the target was at the last look: (x, y, tick)
        self.seen: tuple[float, float, int] | None = None
        self.break_off_steps = 0
        self.side = 1.0 if random.random() < 0.5 else -1.0

    def think(self, view: Any, own: Collection[int]) -> dict[str, Any]:
        """Return this step's input fields.

        Args:
            view: the world as this player sees it (`.all(name)`, `.get(id)`, `.tick`).
            own: ids of the entities that belong to it.
        """
        me = self._own_ship(view, own)
        if me is None:
            return {}
        self.look_in -= 1
        self.break_off_steps -= 1
        if self.look_in <= 0:
            self.look_in = self.character.reaction_steps
            self._look(view, me)
        off = _turn_between(me.heading, self.plan.heading)
        turn = int(max(-100.0, min(100.0, off / TURN_A_STEP * 100.0)))
        thrust = self.plan.thrust if abs(off) < 1.3 else min(self.plan.thrust, 35)
        return {
            "turn": turn,
            "thrust": thrust,
            "fire": self.plan.shoot and abs(off) < self.plan.cone,
            "boost": self.plan.boost and abs(off) < 0.6,
            "beam": self.plan.beam and abs(off) < BEAM_CONE,
        }

    def _own_ship(self, view: Any, own: Collection[int]) -> Any:
        # In the next room the number of this ship may be that of something else that it owns: ships are looked for.
        for ship in view.all("Ship"):
            if ship.id in own:
                if ship.id != self.ship_id:
                    self.ship_id, self.target_id, self.look_in = ship.id, 0, 0
                    self.break_off_steps = 0
                return ship
        self.ship_id = 0
        return None

    def _look(self, view: Any, me: Any) -> None:
        """Make a new plan."""
        plan = self.plan
        plan.shoot = plan.boost = plan.beam = False
        target = self._choose_target(view, me)
        prize = self._choose_pickup(view, me, target)
        if prize is not None:
            plan.heading, plan.thrust = atan2(prize.y - me.y, prize.x - me.x), 100
            plan.boost = self.character.boldness > 0.5
        if target is not None:
            self._fight(view, me, target, approach=prize is None)
        elif prize is None:
            plan.heading, plan.thrust = atan2(WORLD_SIZE / 2 - me.y, WORLD_SIZE / 2 - me.x + 300.0 * self.side), 80
        if self.random.random() < self.character.dodging:
            self._dodge(view, me)
        self._avoid(me)

    def _choose_target(self, view: Any, me: Any) -> Any:
        """Return the ship most worth attacking: near, weak, and preferably the one already fought."""
        best, best_cost = None, float("inf")
        for ship in view.all("Ship"):
            if ship.id == me.id:
                continue
            cost = hypot(ship.x - me.x, ship.y - me.y) + ship.hull * 2.0 + ship.shield * 2.0
            if ship.safe:
                cost += 500.0
            elif self.character.hunting and not view.get(ship.player).bot:
                cost -= self.character.hunting
            if ship.id == self.target_id:
                cost -= 160.0
            if cost < best_cost:
                best, best_cost = ship, cost
        if best is not None and best.id != self.target_id:
            self.target_id, self.seen = best.id, None
        return best

    def _choose_pickup(self, view: Any, me: Any, target: Any) -> Any:
        """Return a pickup worth flying to instead of attacking, or None."""
        hurt = me.hull < HULL_MAX * self.character.caution
        best, best_distance = None, 900.0 if hurt else 420.0 * self.character.greed
        if target is not None and not hurt and hypot(target.x - me.x, target.y - me.y) < 300.0:
            return None
        for pickup in view.all("Pickup"):
            if hurt and pickup.kind == PickupKind.RAPID:
                continue
            distance = hypot(pickup.x - me.x, pickup.y - me.y)
            if distance < best_distance:
                best, best_distance = pickup, distance
        return best

    def _fight(self, view: Any, me: Any, target: Any, approach: bool) -> None:
        """Plan an attack: lead the target, shoot when aligned, break off when close."""
        plan, character = self.plan, self.character
        distance = hypot(target.x - me.x, target.y - me.y)
        speed_x, speed_y = self._guess_velocity(view.tick, target)
        seconds = distance / BULLET_SPEED
        # a bullet takes along part of the own velocity, so the aim subtracts it
        lead_x = target.x + (speed_x - BULLET_INHERIT * me.vx) * seconds
        lead_y = target.y + (speed_y - BULLET_INHERIT * me.vy) * seconds
        aim = atan2(lead_y - me.y, lead_x - me.x) + self.random.uniform(-1.0, 1.0) * character.aim_error
        plan.cone = 0.05 + 26.0 / max(distance, 80.0)
        plan.shoot = distance < FIRE_RANGE * 0.92 and not target.safe and _clear(me.x, me.y, target.x, target.y)
        if plan.shoot and me.charge == 0 and me.energy > 60 and self.random.random() < BEAM_SHARE:
            plan.heading, plan.beam, plan.shoot = self._beam_heading(me, target), True, False
            return
        if not approach:
            plan.shoot = plan.shoot and abs(_turn_between(plan.heading, aim)) < 0.15
            return
        if self.break_off_steps > 0:
            plan.heading, plan.thrust, plan.shoot = aim + 1.9 * self.side, 100, False
            return
        plan.heading = aim
        if distance > SIGHT:
            plan.thrust, plan.boost = 100, character.boldness > 0.3
        elif distance > character.distance:
            plan.thrust, plan.boost = 100, distance > 600.0 and character.boldness > 0.6
        elif distance > 110.0:
            plan.thrust = 25 if self.random.random() < 0.5 else -60
        else:
            self.side = -self.side
            self.break_off_steps = self.random.randint(16, 36)
        if me.hull < HULL_MAX * character.caution * 0.7 and distance < 420.0 and self.random.random() < 0.4:
            self.break_off_steps = self.random.randint(14, 26)
            plan.boost = True

    def _beam_heading(self, me: Any, target: Any) -> float:
        """Return where to aim a beam, which needs no lead."""
        error = self.random.uniform(-1.0, 1.0) * self.character.aim_error
        return atan2(target.y - me.y, target.x - me.x) + error

    def _guess_velocity(self, tick: int, target: Any) -> tuple[float, float]:
        """Return the target's velocity as far as two looks tell it."""
        before, self.seen = self.seen, (target.x, target.y, tick)
        if before is None or tick <= before[2]:
            return 0.0, 0.0
        seconds = (tick - before[2]) / TICK_RATE
        return (target.x - before[0]) / seconds, (target.y - before[1]) / seconds

    def _dodge(self, view: Any, me: Any) -> None:
        """Turn across the path of a bullet that would hit."""
        for bullet in view.all("Bullet"):
            if bullet.player == me.player:
                continue
            seconds = (view.tick - bullet.born) / TICK_RATE
            dx, dy = me.x - bullet.x - bullet.vx * seconds, me.y - bullet.y - bullet.vy * seconds
            if abs(dx) > DODGE_WITHIN or abs(dy) > DODGE_WITHIN:
                continue
            speed = hypot(bullet.vx, bullet.vy) or 1.0
            across = (dx * bullet.vy - dy * bullet.vx) / speed
            if dx * bullet.vx + dy * bullet.vy > 0.0 and abs(across) < 40.0:
                way = atan2(bullet.vy, bullet.vx) + (-pi / 2 if across > 0.0 else pi / 2)
                self.plan.heading, self.plan.thrust, self.plan.shoot = way, 100, False
                self.plan.boost = self.character.boldness > 0.35
                return

    def _avoid(self, me: Any) -> None:
        """Turn the plan aside when it leads into a rock or a wall."""
        heading = self.plan.heading
        ahead_x = me.x + (me.vx * 0.6 + cos(heading) * 170.0) * LOOK_AHEAD_S
        ahead_y = me.y + (me.vy * 0.6 + sin(heading) * 170.0) * LOOK_AHEAD_S
        if not (60.0 < ahead_x < WORLD_SIZE - 60.0 and 60.0 < ahead_y < WORLD_SIZE - 60.0):
            self.plan.heading = atan2(WORLD_SIZE / 2 - me.y, WORLD_SIZE / 2 - me.x)
            return
        rock = _rock_between(me.x, me.y, ahead_x, ahead_y, ROCK_MARGIN)
        if rock is not None:
            to_rock = atan2(rock[1] - me.y, rock[0] - me.x)
            side = 1.0 if _turn_between(to_rock, heading) >= 0.0 else -1.0
            self.plan.heading = to_rock + side * 1.35
            self.plan.shoot = False


def _turn_between(heading: float, goal: float) -> float:
    """Return the shortest turn from a heading to another, in -pi to pi."""
    turn = (goal - heading) % tau
    return turn - tau if turn > pi else turn


def _clear(x: float, y: float, to_x: float, to_y: float) -> bool:
    return _rock_between(x, y, to_x, to_y, 0.0) is None


def _rock_between(x: float, y: float, to_x: float, to_y: float, margin: float) -> tuple[float, float, float] | None:
    """Return a rock that the way from one point to another comes within `margin` of."""
    way_x, way_y = to_x - x, to_y - y
    length_square = way_x * way_x + way_y * way_y or 1.0
    for rock in ROCKS:
        dx, dy = rock[0] - x, rock[1] - y
        along = min(max((dx * way_x + dy * way_y) / length_square, 0.0), 1.0)
        off_x, off_y = dx - way_x * along, dy - way_y * along
        reach = rock[2] + margin
        if off_x * off_x + off_y * off_y < reach * reach:
            return rock
    return None
