"""The live state that the page shows: which fields, for whom, and that the changes told lead to what is there."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.definition import GameDefinition
from game_server.core.world import World, entity_types
from game_server.game import Entity, Game, entity, fixed, input, int8, int16, text, uint16
from game_server.web.admin_state import ENTITIES_SHOWN_MAX, StateView, shown_value


@entity
class Ship(Entity):
    x: int = int16()
    ammo: int = uint16(to="owner")
    temper: float = 0.5
    notes: dict[str, Any] = {}


@input
class Nothing:
    dx: int = int8()


class Skies(Game):
    entities, input = (Ship,), Nothing
    weather: str = text(16, default="fair")
    secret: int = 7

    def step(self, inputs: dict[Any, Any]) -> None:
        """Nothing moves by itself."""


def make_world() -> World:
    definition = GameDefinition.of("skies", Skies)
    return World(definition.types, Skies())


def follow(shown: dict[str, dict[str, Any]], news: dict[str, Any]) -> None:
    """Do what the page does with a change."""
    for name, change in news["types"].items():
        rows = shown.setdefault(name, {})
        for key, row in change["set"].items():
            rows[key] = {**rows.get(key, {}), **row}
        for key in change["gone"]:
            del rows[key]


def test_each_field_says_who_sees_it() -> None:
    """Fields of the wire come first, to all or to the owner; what is only declared stays on the server."""
    fields = StateView(make_world()).fields()

    assert ["x all", "ammo owner", "temper server", "notes server"] == [
        f"{field['name']} {field['to']}" for field in fields["Ship"]
    ]
    assert ["weather all", "secret server"] == [f"{field['name']} {field['to']}" for field in fields["room"]]


@given(st.lists(st.tuples(st.sampled_from(["spawn", "move", "gone", "look"]), st.integers(0, 9), st.integers(-99, 99))))
def test_following_the_changes_leads_to_the_whole(story: list[tuple[str, int, int]]) -> None:
    """Whatever comes, moves and goes between looks, who follows the changes holds what a newcomer is told."""
    world = make_world()
    view, shown = StateView(world), dict[str, dict[str, Any]]()
    for what, which, number in [*story, ("look", 0, 0)]:
        ships = world.all(Ship)
        if what == "spawn":
            world.spawn(Ship(x=number), owner=which)
        elif what == "look":
            follow(shown, copy.deepcopy(view.look()))
        elif ships and what == "move":
            ships[which % len(ships)].x = number
        elif ships and what == "gone":
            world.despawn(ships[which % len(ships)])
    whole: dict[str, dict[str, Any]] = {}
    follow(whole, view.whole())

    assert whole == {name: rows for name, rows in shown.items() if rows}
    assert {str(ship.id): ship.x for ship in world.all(Ship)} == {
        key: row["x"] for key, row in shown.get("Ship", {}).items()
    }


def test_of_many_entities_only_some_are_shown_and_all_are_counted() -> None:
    """However many there are, a look is bounded."""
    world = make_world()
    for _ in range(ENTITIES_SHOWN_MAX + 50):
        world.spawn(Ship())
    look = StateView(world).look()

    assert ENTITIES_SHOWN_MAX == len(look["types"]["Ship"]["set"])
    assert ENTITIES_SHOWN_MAX + 50 == look["counts"]["Ship"]


class Trap:
    def __repr__(self) -> str:
        raise AssertionError("a game's own code was called")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.23456789, 1.2346),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (2**60, str(2**60)),
        (True, True),
        ("a" * 100, "a" * 80 + "…"),
        ([1, 2], [1, 2]),
        (list(range(50)), "list of 50"),
        ({"a": [1]}, {"a": "list of 1"}),
        (set(), "set of 0"),
        (Trap(), "Trap"),
        ([Trap()], ["Trap"]),
    ],
)
def test_any_value_can_be_shown(value: object, shown: object) -> None:
    """Numbers and text as they are, all else by what it is; nothing of a game's own is called."""
    assert shown == shown_value(value)


def test_columnar_entities_are_shown_like_objects() -> None:
    """Bullets and mobs have their rows, their fields and their owners, and no more are shown than of others."""

    @entity(columnar=True)
    class Bullet(Entity):
        x: float = fixed(0, 100, step=1 / 4)
        speed: float = 2.0

    class Shots(Game):
        entities = (Bullet,)

        def step(self, inputs: Any) -> None:
            raise NotImplementedError

    world = World(entity_types(Shots, Shots.entities), Shots())
    world.columns(Bullet).spawn(ENTITIES_SHOWN_MAX + 5, owner=3, x=1.5)
    view = StateView(world)
    shown = view.look()

    assert ENTITIES_SHOWN_MAX + 5 == shown["counts"]["Bullet"]
    assert ENTITIES_SHOWN_MAX == len(shown["types"]["Bullet"]["set"])
    assert {"owner": 3, "x": 1.5, "speed": 2.0} == shown["types"]["Bullet"]["set"]["1"]
    assert [("x", "all"), ("speed", "server")] == [(f["name"], f["to"]) for f in view.fields()["Bullet"]]
