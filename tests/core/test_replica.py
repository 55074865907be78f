"""The client's side of the world: what it offers a bot, and what it refuses. (That it follows: test_codec.py.)"""

from typing import Any

import pytest

from game_server.core.codec import Group, Op, StateMessage
from game_server.core.replica import Replica
from game_server.core.snapshot import full_diff

from .declarations import FieldSpec, Spec
from .stage import Stage

LAYOUT = [
    [FieldSpec(Spec("uint8", (), {"min": 3})), FieldSpec(Spec("int16"), "owner")],
    [FieldSpec(Spec("angle", (), {"bytes": 1}))],
]


@pytest.fixture
def stage() -> Stage:
    """A stage with things 1 and 3 of seat 0 and thing 2 of nobody."""
    stage = Stage(LAYOUT, [FieldSpec(Spec("text", (8,)))])
    stage.world.spawn(stage.types[1].cls(f0=7, f1=-5), owner=0)
    stage.world.spawn(stage.types[2].cls(f0=3.0))
    stage.world.spawn(stage.types[1].cls(f0=8), owner=0)
    stage.world.room.f0 = "warm-up"
    stage.capture()
    return stage


def joined(stage: Stage, seat: int) -> Replica:
    """Return the replica of a seat that got a full state."""
    replica = Replica(stage.schema)
    stage.apply(replica, stage.binary(seat, None, full_diff(stage.now, {})))
    return replica


def test_it_offers_the_view_that_brains_use(stage: Stage) -> None:
    """all, get, room, own and tick, with the wire's fields as attributes."""
    replica = joined(stage, 0)
    things: list[Any] = list(replica.all(stage.types[1].name))

    assert [(1, 7, -5), (3, 8, 0)] == [(thing.id, thing.f0, thing.f1) for thing in things]
    assert replica.get(1) is things[0]
    assert replica.get(9) is None
    assert (1, [1, 2, 3], {1, 3}) == (replica.tick, replica.ids(), replica.own)
    assert "warm-up" == getattr(replica.room, "f0", None)


def test_unknown_owner_only_fields_have_their_default(stage: Stage) -> None:
    """Another player's private field reads as its default, and is not among the values that arrived."""
    thing: Any = joined(stage, 1).get(1)

    assert (0, {"f0": 7}) == (thing.f1, thing.values())
    with pytest.raises(AttributeError):
        _ = thing.f9


def test_a_full_state_replaces_everything(stage: Stage) -> None:
    """Whatever was held before a full state is gone after it."""
    replica = joined(stage, 0)
    for entity_id in (1, 2):
        stage.world.despawn(stage.world.get(entity_id))
    stage.capture()

    stage.apply(replica, stage.binary(0, None, full_diff(stage.now, {})))

    assert ([3], {3}) == (replica.ids(), replica.own)


def test_a_despawned_own_entity_is_no_longer_own(stage: Stage) -> None:
    """What is gone belongs to nobody."""
    replica = joined(stage, 0)
    stage.world.despawn(stage.world.get(1))
    stage.capture()

    stage.apply(replica, stage.binary(0, 1, stage.diffs[-1]))

    assert {3} == replica.own


def test_the_welcome_says_where_a_resumed_delta_starts(stage: Stage) -> None:
    """After a resume the held state is the baseline, and ack counts on from the welcome's."""
    replica = joined(stage, 0)
    replica.welcome(1, 40)
    stage.capture()
    replica.apply(StateMessage([], 0, 0, advance=1, ack_advance=2))

    assert (2, 42) == (replica.tick, replica.ack)


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (StateMessage([], 0, 0, tick=5, advance=1), "a delta for tick 5 where 2 was due"),
        (StateMessage([Group(Op.UPDATE, 1, [9], 1, [(3,)])], 0, 0, advance=1), "which is not there"),
        (StateMessage([Group(Op.UPDATE, 1, [2], 1, [(3,)])], 0, 0, advance=1), "which is not there"),
        (StateMessage([Group(Op.SPAWN, 1, [1], 1, [(3,)])], 0, 0, advance=1), "which is there already"),
        (StateMessage([Group(Op.SPAWN, 1, [2], 1, [(3,)])], 0, 0, advance=1), "which is there already"),
        (StateMessage([Group(Op.DESPAWN, 1, [9])], 0, 0, advance=1), "entity 9 is not there"),
        (StateMessage([Group(Op.OWN, -1, [9])], 0, 0, advance=1), "entity 9 is not there"),
    ],
)
def test_what_does_not_fit_is_refused(stage: Stage, message: StateMessage, complaint: str) -> None:
    """A delta that contradicts what is held raises ValueError instead of drifting away silently."""
    with pytest.raises(ValueError, match=complaint):
        joined(stage, 0).apply(message)


def test_a_delta_before_any_state_is_refused(stage: Stage) -> None:
    """There is nothing to start from."""
    with pytest.raises(ValueError, match="before any full state"):
        Replica(stage.schema).apply(StateMessage([], 0, 0, advance=1))


def test_the_checksum_shows_a_wrong_bit(stage: Stage) -> None:
    """One value that differs makes the checksums disagree; so does an entity too many and a lost private value."""
    assert stage.checksum(0) == joined(stage, 0).checksum()
    for group in (Group(Op.UPDATE, 1, [1], 1, [(8,)]), Group(Op.DESPAWN, 2, [2]), Group(Op.UPDATE, 1, [1], 2, [(0,)])):
        replica = joined(stage, 0)
        replica.apply(StateMessage([group], 0, 0, advance=1))
        assert stage.checksum(0) != replica.checksum()
