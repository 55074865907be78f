"""Inputs from the wire to the game: both codecs agree, on the grid, and what is wrong is named."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.inputs import HEAD_BYTES, Input, InputType
from game_server.core.schema import fields_of
from game_server.errors import CloseCode, DefinitionError, ErrorCode, ProtocolError, Refused
from game_server.game import angle, fixed, flag, float32, input, int8, text, uint16


@input
class Wish:
    """One of each."""

    dx: int = int8(min=-1, max=1)
    force: float = fixed(0, 2, step=1 / 64)
    aim: float = angle()
    share: float = float32()
    fire: bool = flag()


WISH = InputType.of(Wish)
numbers = st.integers(1, 2**32 - 1)
values = st.fixed_dictionaries(
    {},
    optional={
        "dx": st.integers(-1, 1),
        "force": st.floats(0, 1.99),
        "aim": st.floats(-10, 10),
        "share": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "fire": st.booleans(),
    },
)


@given(numbers, st.integers(0, 2**32 - 1), st.integers(0, 255 * 256), values)
def test_both_codecs_give_the_game_the_same(seq: int, ack: int, lag: int, fields: dict[str, Any]) -> None:
    """A value is rounded to the wire's grid, whichever way it came; absent fields have their default."""
    binary = WISH.decode_binary(WISH.encode_binary(seq, ack, lag / 256, fields))
    message = {"type": "input", "seq": seq, "ack": ack, "lag": lag / 256, **fields}
    by_hand = WISH.decode_json(message, 0, 0.0)

    assert (by_hand.seq, by_hand.ack, by_hand.lag, by_hand.value) == (binary.seq, binary.ack, binary.lag, binary.value)


@given(st.floats(0, 255.99))
def test_lag_has_the_same_steps_in_both_codecs(lag: float) -> None:
    """It is cut to 1/256 of a tick, so that a shot is judged alike whichever codec its player speaks."""
    binary = WISH.decode_binary(WISH.encode_binary(1, 9, lag, {}))

    assert binary.lag == WISH.decode_json({"type": "input", "seq": 1, "ack": 9, "lag": lag}, 0, 0.0).lag


def test_a_client_fills_in_the_defaults_of_the_schema() -> None:
    """What a bot leaves out is what the game's class says, though the bot knows only what the welcome tells."""

    @input
    class Throttle:
        """Nothing here is 0 when it is left out."""

        gear: int = int8(min=1, max=5, default=3)
        level: float = fixed(-1, 1, step=1 / 64, default=0.5)
        side: float = fixed(-1, 1, step=1 / 64)
        lights: bool = flag(default=True)

    server = InputType.of(Throttle)
    described = server.schema()
    client = InputType(described["name"], fields_of(described), None)

    assert Throttle() == server.decode_binary(client.encode_binary(1, 0, 0.0, {})).value


@given(st.binary(max_size=40))
def test_any_bytes_give_an_input_or_a_named_error(data: bytes) -> None:
    """Nothing but `ProtocolError` and `Refused` leaves the decoder, and no value off its range reaches a game."""
    try:
        received = WISH.decode_binary(data)
    except (ProtocolError, Refused):
        return
    value: Any = received.value
    assert -1 <= value.dx <= 1
    assert 0 <= value.force < 2
    assert isinstance(value.fire, bool)


def test_a_wrong_length_breaks_the_protocol() -> None:
    """The reason names both lengths."""
    data = WISH.encode_binary(1, 0, 0.0, {})
    with pytest.raises(ProtocolError, match=rf"an input of {len(data) + 1} bytes; Wish has {len(data)}") as broken:
        WISH.decode_binary(data + b"\0")

    assert CloseCode.BAD_MESSAGE is broken.value.code


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"seq": 1, "dx": 2}, "input.dx"),
        ({"seq": 1, "fire": "yes"}, "input.fire"),
        ({"seq": 1, "share": float("nan")}, "input.share"),
        ({"seq": True}, "input.seq"),
        ({"seq": 2**32}, "input.seq"),
        ({"seq": 1, "ack": -1}, "input.ack"),
        ({"seq": 1, "lag": 256}, "input.lag"),
        ({"seq": 1, "lag": float("nan")}, "input.lag"),
        ({"seq": 1, "up": 1}, "input has no field 'up'; it has seq, ack, lag, dx, force, aim, share, fire"),
    ],
)
def test_a_bad_value_is_named(message: dict[str, Any], words: str) -> None:
    """Which field, and what it may be."""
    with pytest.raises(Refused) as refusal:
        WISH.decode_json({"type": "input", **message}, 0, 0.0)

    assert ErrorCode.BAD_VALUE is refusal.value.code
    assert words in refusal.value.message


def test_a_bad_binary_value_is_named() -> None:
    """The same for bytes: a direction of 2, and the number 0."""
    head = struct.pack("<BIIH", 1, 1, 0, 0)
    rest = WISH.encode_binary(1, 0, 0.0, {})[HEAD_BYTES + 1 :]
    with pytest.raises(Refused, match=r"input\.dx"):
        WISH.decode_binary(head + b"\x02" + rest)
    with pytest.raises(Refused, match="starts at 1"):
        WISH.decode_binary(struct.pack("<BIIH", 1, 0, 0, 0) + b"\x01" + rest)


def test_absent_ack_and_lag_stay_as_they_were() -> None:
    """Typed by hand, an input need not say what its player saw."""
    received: Input = WISH.decode_json({"type": "input", "seq": 3}, 17, 2.5)

    assert (3, 17, 2.5, Wish()) == (received.seq, received.ack, received.lag, received.value)


def test_only_fixed_width_can_be_an_input() -> None:
    """The mistake is told when the class is made."""
    with pytest.raises(DefinitionError, match="fixed width"):

        @input
        class Said:
            words: str = text(8)

    with pytest.raises(DefinitionError, match="needs a wire type"):

        @input
        class Unsaid:
            number: int = 3
            width: int = uint16()
