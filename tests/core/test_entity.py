"""Entity types: the generated scan and settle, and classes that cannot work."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.entity import Entity, EntityType, clamp_row, entity
from game_server.core.fields import angle, fixed, float32, int8, json_value, text, uint8
from game_server.core.schema import FIELDS_MAX
from game_server.errors import DefinitionError

from .declarations import FieldSpec, field_specs, flat_specs, game_values, make_entity, quantised

layouts = st.lists(field_specs(), max_size=5)


def draw_entity(data: st.DataObject, type_: EntityType, *, wild: bool = True) -> Any:
    """Return an entity of a type with drawn values."""
    made = type_.cls()
    for field in type_.fields:
        fitting = quantised(field.kind).map(field.kind.dequantise)
        setattr(made, field.name, data.draw(game_values(field.kind) if wild else fitting))
    return made


@given(st.data(), layouts)
def test_the_generated_scan_is_the_slow_way_made_fast(data: st.DataObject, declared: list[FieldSpec]) -> None:
    """Every row that scan captures is the one that clamping value by value gives, whatever the values are."""
    type_ = EntityType.of(1, make_entity(declared))
    entities = {number: draw_entity(data, type_) for number in range(1, 4)}

    expected = {number: clamp_row(each, type_.fields) for number, each in entities.items()}

    scan = type_.scan(entities, {})
    assert {number: row for number, (row, _) in expected.items()} == scan.rows
    assert sum(altered for _, altered in expected.values()) >= scan.clamped


@given(st.data(), layouts)
def test_values_in_range_are_not_counted_as_clamped(data: st.DataObject, declared: list[FieldSpec]) -> None:
    """Only what had to be changed to fit is counted: not a name beyond ASCII, not a whole number in a float."""
    type_ = EntityType.of(1, make_entity(declared))

    assert 0 == type_.scan({1: draw_entity(data, type_, wild=False)}, {}).clamped


@given(st.data(), layouts)
def test_scan_finds_exactly_what_changed(data: st.DataObject, declared: list[FieldSpec]) -> None:
    """New ids are spawned, the others are grouped by which fields differ; equal rows are the old objects."""
    type_ = EntityType.of(1, make_entity(declared))
    entities = {number: draw_entity(data, type_) for number in range(1, 5)}
    old = type_.scan({number: entities[number] for number in (1, 2, 3)}, {}).rows
    for number in (2, 3):
        for field in type_.fields:
            if data.draw(st.booleans()):
                setattr(entities[number], field.name, data.draw(game_values(field.kind)))
    del entities[1]

    scan = type_.scan(entities, old)

    masks = {number: _mask(old[number], scan.rows[number]) for number in (2, 3)}
    assert [4] == scan.diff.spawned
    assert {2, 3, 4} == set(scan.rows)
    assert {number: mask for number, mask in masks.items() if mask} == {
        number: mask for mask, ids in scan.diff.updated.items() for number in ids
    }
    assert all(sorted(ids) == ids for ids in scan.diff.updated.values())
    assert all(scan.rows[number] is old[number] for number, mask in masks.items() if not mask)


def _mask(old: tuple[Any, ...], new: tuple[Any, ...]) -> int:
    return sum(1 << bit for bit, (before, after) in enumerate(zip(old, new, strict=True)) if before != after)


@given(st.data(), st.lists(st.builds(FieldSpec, flat_specs(), st.just("all"), st.booleans()), max_size=4))
def test_settle_puts_predicted_fields_on_the_grid(data: st.DataObject, declared: list[FieldSpec]) -> None:
    """After settling, a predicted field is what a client would compute from the wire; the others are untouched."""
    type_ = EntityType.of(1, make_entity(declared))
    made = draw_entity(data, type_)
    before = {field.name: getattr(made, field.name) for field in type_.fields}

    for _ in range(2):  # the second time changes nothing
        if type_.settle is not None:
            type_.settle({1: made})
        for field in type_.fields:
            value = before[field.name]
            settled = field.kind.dequantise(field.kind.clamp(value)) if field.predict else value
            assert repr(settled) == repr(getattr(made, field.name))
    assert any(field.predict for field in type_.fields) == (type_.settle is not None)


def test_a_value_of_the_wrong_type_names_its_field() -> None:
    """A game that assigns nonsense hears which field of which entity it was."""

    @entity
    class Ship(Entity):
        hp: int = uint8()
        speed: float = float32()
        turn: float = angle()
        x: float = fixed(0, 8, step=1)

    type_ = EntityType.of(1, Ship)
    for name in ("hp", "speed", "turn", "x"):
        ship = Ship()
        setattr(ship, name, "fast")
        with pytest.raises(TypeError, match=f"Ship.{name}: "):
            type_.scan({1: ship}, {})


def test_plain_attributes_stay_on_the_server() -> None:
    """What has no wire type is an attribute like any other, and in no row."""

    @entity
    class Ship(Entity):
        x: float = fixed(0, 8, step=1)
        grudge: float = 0.5

    assert ["x"] == [field.name for field in EntityType.of(1, Ship).fields]
    assert 0.25 == Ship(grudge=0.25).grudge


def test_the_base_class_is_optional() -> None:
    """A class without the base gets an id and an owner all the same, keeps its bases and its methods' super()."""

    class Named:
        def label(self) -> str:
            return "named"

    @entity
    class Rock(Named):
        size: int = uint8()

        def label(self) -> str:
            return f"rock, {super().label()}"

    make: Any = Rock
    rock = make(size=3)
    assert (0, None, 3) == (rock.id, rock.owner, rock.size)
    assert "rock, named" == rock.label()
    assert isinstance(rock, Named)


