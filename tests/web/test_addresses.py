"""Whose request it is: only trusted proxies are believed, and only about what they add themselves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.settings import BadSettings, Settings
from game_server.web.addresses import Addresses, group_of

PROXIES = ["10.0.0.0/8", "::1"]


@pytest.mark.parametrize(
    ("peer", "value", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.1.2.3", "10.7.7.7", "10.7.7.7"),
        ("10.1.2.3", "198.51.100.1:4711", "198.51.100.1"),
        ("::1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1, unknown", "10.1.2.3"),
        ("10.1.2.3", "<script>", "10.1.2.3"),
    ],
)
def test_the_client_is_the_first_address_that_no_proxy_made_up(peer: str, value: str, client: str) -> None:
    """A header counts from a trusted proxy alone, read from its end."""
    addresses = Addresses(PROXIES, "X-Forwarded-For", [])
    assert client == addresses.client_of(peer, {"X-Forwarded-For": value})


@pytest.mark.parametrize(
    ("header", "value", "client"),
    [
        ("Forwarded", 'for=6.6.6.6, for="198.51.100.1:4711";proto=https;by=10.0.0.1', "198.51.100.1"),
        ("Forwarded", 'proto=https;for="[2001:db8::1]"', "2001:db8::1"),
        ("Forwarded", "for=_hidden", "10.1.2.3"),
        ("X-Real-Ip", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_header_is_the_one_that_the_proxy_sets(header: str, value: str, client: str) -> None:
    """The other headers, which a proxy passes on as they came, say nothing."""
    others = dict.fromkeys(("X-Forwarded-For", "Forwarded", "X-Real-Ip"), "6.6.6.6")
    assert client == Addresses(PROXIES, header, []).client_of("10.1.2.3", {**others, header: value})


@given(st.text(max_size=80), st.sampled_from(["X-Forwarded-For", "Forwarded", "X-Real-Ip"]))
def test_any_header_gives_an_address(value: str, header: str) -> None:
    """Whatever a header holds, the answer is an address and no error."""
    client = Addresses(PROXIES, header, []).client_of("10.1.2.3", {header: value})
    assert group_of(client)


def test_one_ipv6_subscriber_is_one() -> None:
    """An IPv6 subscriber has a /64 of addresses, and counts once."""
    assert group_of("2001:db8:1:2:aaaa::1") == group_of("2001:db8:1:2:bbbb::2")
    assert group_of("2001:db8:1:2::1") != group_of("2001:db8:1:3::1")
    assert "192.0.2.1" == group_of("::ffff:192.0.2.1") == group_of("192.0.2.1")


def test_a_network_that_is_none_is_named() -> None:
    """A mistake in the settings is said in one line."""
    values: dict[str, Any] = {"trusted_proxies": ["10.0.0.0/99"]}
    with pytest.raises(BadSettings, match=r"trusted_proxies: '10\.0\.0\.0/99' is no address or network"):
        Settings(**values)
