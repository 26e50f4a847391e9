"""The client's address, from the one source that the client cannot forge."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"^(?:([0-9.]+)(?::[0-9]+)?|\[([^\]]+)\](?::[0-9]+)?)$")


# Longer than an IPv6 address with zone and port. Addresses are kept in memory, so their length must be bounded.
MAX_ADDRESS_CHARACTERS = 100


def client_address(peer: str, forwarded_for: str | None, trusted_proxies: int) -> str:
    """Return the client's address: with N trusted proxies the Nth entry of X-Forwarded-For from the right.

    Everything left of that entry may be forged. With fewer entries, the request did not come through the proxies, and
    the socket's peer counts.
    """
    if trusted_proxies and forwarded_for:
        entries = forwarded_for.split(",")
        if len(entries) >= trusted_proxies:
            return entries[-trusted_proxies].strip()[:MAX_ADDRESS_CHARACTERS] or peer
    return peer


def limited_client(address: str) -> str:
    """Return the client that a rate limit counts: an IPv4 address, or an IPv6 /64, as one subscriber line has."""
    return _network(address, ipv6_bits=64, ipv4_bits=32)


def truncated(address: str) -> str:
    """Return the address truncated for the log: IPv4 /24, IPv6 /48."""
    return _network(address, ipv6_bits=48, ipv4_bits=24)


@lru_cache(maxsize=4096)
def _network(address: str, ipv6_bits: int, ipv4_bits: int) -> str:
    try:
        parsed = ipaddress.ip_address(_WITH_PORT.sub(r"\1\2", address).split("%", 1)[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    bits = ipv4_bits if parsed.version == 4 else ipv6_bits
    return str(ipaddress.ip_network((parsed, bits), strict=False).network_address)
