"""Columnar entities: on the wire as objects are, and what a game can do with them."""

from typing import Any

import numpy as np
import pytest
import ujson
from hypothesis import given, settings
from hypothesis import strategies as st

from game_server.core import codec, json_codec, snapshot
from game_server.core.entity import Entity, entity
from game_server.core.fields import fixed, float32, int8, json_value, list_of, map_of, text, uint8
from game_server.core.game import Seat
from game_server.core.past import Past, past_class
from game_server.core.replica import Replica
from game_server.core.world import World, entity_types
from game_server.errors import DefinitionError

from .declarations import FieldSpec, make_room_state
from .twins import Twins, flat_layouts


@settings(max_examples=100)
@given(st.data(), flat_layouts, st.integers(1, 4))
def test_a_client_cannot_tell(data: st.DataObject, layout: list[list[FieldSpec]], ticks: int) -> None:
    """Whatever happens to entities, as objects and as columns: from any baseline, for owners and others, both codecs
    and the checksum are the same to the byte, and so is the count of values that did not fit."""
    twins = Twins(layout)
    for _ in range(ticks):
        twins.act(data)
        twins.capture()
        seat = data.draw(st.sampled_from((0, 1, 2)))
        base = data.draw(st.none() | st.integers(0, len(twins.diffs[0]) - 1))

        assert twins.messages(0, seat, base) == twins.messages(1, seat, base)
        assert twins.worlds[0].owned == twins.worlds[1].owned
        assert len(twins.worlds[0]) == len(twins.worlds[1])
    assert twins.clamped[0] == twins.clamped[1]


@settings(max_examples=60)
@given(st.data(), flat_layouts, st.integers(1, 4))
def test_a_replica_follows(data: st.DataObject, layout: list[list[FieldSpec]], ticks: int) -> None:
    """A client that skips ticks as it likes holds what the columns held, in both codecs."""
    twins = Twins(layout)
    replicas, base = {"binary": Replica(twins.schema()), "json": Replica(twins.schema())}, None
    for _ in range(ticks):
        twins.act(data)
        twins.capture()
        if data.draw(st.booleans()):
            continue
        now, sent = twins.snapshots[1][-1], twins.messages(1, 2, base)
        head = codec.full_header(now.tick, 0, 0) if base is None else codec.delta_header(now.tick - base, 0, 0)
        replicas["binary"].apply(codec.decode_binary(replicas["binary"].types, head + sent["public"]))  # type: ignore[arg-type]
        kind = "full" if base is None else "delta"
        message = {"type": kind, "tick": now.tick, "baseline": base, "ack": 0, "depth": 0, "missing": 0}
        message |= ujson.loads(json_codec.dump(json_codec.public_state(twins.types[1], now, _diff(twins, base))))
        replicas["json"].apply(json_codec.decode_state(replicas["json"].types, message))  # type: ignore[arg-type]
        base = now.tick

        public = [[field.to == "all" for field in type_.fields] for type_ in twins.types[1]]
        for replica in replicas.values():
            assert _only(public, now.tables) == _only(public, replica.rows())
            assert codec.public_checksum(twins.types[1], now.tables) == replica.checksum()


@settings(max_examples=60)
@given(st.data(), flat_layouts, st.floats(0, 3))
def test_the_past_is_the_same(data: st.DataObject, layout: list[list[FieldSpec]], moment: float) -> None:
    """A rewound world has the same entities with the same values, in between captures too."""
    twins = Twins(layout)
    for _ in range(3):
        twins.act(data)
        twins.capture()
    seen = []
    for world, types, snapshots in zip(twins.worlds, twins.types, twins.snapshots, strict=True):
        classes = tuple(past_class(type_) for type_ in types)
        older = snapshots[min(int(moment), 2)]
        past = Past(world, classes, moment, older, snapshots[older.tick + 1], world.owned.get(0, {}))
        seen.append(
            [
                [(each.id, *(getattr(each, field.name) for field in type_.fields)) for each in past.all(type_.cls)]
                for type_ in types[1:]
            ]
        )
        assert all(past.get(row[0]).id == row[0] for of_type in seen[-1] for row in of_type)
    assert repr(seen[0]) == repr(seen[1])


def _diff(twins: Twins, base: int | None) -> Any:
    return snapshot.full_diff(twins.snapshots[1][-1], {}) if base is None else snapshot.merge(twins.diffs[1][base:])


def _only(public: list[list[bool]], tables: Any) -> list[dict[int, list[Any]]]:
    return [
        {number: [value for value, is_in in zip(row, shown, strict=True) if is_in] for number, row in rows.items()}
        for shown, rows in zip(public, tables, strict=True)
    ]


