"""Whose request it is: the client's address behind trusted proxies, which addresses count as one, whose page sent it.

A proxy adds the address it heard a request from to a header, behind whatever the request brought with it. So the
header counts only when the connection itself comes from a trusted proxy, and is read from its end: the first address
that is no trusted proxy is the client's. Everything before it is anybody's invention.

Knows headers and networks; knows nothing of limits.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")
#: of a chain of proxies, from its end; nobody has so many
HOPS_MAX = 16

_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*"?([^";]+)"?', re.IGNORECASE)


def parse_networks(texts: Sequence[str]) -> list[Network]:
    """Return networks from addresses or CIDR notation; raise ValueError with the one that is neither."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise ValueError(f"{text!r} is no address or network such as 10.0.0.0/8 or ::1") from None
    return networks


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """Return an address, or None; an IPv4 one that was mapped into IPv6 is an IPv4 one."""
    text = text.strip().strip('"')
    if text.startswith("["):  # [2001:db8::1]:4711
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 192.0.2.1:4711
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def group_of(address: str) -> str:
    """Return what is limited as one: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    parsed = parse_address(address)
    if parsed is None:
        return address[:64]
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def is_page_of(origin: str, host: str) -> bool:
    """Return whether an `Origin` is that of this very host's pages; text that is no origin is nobody's."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


class Addresses:
    """Which proxies are believed, and who is exempt from limits by address.

    Args:
        trusted_proxies: their addresses or networks.
        header: the one of FORWARDED_HEADERS that they set.
        exempt: addresses or networks without limits of their own.
    """

    def __init__(self, trusted_proxies: Sequence[str], header: str, exempt: Sequence[str]) -> None:
        self._trusted = parse_networks(trusted_proxies)
        self._header = header
        self._exempt = parse_networks(exempt)

    @property
    def has_proxies(self) -> bool:
        return bool(self._trusted)

    def is_proxy(self, address: str) -> bool:
        """Return whether this is a trusted proxy's address."""
        return _is_in(parse_address(address), self._trusted)

    def is_exempt(self, address: str) -> bool:
        """Return whether limits by address do not concern this one."""
        return _is_in(parse_address(address), self._exempt)

    def client_of(self, peer: str, headers: Mapping[str, str]) -> str:
        """Return the address of the client behind a connection from `peer`."""
        address = parse_address(peer)
        if address is None or not self.is_proxy(peer):
            return peer
        for text in reversed(self._hops(headers.get(self._header, ""))[-HOPS_MAX:]):
            hop = parse_address(text)
            if hop is None:  # "unknown", or an invention
                break
            address = hop
            if not _is_in(hop, self._trusted):
                break
        return str(address)

    def _hops(self, value: str) -> list[str]:
        if self._header != "Forwarded":
            return value.split(",") if value else []
        found = (_FORWARDED_FOR.search(element) for element in value.split(","))
        return [match[1] if match else "unknown" for match in found] if value else []


def _is_in(address: Address | None, networks: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in networks)
