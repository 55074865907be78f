"""What a failing game or handler takes with it: its room, or its connection, and nothing else."""

from typing import Any, ClassVar

import pytest

from game_server.game import BadCommand, Entity, Game, Seat, entity, input, int8, uint8
from tests.web.game_site import NewSite, soon


@input
class Push:
    dx: int = int8(min=-1, max=1)


class Fragile(Game):
    """Fails where it is told to."""

    input = Push
    fails: ClassVar[str] = ""

    def start(self) -> None:
        self._fail_in("start")

    def _fail_in(self, hook: str) -> None:
        if self.fails == hook:
            raise RuntimeError(f"fails in {hook}")

    def leave(self, seat: Seat) -> None:
        self._fail_in("leave")

    def command(self, seat: Seat, name: str, data: Any) -> None:
        self._fail_in("command")
        if name == "emit":
            self.emit("odd", object())
        elif name == "end":
            self.close_room(None)  # type: ignore[arg-type]  # as a game without type checks may
        elif name == "refuse":
            raise BadCommand(404)  # type: ignore[arg-type]  # the same

    def step(self, inputs: dict[Seat, Push]) -> None:
        if any(push.dx for push in inputs.values()):
            self._fail_in("step")


@entity
class Card(Entity):
    face: int = uint8()


class Veil(Game):
    """Decides for ever who sees a card, once it is told to."""

    input = Push
    entities = (Card,)
    veiled = (Card,)
    is_undecided: bool = False

    def start(self) -> None:
        self.world.spawn(Card())

    def command(self, seat: Seat, name: str, data: Any) -> None:
        self.is_undecided = True

    def sees(self, seat: Seat, card: Card) -> bool:
        while self.is_undecided:
            pass
        return True

    def step(self, inputs: dict[Seat, Push]) -> None:
        pass


@pytest.fixture(autouse=True)
def fails_nowhere() -> Any:
    yield
    Fragile.fails = ""