# ---- what a game does with them ------------------------------------------------------------------------------


@entity(columnar=True)
class Bullet(Entity):
    """Flies."""

    x: float = fixed(0, 4096, step=1 / 16)
    power: int = uint8(default=3)
    vx: float = 1.5
    is_hot: bool = False

    def brake(self) -> None:
        """Halve the speed."""
        self.vx /= 2


@entity
class Rock(Entity):
    size: int = uint8()


@pytest.fixture
def world() -> World:
    room: Any = make_room_state([])
    return World(entity_types(type(room), (Bullet, Rock)), room)


def test_many_are_spawned_at_once(world: World) -> None:
    """Values are one for all or one for each, the rest is at its default; ids ascend beside those of objects."""
    world.spawn(Rock())
    ids = world.columns(Bullet).spawn(3, x=[1, 2, 3], power=7)

    bullets = world.columns(Bullet)
    assert [2, 3, 4] == ids.tolist() == bullets.ids.tolist()
    assert ([1, 2, 3], [7, 7, 7], [1.5] * 3) == (bullets.x.tolist(), bullets.power.tolist(), bullets.vx.tolist())
    assert 5 == world.spawn(Rock()).id
    assert 5 == len(world)


def test_columns_are_stepped_at_once(world: World) -> None:
    """Arithmetic is on whole columns, in place or assigned; despawning takes a bool for each."""
    bullets = world.columns(Bullet)
    bullets.spawn(4, x=[0, 10, 20, 30], vx=[1, 2, 3, 4])
    bullets.x += bullets.vx * 2
    bullets.power = 9

    gone = bullets.despawn(bullets.x > 20)

    assert [3, 4] == gone.tolist()
    assert ([1, 2], [2.0, 14.0], [9, 9]) == (bullets.ids.tolist(), bullets.x.tolist(), bullets.power.tolist())


def test_columns_grow(world: World) -> None:
    """There is no number of entities that is too many for them, and what was there stays."""
    bullets = world.columns(Bullet)
    for number in range(300):
        bullets.spawn(number % 3, x=number)
    assert [number for number in range(300) for _ in range(number % 3)] == bullets.x.tolist()


def test_rows_are_entities(world: World) -> None:
    """One bullet is read, changed and asked like any entity, by the id, from a list, or as the object that was made;
    plain numbers come back."""
    bullet = world.spawn(Bullet(x=5.0, vx=3.0), owner=Seat(4, "Ann"))
    world.columns(Bullet).spawn(2)
    bullet.x += 0.5
    world.get(bullet.id).brake()

    assert (5.5, 1.5, 3, False) == (bullet.x, bullet.vx, bullet.power, bullet.is_hot)
    assert [float, int, bool] == [type(value) for value in (bullet.x, bullet.power, bullet.is_hot)]
    assert [5.5, 0, 0] == world.columns(Bullet).x.tolist()
    assert [(1, 4), (2, None), (3, None)] == [(each.id, each.owner) for each in world.all(Bullet)]
    by_name: list[Any] = world.all("Bullet")
    assert all(isinstance(each, Bullet) for each in by_name)
    assert [4, -1, -1] == world.columns(Bullet).owners.tolist()


def test_a_row_is_found_again_after_others_went(world: World) -> None:
    """A row object outlives whatever moves its place; one that is gone says so."""
    bullets = world.columns(Bullet)
    bullets.spawn(5, x=[0, 1, 2, 3, 4])
    rows = world.all(Bullet)
    bullets.despawn(np.array([True, False, True, False, False]))

    assert [1, 3, 4] == [rows[number].x for number in (1, 3, 4)]
    with pytest.raises(LookupError, match="Bullet 3 is no longer in the world"):
        rows[2].x += 1
    with pytest.raises(ValueError, match="Bullet 3 is not in this world"):
        world.despawn(rows[2])
    assert world.get(3) is None


def test_one_is_despawned_like_an_object(world: World) -> None:
    """`World.despawn` takes a row, and its owner no longer owns it."""
    first, second = (world.spawn(Bullet(), owner=7) for _ in range(2))
    world.despawn(first)
    assert {7: {second.id: 1}} == world.owned
    world.despawn(second)
    assert {} == world.owned
    with pytest.raises(ValueError, match="Bullet 0 is not in this world"):
        world.despawn(Bullet())
    with pytest.raises(ValueError, match="was spawned before"):
        world.spawn(second)


