"""The cipher suites that a server is offered, with their names, and those that nobody may use.

Spec: RFC 9325 4.1, 4.2; FAPI2-SP 5.2.2-1
Role: C
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import cache
from typing import Final

_BROKEN: Final = {
    0x0001: "TLS_RSA_WITH_NULL_MD5",
    0x0002: "TLS_RSA_WITH_NULL_SHA",
    0x0003: "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
    0x0004: "TLS_RSA_WITH_RC4_128_MD5",
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0x0008: "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
    0x0009: "TLS_RSA_WITH_DES_CBC_SHA",
    0x0014: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
    0x0015: "TLS_DHE_RSA_WITH_DES_CBC_SHA",
    0x0018: "TLS_DH_anon_WITH_RC4_128_MD5",
    0x003B: "TLS_RSA_WITH_NULL_SHA256",
    0xC002: "TLS_ECDH_ECDSA_WITH_RC4_128_SHA",
    0xC007: "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    0xC011: "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
}
_OLD: Final = {
    0x0007: "TLS_RSA_WITH_IDEA_CBC_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0xC008: "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    0xC012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
}
"""What newer versions of OpenSSL do not have."""
_SHARED_SECRET: Final = "PSK"
_TLS_1_3: Final = 0x1300


@cache
def named_suites() -> dict[int, str]:
    """All suites below TLS 1.3 that are tried: number and name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:eNULL:@SECLEVEL=0")
    known = {
        one["id"] & 0xFFFF: one["name"] for one in context.get_ciphers() if _SHARED_SECRET not in one["name"]
    }
    known = {number: name for number, name in known.items() if number & 0xFF00 != _TLS_1_3}
    return {**_OLD, **known, **_BROKEN}


def numbers_of(names: Iterable[str]) -> frozenset[int]:
    """The numbers of these suites, by the names that OpenSSL gives them."""
    wanted = set(names)
    return frozenset(number for number, name in named_suites().items() if name in wanted)


def is_broken(number: int) -> bool:
    """Whether RFC 9325 4.1 forbids it to everybody: no encryption, no authentication, RC4, under 112 bits."""
    name = named_suites()[number]
    return number in _BROKEN or "NULL" in name or name.startswith(("ADH", "AECDH"))
