"""Who a player is, over real sockets: guests, signed tokens good and bad, and one user on several devices."""

import datetime
import json
from pathlib import Path
from typing import Any, ClassVar

import jwt
import pytest
import typed_settings as ts
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from game_server.game import Game, Seat, input, int8
from game_server.settings import BadSettings, Settings
from game_server.web.identity import Identity
from tests.web.game_site import GameSite, NewSite, soon

SECRET = "a secret that only the accounts' server knows"
DAY_S = 86_400
SIGNED: dict[str, Any] = {"identity_secret": ts.SecretStr(SECRET)}


@input
class Push:
    dx: int = int8()


class Open(Game):
    """Guests may play; tells who is who."""

    input = Push
    told: ClassVar[list[tuple[str, str | None]]] = []

    def join(self, seat: Seat) -> None:
        self.told.append(("join", seat.user_id))

    def leave(self, seat: Seat) -> None:
        self.told.append(("leave", seat.user_id))

    def resume(self, seat: Seat) -> None:
        self.told.append(("resume", seat.user_id))

    def step(self, inputs: dict[Seat, Push]) -> None:
        pass


class Members(Open):
    """For users only, each with as many seats as it likes."""

    input = Push
    requires_identity = True
    told: ClassVar[list[tuple[str, str | None]]] = []


class Single(Members):
    """For users only, each with one seat."""

    input = Push
    one_seat_per_user = True
    told: ClassVar[list[tuple[str, str | None]]] = []


GAMES: dict[str, type[Game]] = {"open": Open, "members": Members, "single": Single}


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    for game in (Open, Members, Single):
        game.told.clear()


def claims(user: Any = "ann", lifetime_s: float = DAY_S, **more: Any) -> dict[str, Any]:
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=lifetime_s)
    return {"sub": user, "exp": expires, **more}


def token(user: Any = "ann", lifetime_s: float = DAY_S, key: Any = SECRET, **more: Any) -> str:
    return jwt.encode(claims(user, lifetime_s, **more), key, "HS256")


def identity(**settings: Any) -> Identity:
    values: dict[str, Any] = {**SIGNED, **settings}
    return Identity(Settings(**values))


def of_file(path: Path) -> Identity:
    values: dict[str, Any] = {"identity_key_file": str(path)}
    return Identity(Settings(**values))


async def refused(site: GameSite, game: str, **wish: Any) -> tuple[int, str]:
    player = await site.connect()
    await player.send("join", version=1, game=game, **wish)
    return await player.closed()


# ---- tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_guests_play_where_nothing_else_is_asked(new_site: NewSite) -> None:
    """Without a token a player is a guest; with one the same game knows the user."""
    site = await new_site(GAMES, **SIGNED)
    guest = await site.join(game="open")
    await guest.receive("full")
    user = await site.join(game="open", identity=token("ann"))
    await user.receive("full")
    assert [("join", None), ("join", "ann")] == Open.told


@pytest.mark.gen_test
async def test_a_game_can_ask_for_a_token(new_site: NewSite) -> None:
    """A guest is told that a token is wanted; a user gets in and the game hears its id."""
    site = await new_site(GAMES, **SIGNED)
    assert (4020, "members wants a signed token in join.identity") == await refused(site, "members")
    user = await site.join(game="members", identity=token("ann"))
    await user.receive("full")
    assert [("join", "ann")] == Members.told


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (token(lifetime_s=-60), "the token has expired; get a new one and join again"),
        (token(key="another secret of thirty-two bytes or more"), "the token's signature does not fit"),
        (token(lifetime_s=2 * DAY_S, nbf=claims()["exp"]), "the token is not valid yet"),
        (token(user=""), "the token's sub must be text of 1 to 128 printable characters"),
        (token(user="a\x00b"), "the token's sub must be text of 1 to 128 printable characters"),
        (token(user="x" * 129), "the token's sub must be text of 1 to 128 printable characters"),
        (jwt.encode({"sub": "ann"}, SECRET, "HS256"), "the token has no exp; it needs sub and exp"),
        (jwt.encode({"exp": claims()["exp"]}, SECRET, "HS256"), "the token has no sub; it needs sub and exp"),
        (jwt.encode(claims(), "", "none"), "the token's signature does not fit"),
        (jwt.encode(claims(), SECRET * 2, "HS512"), "the token's signature does not fit"),
        ("rubbish", "not a signed token (JWT)"),
        ("", "not a signed token (JWT)"),
    ],
)
@pytest.mark.gen_test
async def test_a_bad_token_is_named(new_site: NewSite, given: str, reason: str) -> None:
    """What is wrong with a token is said; it makes nobody a guest, not even where guests may play."""
    site = await new_site(GAMES, **SIGNED)
    assert (4020, reason) == await refused(site, "open", identity=given)
    assert 1 == site.hub.closes["bad_identity"]


@pytest.mark.gen_test
async def test_without_keys_no_token_is_good(new_site: NewSite) -> None:
    """A server that cannot check a token does not pretend that it did."""
    site = await new_site()
    assert (4020, "this server checks no identities; join without one") == await refused(
        site, "swarm", identity=token()
    )