@pytest.mark.parametrize("act", ["spawn", "grow", "despawn"])
def test_an_array_from_before_takes_no_writes(world: World, act: str) -> None:
    """A write that would go nowhere, or to another bullet, raises."""
    bullets = world.columns(Bullet)
    bullets.spawn(10)
    before = bullets.x
    if act == "despawn":
        bullets.despawn(np.arange(10) < 3)
    else:
        bullets.spawn(1 if act == "spawn" else 1000)

    with pytest.raises(ValueError, match="read-only"):
        before += 1


def test_a_failed_spawn_leaves_nothing(world: World) -> None:
    """A wrong field, too many values, a value that fits no column: the message says which, and nothing came."""
    bullets = world.columns(Bullet)
    with pytest.raises(TypeError, match="Bullet has no y"):
        bullets.spawn(2, y=1)
    with pytest.raises(ValueError, match=r"Bullet\.x: could not broadcast"):
        bullets.spawn(2, x=[1, 2, 3])
    with pytest.raises(ValueError, match=r"Bullet\.power: cannot convert float NaN"):
        bullets.spawn(1, power=float("nan"))
    with pytest.raises(ValueError, match="-1 entities"):
        bullets.spawn(-1)
    with pytest.raises(ValueError, match="a bool for each of the 0 entities, not int64 of shape"):
        bullets.despawn(np.array([1]))
    assert (0, 1) == (len(world), world.spawn(Rock()).id)


def test_only_a_columnar_type_has_columns(world: World) -> None:
    """Asking for those of an object type says how to get them."""
    with pytest.raises(TypeError, match=r"Rock is no columnar type of this game; mark it @entity\(columnar=True\)"):
        world.columns(Rock)


def test_names_of_columns_are_checked(world: World) -> None:
    """A misspelt field is an error, in the columns and in a row."""
    bullets = world.columns(Bullet)
    with pytest.raises(AttributeError):
        bullets.speed = 1
    row: Any = world.spawn(Bullet())
    with pytest.raises(AttributeError):
        row.speed = 1


@pytest.mark.parametrize("declare", [lambda: text(4), lambda: list_of(uint8()), lambda: map_of(int8()), json_value])
def test_fields_of_varying_width_are_refused(declare: Any) -> None:
    """Text, lists, maps and JSON have no columns; the error names the field and the two ways out."""
    cls = entity(columnar=True)(type("Mob", (), {"__annotations__": {"label": Any}, "label": declare()}))
    with pytest.raises(DefinitionError, match=r"Mob\.label: a columnar entity has fields of fixed width only"):
        entity_types(type(make_room_state([])), [cls])


def test_attributes_that_fit_no_column_are_refused() -> None:
    """What stays on the server is float, int or bool, too; names that the columns have are taken."""
    for name, annotation, message in (
        ("target", list, r"Mob\.target: a columnar entity has attributes of float, int and bool only"),
        ("spawn", float, r"Mob\.spawn: columns have it already"),
        ("_place", float, r"Mob\._place: every entity has one already"),
    ):
        body: dict[str, Any] = {"__annotations__": {name: annotation}, name: 0.0}
        with pytest.raises(DefinitionError, match=message):
            entity_types(type(make_room_state([])), [entity(columnar=True)(type("Mob", (), body))])


def test_a_columnar_type_may_extend_another() -> None:
    """Fields are inherited from object types and from columnar ones, and so are methods."""

    @entity
    class Body(Entity):
        x: float = fixed(0, 8, step=1)

        def label(self) -> str:
            return f"at {self.x:g}"

    @entity(columnar=True)
    class Mob(Body):
        hp: int = uint8()

    @entity(columnar=True)
    class Boss(Mob):
        rage: float = float32()

        def label(self) -> str:
            return "boss " + super().label()

    room: Any = make_room_state([])
    world = World(entity_types(type(room), (Body, Mob, Boss)), room)
    spawned = [world.spawn(cls(x=2)) for cls in (Body, Mob, Boss)]
    spawned[2].x = 3

    assert ["at 2", "at 2", "boss at 3"] == [each.label() for each in spawned]
    assert ["x", "hp", "rage"] == [field.name for field in world.types[3].fields]


def test_a_snapshot_is_read_only_and_stays(world: World) -> None:
    """What was captured is not changed by what happens later, nor by anybody."""
    bullets = world.columns(Bullet)
    bullets.spawn(3, x=[1, 2, 3])
    kept: Any = snapshot.capture(world, snapshot.empty_snapshot(world.types), 1).snapshot.tables[1]
    rows = dict(kept.items())
    bullets.x += 1
    bullets.despawn(bullets.x > 3)
    bullets.spawn(2)

    assert {1: (16, 3), 2: (32, 3), 3: (48, 3)} == rows == dict(kept.items())
    for array in (kept.ids, *kept.columns):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert 4 not in kept
    assert "x" not in kept
