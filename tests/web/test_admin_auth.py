"""The gate of the admin page, without a server: secrets, tokens, limits, origins."""

import os
from pathlib import Path

import pytest

from game_server.web.admin_auth import (
    ADDRESSES_MAX,
    FAILURES_BURST,
    SESSION_LIFETIME_S,
    SESSIONS_MAX,
    Admin,
    EndedTokens,
    Gate,
    LogIn,
    Role,
    is_own_page,
    key_of,
)


def make_gate() -> Gate:
    return Gate({Role.OPERATOR: "hush", Role.VIEWER: "peek"})


def log_in(gate: Gate, secret: str = "hush", address: str = "192.0.2.1", now_s: float = 0.0) -> tuple[str, Admin]:
    outcome = gate.log_in(secret, address, now_s)
    assert not isinstance(outcome, LogIn)
    return outcome


@pytest.mark.parametrize(("secret", "role"), [("hush", Role.OPERATOR), ("peek", Role.VIEWER)])
def test_each_secret_gives_its_role(secret: str, role: Role) -> None:
    """The token that a secret is exchanged for stands for that secret's role, and is not the secret."""
    gate = make_gate()
    token, admin = log_in(gate, secret)

    assert (role, admin) == (admin.role, gate.admin_of(token, 1.0))
    assert secret not in token


@pytest.mark.parametrize("secret", ["", "hus", "hush ", "HUSH", "\ud800"])
def test_a_wrong_secret_opens_nothing(secret: str) -> None:
    """Nothing but a whole secret is right."""
    assert LogIn.WRONG is make_gate().log_in(secret, "192.0.2.1", 0.0)


def test_an_empty_secret_is_no_secret() -> None:
    """A role whose secret is not set is nobody's: the empty text does not open it."""
    assert LogIn.WRONG is Gate({Role.OPERATOR: "hush", Role.VIEWER: ""}).log_in("", "192.0.2.1", 0.0)


@pytest.mark.parametrize("token", [None, "", "hush", "made-up"])
def test_only_its_own_tokens_count(token: str | None) -> None:
    """What the gate has not given out stands for nobody, the secret itself included."""
    gate = make_gate()
    log_in(gate)

    assert gate.admin_of(token, 0.0) is None


def test_a_session_ends_by_itself() -> None:
    """A token is good for its lifetime and no longer."""
    gate = make_gate()
    token, admin = log_in(gate)

    assert admin == gate.admin_of(token, SESSION_LIFETIME_S - 1)
    assert gate.admin_of(token, SESSION_LIFETIME_S) is None


def test_logging_out_ends_one_session() -> None:
    """A token that was logged out is worthless; another one of the same secret is not."""
    gate = make_gate()
    (first, _), (second, admin) = log_in(gate), log_in(gate)
    gate.log_out(first, 0.0)

    assert (None, admin) == (gate.admin_of(first, 0.0), gate.admin_of(second, 0.0))


def test_sessions_are_bounded() -> None:
    """When too many log in, the oldest session makes room."""
    gate = make_gate()
    tokens = [log_in(gate)[0] for _ in range(SESSIONS_MAX + 1)]

    assert gate.admin_of(tokens[0], 0.0) is None
    assert all(gate.admin_of(token, 0.0) for token in tokens[1:])


def test_guessing_is_limited_and_counted() -> None:
    """After a burst of wrong secrets an address is refused, the right one too, until time has passed."""
    gate = make_gate()
    outcomes = [gate.log_in("guess", "192.0.2.1", 0.0) for _ in range(FAILURES_BURST + 2)]

    assert [LogIn.WRONG] * FAILURES_BURST + [LogIn.TOO_MANY] * 2 == outcomes
    assert LogIn.TOO_MANY is gate.log_in("hush", "192.0.2.1", 1.0)
    assert (FAILURES_BURST, 3) == (gate.failed, gate.limited)
    assert log_in(gate, now_s=30.0)


def test_guessing_shuts_out_nobody_else() -> None:
    """The limit of one address does not concern another, nor those who are in already."""
    gate = make_gate()
    token, admin = log_in(gate, address="192.0.2.7")
    for _ in range(FAILURES_BURST + 2):
        gate.log_in("guess", "192.0.2.1", 0.0)

    assert log_in(gate, address="192.0.2.2")
    assert admin == gate.admin_of(token, 0.0)


