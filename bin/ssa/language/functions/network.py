"""Addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from .registry import DSP, Parameter, entry

_LONGEST = 64
"""No range is longer as text; nothing longer is read."""


@lru_cache(maxsize=512)
def _range(cidr_range: str) -> Callable[[str], bool]:
    """Return the test of a range; raises ValueError for what is no range."""
    import ipaddress  # only the detections that test addresses pay for it

    if len(cidr_range) > _LONGEST:
        raise ValueError("a CIDR range is not that long")
    try:
        network = ipaddress.ip_network(cidr_range.strip(), strict=False)
    except ValueError as error:
        raise ValueError(f"no CIDR range such as 10.0.0.0/8: {error}") from error

    def holds(ip: str) -> bool:
        try:
            address = ipaddress.ip_address(ip.strip())
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None and network.version == 4:
            address = address.ipv4_mapped
        return address in network

    return holds


@entry(
    Parameter("cidr_range", "string", prepare=_range),
    Parameter("ip", "string"),
    returns="boolean",
    help="Whether the address is in the range; false for a text that is no address.",
    source=f"{DSP}, Conditional; IPv6, no address: ours",
)
def cidrmatch(holds: Callable[[str], bool], ip: str) -> bool:
    """Test an address."""
    return holds(ip)