def test_fields_are_inherited() -> None:
    """An entity class may extend another: its wire fields come after those of its base."""

    @entity
    class Body(Entity):
        x: float = fixed(0, 8, step=1)

    @entity
    class Ship(Body):
        hp: int = uint8()

    assert ["x", "hp"] == [field.name for field in EntityType.of(1, Ship).fields]


def test_id_and_owner_are_the_world_s() -> None:
    """A game reads them and cannot set them."""
    rock: Any = make_entity([])()
    for name in ("id", "owner"):
        with pytest.raises(AttributeError):
            setattr(rock, name, 1)


def test_an_undeclared_attribute_is_refused() -> None:
    """A misspelt attribute of an entity raises where it is set."""

    @entity
    class Ship(Entity):
        hp: int = uint8()

    ship: Any = Ship()
    with pytest.raises(AttributeError, match="hitpoints"):
        ship.hitpoints = 3


@pytest.mark.parametrize("name", ["id", "owner", "_hidden", "seq", "ack", "lag", "type"])
def test_reserved_names_are_refused(name: str) -> None:
    """Names that mean something in every message cannot be a wire field's."""
    with pytest.raises(DefinitionError, match=f"{name}: "):
        EntityType.of(1, entity(type("Ship", (Entity,), {"__annotations__": {name: int}, name: uint8()})))


def test_too_many_fields_are_refused() -> None:
    """A mask has 64 bits; a class with 65 wire fields is refused when its table is made."""
    names = [f"f{number}" for number in range(FIELDS_MAX + 1)]
    body: dict[str, Any] = {"__annotations__": dict.fromkeys(names, int), **{name: uint8() for name in names}}
    crowded = entity(type("Crowded", (Entity,), body))

    with pytest.raises(DefinitionError, match="Crowded declares 65 wire fields; at most 64 fit"):
        EntityType.of(1, crowded)


def test_an_unannotated_field_is_refused() -> None:
    """`hp = uint8()` is refused at once, where attrs alone would silently drop the annotated attributes."""
    with pytest.raises(DefinitionError, match=r"Ship\.hp needs an annotation"):

        @entity
        class Ship(Entity):
            name: str = text(8)
            hp = uint8()


def test_entities_do_not_share_defaults() -> None:
    """Lists, dicts, sets, deeper ones and other things that can change are each instance's own."""

    @attrs.define
    class Bag:
        things: list[int] = attrs.field(factory=list)

    @entity
    class Ship(Entity):
        seen: set[int] = set()
        grid: list[list[int]] = [[0], [0]]
        bag: Bag = Bag()
        data: Any = json_value(default={"log": []})
        hp: int = int8()

    first, second = Ship(), Ship()
    first.seen.add(1)
    first.grid[0].append(1)
    first.bag.things.append(1)
    first.data["log"].append(1)

    assert (set(), [[0], [0]], Bag(), {"log": []}) == (second.seen, second.grid, second.bag, second.data)
