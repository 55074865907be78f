"""State messages as bytes: apply(base, encode(base, now)) == now, and what malformed bytes get."""

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from game_server.core import codec, kinds
from game_server.core.checksum import entity_hash
from game_server.core.codec import Op, Tag, decode_binary, pack_ids, unpack_ids
from game_server.core.fields import int16, kind_of, uint8
from game_server.core.replica import Replica
from game_server.core.schema import Field, WireType
from game_server.core.snapshot import full_diff, merge

from .declarations import FieldSpec, Spec
from .stage import Stage, held, layouts, room_layouts, view


@settings(max_examples=120)
@given(st.data(), layouts, room_layouts, st.integers(1, 4))
def test_a_delta_from_any_baseline_leads_to_the_present(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec], ticks: int
) -> None:
    """apply(base, encode(base, now)) == now, for random types with every kind of field: from nothing, from any earlier
    tick, in both codecs, for owners and others; and the checksums of both ends agree."""
    stage = Stage(layout, room_layout)
    seat = data.draw(st.sampled_from((0, 1, 2)))
    replicas = {"binary": Replica(stage.schema), "json": Replica(stage.schema)}
    base: int | None = None
    for _ in range(ticks):
        stage.act(data)
        stage.capture()
        if data.draw(st.booleans()):  # otherwise the client is skipped: the next delta spans more ticks
            if base is None or (seat not in stage.world.owned and data.draw(st.booleans())):
                base, diff = None, full_diff(stage.now, {})
            else:
                diff = merge(stage.diffs[base:])
            stage.apply(replicas["binary"], stage.binary(seat, base, diff))
            stage.apply(replicas["json"], stage.text(seat, base, diff))
            base = stage.now.tick
            _compare(stage, seat, replicas)


def _compare(stage: Stage, seat: int, replicas: dict[str, Replica]) -> None:
    owned = stage.owned(seat)
    expected = view(stage.types, stage.now, owned)
    for name, replica in replicas.items():
        assert expected == held(replica, owned), name
        assert set(owned) <= replica.own, name
        if set(owned) == replica.own:  # not after the stage let the seat's player go, whose client goes too
            assert stage.checksum(seat) == replica.checksum(), name
        assert stage.now.tick == replica.tick, name


@settings(max_examples=40)
@given(st.data(), layouts, room_layouts)
def test_one_full_state_equals_all_deltas(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec]
) -> None:
    """A client that came late and one that saw every delta hold the same."""
    stage = Stage(layout, room_layout)
    early, late = Replica(stage.schema), Replica(stage.schema)
    stage.apply(early, stage.binary(0, None, full_diff(stage.now, {})))
    for _ in range(3):
        stage.act(data)
        stage.capture()
        stage.apply(early, stage.binary(0, stage.now.tick - 1, stage.diffs[-1]))

    stage.apply(late, stage.binary(0, None, full_diff(stage.now, {})))

    assert held(early, stage.owned(0)) == held(late, stage.owned(0))


@pytest.mark.parametrize("count", [1, 63, 64, 65, 128, 129, 300])
@pytest.mark.parametrize("varying", [False, True], ids=["fixed width", "varying width"])
def test_any_number_of_rows_comes_through(count: int, varying: bool) -> None:
    """Rows are packed in blocks; a client sees none of it, whether a block is full, short or followed by another."""
    fields = [FieldSpec(Spec("uint16")), FieldSpec(Spec("text", (4,)) if varying else Spec("float32"))]
    stage = Stage([fields], [])
    replica = Replica(stage.schema)
    things = [stage.world.spawn(stage.types[1].cls(f0=number)) for number in range(count)]
    stage.capture()
    stage.apply(replica, stage.binary(0, None, full_diff(stage.now, {})))
    for number, thing in enumerate(things):
        thing.f0 = number * 7 % 65_536
        if number % 2:
            thing.f1 = str(number) if varying else number / 2
    stage.capture()
    stage.apply(replica, stage.binary(0, 1, stage.diffs[-1]))

    assert view(stage.types, stage.now, {}) == held(replica, {})


# ---- ids -----------------------------------------------------------------------------------------------------

id_lists = st.one_of(
    st.builds(lambda first, count: list(range(first, first + count)), st.integers(1, 2**32 - 300), st.integers(1, 200)),
    *(
        st.builds(
            lambda first, offsets: sorted({first, *(first + offset for offset in offsets)}),
            st.integers(1, 2**32 - 1 - span),
            st.lists(st.integers(0, span), max_size=12),
        )
        for span in (2**8 - 1, 2**16 - 1, 2**32 - 2)
    ),
)


