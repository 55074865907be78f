"""A room of a small game that notes what it hears, driven tick by tick without sockets or a clock."""

import json
from typing import Any

from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.core.session import Session
from game_server.errors import BadCommand
from game_server.game import Entity, Game, OutsideContext, Seat, entity, flag, input, int8, uint16

TICK_RATE = 20


@entity
class Pawn(Entity):
    """One of each player."""

    steps: int = uint16()
    last_dx: int = int8()
    purse: int = uint16(to="owner")


@input
class Push:
    """A direction."""

    dx: int = int8(min=-1, max=1)
    boom: bool = flag()


async def look_up(context: OutsideContext, key: str) -> str:
    """Work beside the tick; never run here: the room only asks for it."""
    raise NotImplementedError


class Diary(Game):
    """Writes down every hook that is called and every input it is given."""

    tick_rate = TICK_RATE
    seats = 4
    entities = (Pawn,)
    input = Push
    outside = {"look_up": look_up}

    score: int = uint16()
    heard: list[tuple[Any, ...]] = []
    pawns: dict[int, int] = {}

    def join(self, seat: Seat) -> None:
        self.heard.append(("join", self.tick, seat.name))
        self.pawns[seat.number] = self.world.spawn(Pawn(), owner=seat).id

    def drop(self, seat: Seat) -> None:
        self.heard.append(("drop", self.tick, seat.name))

    def resume(self, seat: Seat) -> None:
        self.heard.append(("resume", self.tick, seat.name))

    def leave(self, seat: Seat) -> None:
        self.heard.append(("leave", self.tick, seat.name))
        self.world.despawn(self.world.get(self.pawns.pop(seat.number)))

    def step(self, inputs: dict[Seat, Push]) -> None:
        for seat, push in inputs.items():
            if push.boom:
                raise RuntimeError("boom")
            pawn = self.world.get(self.pawns[seat.number])
            pawn.steps += 1
            pawn.last_dx = push.dx

    def command(self, seat: Seat, name: str, data: Any) -> None:
        if name == "look up":
            self.outside_call("look_up", data)
        elif name == "whisper":
            self.emit("secret", data, to=seat)
        elif name == "lock":
            self.lock_room()
        elif name == "end":
            self.close_room("that was it")
        else:
            raise BadCommand(f"no {name!r}; there are look up, whisper, lock and end")
        self.heard.append(("command", self.tick, seat.name, name))

    def chat(self, seat: Seat, text: str) -> str | None:
        return None if "darn" in text else text.upper()

    def on_outside(self, name: str, result: Any, error: str | None) -> None:
        self.heard.append(("outside", self.tick, name, result, error))


DEFINITION = GameDefinition.of("diary", Diary)


class Match:
    """A room and its time."""

    def __init__(self, **limits: Any) -> None:
        self.now_s = 100.0
        self.room = Room("r1", DEFINITION, None, 7, RoomLimits(**limits), self.now_s)
        self._joined = 0

    @property
    def heard(self) -> list[tuple[Any, ...]]:
        """What the game noted."""
        game: Any = self.room.game
        heard: list[tuple[Any, ...]] = game.heard
        return heard

    def join(self, name: str = "Ann", is_json: bool = True) -> Session:
        """Seat a player; its welcome waits in the session's outbox."""
        self._joined += 1
        return self.room.join(name, f"token-{self._joined}", self, is_json, self.now_s)

    def resume(self, session: Session, tick: int | None, event: int = 0) -> dict[str, Any]:
        """Bring a player back and return its welcome."""
        self.room.resume(session, f"{session.token}+", self, session.is_json, tick, event, self.now_s)
        return self.said(session)[0]

    def say(self, session: Session, **message: Any) -> list[dict[str, Any]]:
        """Send a JSON message; return what was answered at once."""
        session.outbox.clear()
        self.room.receive(session, json.dumps(message), self.now_s)
        return self.said(session)

    def said(self, session: Session) -> list[dict[str, Any]]:
        """Return the text messages queued for a session, and forget them."""
        texts = [json.loads(text) for text in session.outbox if isinstance(text, str)]
        session.outbox.clear()
        return texts

    def tick(self, count: int = 1) -> dict[int, list[dict[str, Any]]]:
        """Run ticks; return what the last one sent to each seat of the JSON codec."""
        sent: dict[int, list[dict[str, Any]]] = {}
        for _ in range(count):
            self.now_s += 1 / TICK_RATE
            self.room.take_inputs()
            self.room.step()
            self.room.capture()
            sent = {}
            for session, message in self.room.outgoing():
                if isinstance(message, str):
                    sent.setdefault(session.seat.number, []).append(json.loads(message))
        return sent

    def pawn(self, session: Session) -> Any:
        """Return a player's entity."""
        game: Any = self.room.game
        return self.room.world.get(game.pawns[session.seat.number])