def test_issuer_audience_and_leeway_count() -> None:
    """Where they are set, a token must be of that issuer and for that audience; clocks may differ a little."""
    strict = identity(identity_issuer="accounts", identity_audience="game", identity_leeway_s=30)
    assert "ann" == strict.verify(token(iss="accounts", aud=["game", "shop"]))
    assert "ann" == strict.verify(token(iss="accounts", aud="game", lifetime_s=-15))
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"iss": "accounts", "aud": "shop"}, "audience"),
        ({"iss": "other", "aud": "game"}, "issuer"),
        ({"iss": "accounts"}, "no aud"),
    ]
    for wrong, reason in wrongs:
        with pytest.raises(Exception, match=reason):
            strict.verify(token(**wrong))


# ---- keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_public_keys_verify(tmp_path: Path, algorithm: str) -> None:
    """A key in PEM verifies tokens of its own algorithm, and none that took the key for a secret."""
    private: Any = {
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }[algorithm]()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    checks = of_file(tmp_path / "key.pem")
    assert "ann" == checks.verify(jwt.encode(claims(), private, algorithm))
    confused = token(key=jwt.utils.base64url_encode(pem).decode())
    with pytest.raises(Exception, match="signature does not fit"):
        checks.verify(confused)


def test_keys_of_a_set_are_found_by_name(tmp_path: Path) -> None:
    """While keys are changed, tokens of the old and of the new one are good, and of no other."""
    pairs = {name: ed25519.Ed25519PrivateKey.generate() for name in ("old", "new", "other")}
    described = [
        {**jwt.get_algorithm_by_name("EdDSA").to_jwk(pairs[name].public_key(), as_dict=True), "kid": name}
        for name in ("old", "new")
    ]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": described}))
    checks = of_file(tmp_path / "keys.json")
    for name in ("old", "new"):
        assert "ann" == checks.verify(jwt.encode(claims(), pairs[name], "EdDSA", headers={"kid": name}))
        assert "ann" == checks.verify(jwt.encode(claims(), pairs[name], "EdDSA"))
    for name, reason in (("other", "does not know"), ("old", "does not fit")):
        with pytest.raises(Exception, match=reason):
            checks.verify(jwt.encode(claims(), pairs["other"], "EdDSA", headers={"kid": name}))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"identity_secret": ts.SecretStr("short")}, "at least 32 bytes"),
        ({"identity_key_file": "nowhere.pem"}, "nowhere.pem"),
        ({"identity_key_file": __file__}, "identity_key_file"),
    ],
)
def test_a_key_that_is_none_is_refused_at_start(settings: dict[str, Any], reason: str) -> None:
    """A server never starts with keys that verify nothing."""
    with pytest.raises(BadSettings, match=reason):
        Identity(Settings(**settings))


@pytest.mark.gen_test
async def test_a_game_that_nobody_could_join_is_refused_at_start(new_site: NewSite) -> None:
    """A game that asks for tokens needs a server that has keys."""
    with pytest.raises(BadSettings, match="members, single wants signed tokens"):
        await new_site(GAMES)


# ---- several devices ---------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_both_seats_where_the_game_lets_them(new_site: NewSite) -> None:
    """By default a user's second device has a seat of its own."""
    site = await new_site(GAMES, **SIGNED)
    phone = await site.join(game="members", identity=token("ann"))
    desk = await site.join(game="members", identity=token("ann"))
    await desk.receive("full")
    await phone.receive("delta", "full")
    assert {0, 1} == {phone.welcome["seat"], desk.welcome["seat"]}


@pytest.mark.gen_test
async def test_the_newer_device_takes_the_only_seat(new_site: NewSite) -> None:
    """Where a user has one seat, a second device goes on in it, the first is told, and its token is good no more."""
    site = await new_site(GAMES, **SIGNED)
    phone = await site.join(game="single", identity=token("ann"))
    bob = await site.join(game="single", identity=token("bob"))
    desk = await site.join(game="single", identity=token("ann"))
    assert (4010, "another connection resumed this seat") == await phone.closed()
    assert (phone.welcome["room"], phone.welcome["seat"], True) == tuple(
        desk.welcome[key] for key in ("room", "seat", "resumed")
    )
    assert "tick" in await desk.receive("full")
    await bob.receive("delta")
    assert [("join", "ann"), ("join", "bob")] == Single.told
    late = await site.connect()
    await late.send("resume", version=1, token=phone.welcome["token"])
    assert 4015 == (await late.closed())[0]


@pytest.mark.gen_test
async def test_another_room_gives_the_only_seat_up(new_site: NewSite) -> None:
    """A user with one seat who makes a new room leaves the old one; one who cannot get in keeps it."""
    site = await new_site(GAMES, **SIGNED)
    first = await site.join(game="single", identity=token("ann"))
    assert 4004 == (await refused(site, "single", identity=token("ann"), room="nowhere"))[0]
    await first.receive("delta", "full")
    second = await site.join(game="single", identity=token("ann"), create=True)
    assert (4010, "you joined another room") == await first.closed()
    assert first.welcome["room"] != second.welcome["room"]
    again = await site.join(game="single", identity=token("ann"))
    assert second.welcome["room"] == again.welcome["room"]
    await soon(lambda: len(site.hub.players) == 1)


@pytest.mark.gen_test
async def test_who_left_may_come_again(new_site: NewSite) -> None:
    """A seat given up is a user's no more."""
    site = await new_site(GAMES, **SIGNED)
    first = await site.join(game="single", identity=token("ann"))
    await first.send("leave")
    assert 1000 == (await first.closed())[0]
    again = await site.join(game="single", identity=token("ann"))
    assert not again.welcome["resumed"]