@given(id_lists)
@example([1])
@example([2**32 - 1])
@example([1, 2**32 - 1])
def test_ids_come_back(ids: list[int]) -> None:
    """Ascending ids of the whole 32-bit range are read as they were, by the narrowest mode that holds them."""
    packed = pack_ids(ids)

    span, count = ids[-1] - ids[0], len(ids)
    mode = 0 if span == count - 1 else 1 if span < 2**8 else 2 if span < 2**16 else 3
    assert (ids, len(packed) + 1) == _as_list(unpack_ids(b"\xff" + packed, 1))
    assert mode == packed[0] & 3


def _as_list(result: tuple[Any, int]) -> tuple[list[int], int]:
    return list(result[0]), result[1]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([5], "04 05"),
        ([5, 6, 7], "0c 05"),
        ([5, 8], "09 05 00 03"),
        ([5, 300], "0a 05 0000 2701"),
        ([5, 70_005], "0b 05 00000000 70110100"),
        (list(range(1, 41)), "a001 01"),
    ],
)
def test_ids_are_laid_out_as_drawn(ids: list[int], expected: str) -> None:
    """The four modes of an id block, byte by byte."""
    assert bytes.fromhex(expected) == pack_ids(ids)


@pytest.mark.parametrize(
    "data",
    ["", "04", "00 05", "04 00", "09 05 03 00", "09 05 00", "08 ffffffff0f", "05 ffffffff0f 01", "fcffffff0f 01"],
)
def test_malformed_ids_are_refused(data: str) -> None:
    """None, id 0, descending, cut short, past 32 bits, or an absurd count."""
    with pytest.raises(ValueError, match=r"cut short|entities|ascend|outside|longer"):
        unpack_ids(bytes.fromhex(data), 0)


# ---- headers -------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**20), st.integers(0, 2**20), st.integers(0, 40), st.integers(0, 9))
def test_headers_come_back(advance: int, ack_advance: int, depth: int, missing: int) -> None:
    """Every head is read as it was written; depth stops at 31 and missing at 7."""
    inputs = codec.pack_inputs(depth, missing)
    expected = (min(depth, 31), min(missing, 7))

    delta: Any = decode_binary((), codec.delta_header(advance, ack_advance, inputs))
    assert (advance, ack_advance, *expected) == (delta.advance, delta.ack_advance, delta.depth, delta.missing)
    checked: Any = decode_binary((), codec.checked_delta_header(advance, ack_advance, inputs, 2**32 - 1, 2**31))
    assert (advance, ack_advance, 2**32 - 1, 2**31) == (
        checked.advance,
        checked.ack_advance,
        checked.tick,
        checked.checksum,
    )
    full: Any = decode_binary((), codec.full_header(advance, ack_advance, inputs))
    assert (advance, ack_advance, *expected) == (full.tick, full.ack, full.depth, full.missing)
    assert full.advance is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (codec.delta_header(1, 2, 0x43), "10 01 02 43"),
        (codec.delta_header(200, 2, 0), "10 c801 02 00"),
        (codec.full_header(812, 7, 0), "11 2c030000 07000000 00"),
        (codec.checked_delta_header(1, 0, 0, 812, 0xDEADBEEF), "12 01 00 00 2c030000 efbeadde"),
        (codec.encode_pong(1.0, 2.0, 0.5), "13 000000000000f03f 0000000000000040 000000000000e03f"),
    ],
)
def test_headers_are_laid_out_as_drawn(data: bytes, expected: str) -> None:
    """The heads of docs/protocol.md, byte by byte."""
    assert bytes.fromhex(expected) == data


def test_a_body_is_laid_out_as_drawn() -> None:
    """Despawn, spawn, update, the owner's update, own: each group as docs/protocol.md draws it."""
    stage = Stage([[FieldSpec(Spec("uint8")), FieldSpec(Spec("int16"), "owner")]], [FieldSpec(Spec("uint8"))])
    things = [stage.world.spawn(stage.types[1].cls(f0=number), owner=0) for number in (1, 2, 3)]
    stage.capture()
    stage.world.despawn(things[1])
    things[0].f0, things[0].f1, things[2].f1 = 9, -2, 5
    stage.world.spawn(stage.types[1].cls(f0=4, f1=-1), owner=0)
    stage.world.room.f0 = 3
    stage.capture()

    groups = ["06 04 02", "05 04 04 04", "00 01 03", "04 01 04 01 09"]
    private = ["04 02 04 04 ffff", "04 02 04 01 feff", "04 02 04 03 0500", "07 04 04"]
    assert bytes.fromhex(" ".join(groups)) == codec.encode_public(stage.types, stage.now, stage.diffs[-1])
    changed = stage.diffs[-1].owned[0]
    assert bytes.fromhex(" ".join(private)) == codec.encode_private(stage.types, stage.now, changed, stage.owned(0))


