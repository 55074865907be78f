"""State messages as JSON: their form, and what malformed ones get. (That they carry the world: test_codec.py.)"""

from typing import Any

import pytest
import ujson
from hypothesis import given, settings
from hypothesis import strategies as st

from game_server.core.codec import Pong, StateMessage
from game_server.core.json_codec import decode_state, dump, public_state
from game_server.core.replica import Replica
from game_server.core.snapshot import full_diff

from .declarations import FieldSpec, Spec, junk
from .stage import Stage, layouts, room_layouts


def test_a_state_is_written_for_people() -> None:
    """Types, ids and fields by name, values as decimals, owner-only ones as an update to their owner; empty parts are
    absent."""
    layout = [[FieldSpec(Spec("fixed", (0, 64), {"step": 0.5})), FieldSpec(Spec("int16"), "owner")]]
    stage = Stage(layout, [FieldSpec(Spec("text", (8,)))])
    name = stage.types[1].name
    thing = stage.world.spawn(stage.types[1].cls(f0=12.5, f1=-3), owner=0)
    stage.world.room.f0 = "go/été"
    stage.capture()

    full = ujson.loads(stage.text(0, None, full_diff(stage.now, {})))
    assert {"f0": "go/été"} == full.pop("room")
    assert {name: {"1": {"f0": 12.5}}} == full.pop("spawn")
    assert {name: {"1": {"f1": -3}}} == full.pop("update")
    assert ([1], {"type", "tick", "baseline", "ack", "depth", "missing", "checksum"}) == (full.pop("own"), set(full))

    stage.world.despawn(thing)
    stage.capture()
    assert {"despawn": [1]} == public_state(stage.types, stage.now, stage.diffs[-1])


def test_text_is_as_a_browser_takes_it() -> None:
    """No NaN, slashes and other letters as they are, nothing escaped that need not be."""
    assert '{"text":"a/b \u00e9\U0001f600\\u0001"}' == dump({"text": "a/b \u00e9\U0001f600\x01"})
    with pytest.raises(OverflowError):
        dump({"x": float("nan")})


@settings(max_examples=60)
@given(st.data(), layouts, room_layouts)
def test_any_json_is_decoded_or_refused(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec]
) -> None:
    """A state message with any part replaced by anything raises only ValueError: in decoding and when applied."""
    stage = Stage(layout, room_layout)
    stage.act(data)
    stage.capture()
    replica = Replica(stage.schema)
    text = stage.text(0, None, full_diff(stage.now, {}))
    stage.apply(replica, text)
    for _ in range(4):
        spoilt = ujson.loads(text)
        spoilt["type"] = data.draw(st.sampled_from(["full", "delta", "pong", 3]))
        _spoil(data, spoilt)
        try:
            decoded = decode_state(replica.types, spoilt)
            if isinstance(decoded, StateMessage):
                replica.apply(decoded)
        except ValueError:
            pass


def _spoil(data: st.DataObject, value: dict[Any, Any]) -> None:
    """Replace something, somewhere, by anything."""
    key = data.draw(st.sampled_from([*value, "own", "despawn", "spawn", "update", "room", "client_ms", "x"]))
    if isinstance(value.get(key), dict) and value[key] and data.draw(st.booleans()):
        _spoil(data, value[key])
    else:
        value[key] = data.draw(junk)


@pytest.mark.parametrize("key", ["tick", "ack", "depth", "missing"])
@pytest.mark.parametrize("value", [-1, 1.5, True, None, "1", 2**32, []])
def test_a_head_is_of_whole_numbers(key: str, value: Any) -> None:
    """A head with anything else is refused when it is read, not when it is used."""
    message = {"type": "full", "tick": 1, "ack": 0, "depth": 0, "missing": 0, key: value}
    with pytest.raises(ValueError, match=key):
        decode_state(Stage([[]], []).types, message)


def test_pong_is_decoded() -> None:
    """The pong of docs/protocol.md."""
    message = {"type": "pong", "client_ms": 1234.5, "room_ms": 27066.7, "late_ms": 0.4}

    assert Pong(1234.5, 27066.7, 0.4) == decode_state((), message)
