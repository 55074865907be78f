"""The shared wire vectors, read by this side; tests/js/vectors.test.js reads the same file."""

import json
from typing import Any

import pytest
import ujson

from game_server.core import codec, json_codec
from game_server.core.inputs import InputType
from game_server.core.replica import Replica
from game_server.core.schema import fields_of
from tests.wire_vectors import FILE, text_of, vectors

CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_file_is_what_a_room_sends_today() -> None:
    """Whoever changes the wire writes the vectors anew (python -m tests.wire_vectors), and sees both ends read them."""
    assert FILE.read_text(encoding="utf-8") == text_of(vectors())


def test_all_forms_of_a_state_are_there() -> None:
    """Full, delta and checked delta; skipped states; owner-only values: nothing of the wire goes untested."""
    messages = [message for case in CASES for message in case["messages"]]
    advances = {int(message["hex"][2:4], 16) for message in messages if message.get("hex", "11")[:2] != "11"}

    assert {"10", "11", "12"} == {message["hex"][:2] for message in messages if "hex" in message}
    assert {"full", "delta"} == {ujson.loads(message["text"])["type"] for message in messages if "text" in message}
    assert {1, 3} <= advances
    assert any(message["expect"]["own"] for message in messages)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_client_holds_what_the_server_says(case: dict[str, Any]) -> None:
    """After every message the replica is the server's view for this seat, by value and by checksum."""
    replica = Replica(case["schema"])
    for message in case["messages"]:
        decoded: Any = (
            codec.decode_binary(replica.types, bytes.fromhex(message["hex"]))
            if "hex" in message
            else json_codec.decode_state(replica.types, ujson.loads(message["text"]))
        )
        replica.apply(decoded)

        expect = message["expect"]
        assert (expect["tick"], expect["ack"]) == (replica.tick, replica.ack)
        assert expect["own"] == sorted(replica.own)
        for name, states in expect["entities"].items():
            held = {str(thing.id): thing.values() for thing in replica.all(name)}
            assert states == held
        assert replica.room is not None
        assert expect["room"] == replica.room.values()
        assert expect["checksum"] == replica.checksum()


def test_inputs_are_packed_as_drawn() -> None:
    """An input's bytes are those that the server's own parser was made for."""
    schema = CASES[0]["schema"]
    input_type = InputType(schema["input"]["name"], fields_of(schema["input"]), None)
    for each in CASES[0]["inputs"]:
        assert each["hex"] == input_type.encode_binary(each["seq"], each["ack"], each["lag"], each["fields"]).hex()