# ---- malformed -----------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.data(), layouts, room_layouts)
def test_any_bytes_are_decoded_or_refused(
    data: st.DataObject, layout: list[list[FieldSpec]], room_layout: list[FieldSpec]
) -> None:
    """Random bytes, and valid messages with bytes changed, cut or added, raise only ValueError: in decoding and when
    they are applied."""
    stage = Stage(layout, room_layout)
    stage.act(data)
    stage.capture()
    stage.act(data)
    stage.capture()
    replica = Replica(stage.schema)
    stage.apply(replica, stage.binary(0, None, full_diff(stage.now, {})))
    valid = [stage.binary(0, None, full_diff(stage.now, {})), stage.binary(0, 1, stage.diffs[-1])]
    for _ in range(6):
        spoilt = bytearray(data.draw(st.sampled_from(valid)))
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(spoilt)))
            spoilt[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        noise = bytes((data.draw(st.sampled_from(list(Tag))),)) + data.draw(st.binary(max_size=30))
        for message in (bytes(spoilt), noise):
            _decodes_or_refuses(replica, message)


def _decodes_or_refuses(replica: Replica, message: bytes) -> None:
    try:
        decoded = decode_binary(replica.types, message)
        if isinstance(decoded, codec.StateMessage):
            replica.apply(decoded)
            replica.checksum()
    except ValueError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        "",
        "99",
        "10",
        "1001",
        "100100",
        "11 2c030000",
        "12 01 00 00 2c030000",
        "13 00",
        "10 01 00 00 08 04 01",  # a type that is not there
        "10 01 00 00 04 00 04 01",  # an update of no field
        "10 01 00 00 04 02 04 01 00",  # an update of a field that is not there
        "10 01 00 00 05 04 01",  # a spawn without its row
        "10 01 00 00 02 04 01",  # a despawn of the room
        "10 01 00 00 03 04 01",  # the room as own
    ],
)
def test_a_malformed_state_is_refused(data: str) -> None:
    """What the layout does not allow raises ValueError."""
    types = (WireType(0, "room", ()), WireType(1, "Thing", (Field("f0", kind_of(uint8())),)))
    with pytest.raises(ValueError):
        decode_binary(types, bytes.fromhex(data))


# ---- checksum ------------------------------------------------------------------------------------------------


def test_the_checksum_of_the_documentation() -> None:
    """The three numbers that docs/protocol.md gives as an example."""
    x = Field("x", kinds.Fixed(0, 0.0, 4096.0, 1 / 16, 16.0, 65_536, "H"))
    ship = WireType(1, "Ship", (x, Field("vx", kind_of(int16()), "owner")))
    room = WireType(0, "room", (Field("phase", kind_of(uint8())),))

    assert 2303997928 == entity_hash(ship, 1, (200, -1), private=False)
    assert 3182128733 == entity_hash(ship, 1, (200, -1), private=True)
    assert 50332857 == entity_hash(room, 0, (3,), private=False)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_the_checksum_tells_rows_and_ids_apart(q1: int, q2: int, id1: int, id2: int) -> None:
    """Two entities that differ in value or id have different hashes (the steps of the hash can be undone)."""
    type_ = WireType(1, "Thing", (Field("f0", kind_of(uint8())),))

    same = (q1, id1) == (q2, id2)
    if id1 == id2 or q1 == q2:
        hashes = [entity_hash(type_, number, (q,), private=False) for number, q in ((id1, q1), (id2, q2))]
        assert same == (hashes[0] == hashes[1])


def test_ops_and_tags_are_the_documented_numbers() -> None:
    """They are on the wire: changing one is a new version of the protocol."""
    assert {"UPDATE": 0, "SPAWN": 1, "DESPAWN": 2, "OWN": 3} == {op.name: op.value for op in Op}
    assert [1, 2, 3, 4, 0x10, 0x11, 0x12, 0x13] == sorted(Tag)
    assert math.isclose(4 * 8, codec.DEPTH_MAX + 1)
