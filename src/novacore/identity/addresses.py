"""Addresses of mail: which are taken, and when two are the same."""

import hashlib
import ipaddress
import re
import unicodedata
from typing import Final

from novacore.identity.errors import AddressInvalid

EMAIL_CHARS_MAX: Final = 254
_LETTERS: Final = (
    "A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0388-\u03ce\u0400-\u0481\u048a-\u052f"
    "\u05d0-\u05ea\u0620-\u064a\u0904-\u0939\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"
)
_LABEL: Final = f"[{_LETTERS}](?:[{_LETTERS}-]{{0,61}}[{_LETTERS}])?"
EMAIL_PATTERN: Final = (
    f"^[{_LETTERS}.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@(?:{_LABEL}\\.){{0,8}}{_LABEL}$"
)
"""A plain address, in letters of the usual alphabets. A quoted local part is legal and never
needed; all that could end a header is out. Browsers, OpenAPI and Python read it alike."""
_ADDRESS: Final = re.compile(EMAIL_PATTERN.removeprefix("^").removesuffix("$"))


def parse(text: str) -> str:
    """The address as it is kept: trimmed, in Unicode's composed form.

    Raises:
        AddressInvalid: it is none.
    """
    address = unicodedata.normalize("NFC", text.strip())
    if len(address) > EMAIL_CHARS_MAX or _ADDRESS.fullmatch(address) is None:
        raise AddressInvalid
    return address


def key_of(address: str) -> str:
    """What two spellings of one address have in common; any text has a key."""
    return unicodedata.normalize("NFKC", address.strip()).casefold()[: EMAIL_CHARS_MAX * 2]


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