def test_logging_in_often_is_no_guessing() -> None:
    """Right secrets are never limited, however many."""
    gate = make_gate()
    assert [] == [n for n in range(50) if isinstance(gate.log_in("hush", "192.0.2.1", n / 1.0), LogIn)]


def test_one_ipv6_subscriber_is_one_address() -> None:
    """Guesses from all over a /64 count together."""
    gate = make_gate()
    outcomes = [gate.log_in("guess", f"2001:db8::{number:x}", 0.0) for number in range(1, FAILURES_BURST + 2)]

    assert LogIn.TOO_MANY is outcomes[-1]


def test_many_addresses_are_limited_together_and_take_bounded_memory() -> None:
    """Guessing from thousands of addresses is refused too, and only so many are remembered."""
    gate = make_gate()
    outcomes = [gate.log_in("guess", f"192.0.{n // 256}.{n % 256}", 0.0) for n in range(ADDRESSES_MAX + 200)]

    assert LogIn.TOO_MANY is outcomes[-1]
    assert len(gate._failures) <= ADDRESSES_MAX


def test_processes_take_each_others_tokens() -> None:
    """With one key whoever logged in at one process is in at all; without it, or with another, nowhere else."""
    here, there = (Gate({Role.OPERATOR: "hush", Role.VIEWER: "peek"}, key_of("hush")) for _ in range(2))
    stranger = Gate({Role.OPERATOR: "other"}, key_of("other"))
    token, admin = log_in(here, "peek")

    assert admin == here.admin_of(token, 1.0) == there.admin_of(token, 1.0)
    assert (None, None) == (stranger.admin_of(token, 1.0), make_gate().admin_of(token, 1.0))
    assert there.admin_of(token, SESSION_LIFETIME_S) is None
    assert there.admin_of(token[:-2] + "xx", 1.0) is None


def test_a_token_that_was_logged_out_does_not_come_back(tmp_path: Path) -> None:
    """That its signature is right opens nothing: not where it was logged out, nor at a process that was told, nor at
    one that starts later on the same machine."""

    def gate() -> Gate:
        return Gate({Role.OPERATOR: "hush"}, key_of("hush"), EndedTokens(tmp_path / "data" / "logged_out.txt"))

    here, there = gate(), gate()
    token, _ = log_in(here)
    assert there.admin_of(token, 1.0) is not None
    digest = here.log_out(token, 2.0)
    there.end(digest, 2.0)

    assert [None, None, None] == [each.admin_of(token, 3.0) for each in (here, there, gate())]
    assert token not in (tmp_path / "data" / "logged_out.txt").read_text()


def test_tokens_that_were_logged_out_are_forgotten_when_none_of_them_could_hold(tmp_path: Path) -> None:
    """The file begins anew once its newest line is older than a session lives: it does not grow for ever."""
    path = tmp_path / "logged_out.txt"
    ended = EndedTokens(path)
    ended.add("aa", 0.0)
    os.utime(path, (0.0, 0.0))
    ended.add("bb", SESSION_LIFETIME_S)
    assert ["aa", "bb"] == path.read_text().split()
    os.utime(path, (0.0, 0.0))
    ended.add("cc", SESSION_LIFETIME_S + 1)

    assert ["cc"] == path.read_text().split()


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://example.org:8888", "example.org:8888", True),
        ("https://Example.org", "example.org", True),
        (None, "example.org", False),
        ("null", "example.org", False),
        ("", "", False),
        ("http://example.org:8889", "example.org:8888", False),
        ("http://example.org.evil.test", "example.org", False),
        ("http://evil.test/example.org", "example.org", False),
        ("http://example.org@evil.test", "example.org", False),
        ("http://[", "example.org", False),
    ],
)
def test_only_pages_of_this_very_host_are_its_own(origin: str | None, host: str, is_own: bool) -> None:
    """An origin counts when its host and port are those of the request; none at all does not."""
    assert is_own is is_own_page(origin, host)
