"""Addresses of mail: which are taken, and when two are the same."""

import hashlib
import ipaddress
import re
import unicodedata
from typing import Final

from novacore.identity.errors import AddressInvalid

_LENGTH_MAX: Final = 254
# A quoted local part is legal and never needed; all that could end a header is out.
_ADDRESS: Final = re.compile(
    r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}"
    r"@(?:[\w](?:[\w-]{0,61}[\w])?\.)*[\w](?:[\w-]{0,61}[\w])?"
)


def parse(text: str) -> str:
    """The address as it is kept: trimmed, in Unicode's composed form.

    Raises:
        AddressInvalid: it is none.
    """
    address = unicodedata.normalize("NFC", text.strip())
    is_good = len(address) <= _LENGTH_MAX and _ADDRESS.fullmatch(address) is not None
    if not is_good or not address.isprintable():
        raise AddressInvalid
    return address


def key_of(address: str) -> str:
    """What two spellings of one address have in common; any text has a key."""
    return unicodedata.normalize("NFKC", address.strip()).casefold()[: _LENGTH_MAX * 2]


def network_of(ip: str) -> str:
    """What one client is counted by: the IPv4 address, or the IPv6 network that a home gets."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return hashlib.sha256(ip.encode("utf-8", "surrogatepass")).hexdigest()[:32] if ip else ""
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