@pytest.mark.gen_test
async def test_a_crash_closes_the_room_and_keeps_a_report(new_site: NewSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody in the room is told; the report says where, at which tick and with which inputs; other rooms go on."""
    site = await new_site({"fragile": Fragile})
    bystander, victim = await site.join(create=True), await site.join(game="fragile")
    monkeypatch.setattr(Fragile, "fails", "step")
    await victim.send("input", seq=1, dx=1)
    code, reason = await victim.closed()
    assert (4013, True) == (code, reason.startswith("the game failed at tick "))
    (report,) = site.hub.crashes.kept
    assert ("fragile", victim.welcome["room"], "RuntimeError('fails in step')") == (
        report.game,
        report.room_id,
        report.error,
    )
    assert "_fail_in" in report.traceback
    assert {0: "Push(dx=1)"} == report.inputs
    await bystander.receive("delta")
    assert [bystander.welcome["room"]] == list(site.hub.lobby.rooms)


@pytest.mark.parametrize("hook", ["leave", "command"])
@pytest.mark.gen_test
async def test_every_hook_may_fail(new_site: NewSite, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    """A hook that raises ends its room like a step does."""
    site = await new_site({"fragile": Fragile})
    first, second = await site.join(game="fragile"), await site.join(game="fragile")
    monkeypatch.setattr(Fragile, "fails", hook)
    await first.send("command", name="act") if hook == "command" else await first.send("leave")
    assert 4013 == (await second.closed())[0]
    assert f"fails in {hook}" in site.hub.crashes.kept[0].error


@pytest.mark.gen_test
async def test_a_view_that_is_never_decided_loses_its_room_only(new_site: NewSite) -> None:
    """What a game decides about views is interrupted like a step when it does not end."""
    site = await new_site({"veil": Veil}, step_timeout_s=0.3)
    with site.hub.watchdog:
        bystander, ann = await site.join(create=True), await site.join(game="veil")
        await ann.receive("full")
        await ann.send("command", name="ponder")
        assert 4013 == (await ann.closed())[0]
        assert "in sees" in site.hub.crashes.kept[0].traceback
        await bystander.receive("delta")


@pytest.mark.gen_test
async def test_an_event_that_is_no_json_is_a_crash(new_site: NewSite) -> None:
    """What a game emits must be JSON; anything else is its fault and nobody else's."""
    site = await new_site({"fragile": Fragile})
    ann = await site.join(game="fragile")
    await ann.send("command", name="emit")
    assert 4013 == (await ann.closed())[0]


@pytest.mark.gen_test
async def test_a_room_that_cannot_start(new_site: NewSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for it is told; no room, seat or token is left behind."""
    site = await new_site({"fragile": Fragile})
    monkeypatch.setattr(Fragile, "fails", "start")
    ann = await site.connect()
    await ann.send("join", version=1, game="fragile")
    assert (4013, "the game failed to start a room") == await ann.closed()
    assert 1 == site.hub.crashes.count
    assert {} == site.hub.lobby.rooms


@pytest.mark.gen_test
async def test_a_handler_that_fails_ends_its_connection_only(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the server's own on one message costs one connection, whose player may come back."""
    site = await new_site()
    ann, bob = await site.join("Ann"), await site.join("Bob")
    (room,) = site.hub.lobby.rooms.values()
    receive = room.receive

    def fail_for_ann(session: Any, *rest: Any) -> None:
        if session.seat.name == "Ann":
            raise LookupError("a fault of our own")
        receive(session, *rest)

    monkeypatch.setattr(room, "receive", fail_for_ann)
    await ann.send("chat", text="hello")
    assert 1011 == (await ann.closed())[0]
    await bob.send("chat", text="hello")
    assert "Bob" == (await bob.event("chat"))["name"]
    monkeypatch.undo()
    assert (await site.resume(ann.welcome["token"])).welcome["resumed"]


@pytest.mark.gen_test
async def test_housekeeping_outlives_a_room_that_breaks_it(new_site: NewSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A room whose house cannot be kept does not keep other rooms from vanishing when they are empty."""
    site = await new_site(empty_room_s=0, dead_after_s=2)
    broken, other = await site.join(create=True), await site.join(create=True)

    def fail(now_s: float) -> None:
        raise LookupError("a fault of our own")

    monkeypatch.setattr(site.hub.lobby.rooms[broken.welcome["room"]], "expire", fail)
    await other.send("leave")
    await soon(lambda: list(site.hub.lobby.rooms) == [broken.welcome["room"]])


@pytest.mark.gen_test
async def test_a_reason_that_is_no_text_is_a_crash(new_site: NewSite) -> None:
    """A game that ends its room for a reason that is no text loses that room; all others go on ticking."""
    site = await new_site({"fragile": Fragile})
    bystander, ann = await site.join(create=True), await site.join(game="fragile")
    await ann.send("command", name="end")
    assert 4013 == (await ann.closed())[0]
    assert "None" in site.hub.crashes.kept[0].error
    await bystander.receive("full")
    await bystander.receive("delta")


@pytest.mark.gen_test
async def test_a_room_that_cannot_be_ended_stops_nobody_else(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the server's own while it ends a room costs that room: the others go on ticking."""
    site = await new_site({"fragile": Fragile})
    bystander, ann = await site.join(create=True), await site.join(game="fragile")
    await bystander.receive("full")

    def fail(room: Any) -> None:
        raise LookupError("a fault of our own")

    monkeypatch.setattr(site.hub.ticker, "_closed", fail)
    site.hub.lobby.rooms[ann.welcome["room"]].close("over")
    assert 4013 == (await ann.closed())[0]
    tick = (await bystander.receive("delta"))["tick"]
    while (await bystander.receive("delta"))["tick"] < tick + 3:
        pass


@pytest.mark.gen_test
async def test_a_refusal_that_is_no_text_is_told_as_one(new_site: NewSite) -> None:
    """A game may refuse a command with whatever it likes: its player reads it, and its room is kept in order."""
    site = await new_site({"fragile": Fragile}, empty_room_s=0, dead_after_s=2)
    ann = await site.join(game="fragile")
    await ann.send("command", name="refuse")
    assert "404" == (await ann.receive("error"))["message"]
    await ann.send("leave")
    await soon(lambda: not site.hub.lobby.rooms)
