"""RSA keys that are refused for their modulus: too short, too long, or made by the broken generator of ROCA.

That generator made primes k·M + (65537^a mod M), where M is the product of the first primes. So modulo each of these
primes the modulus is a power of 65537. For a sound key this is true by chance in one case of 240 million.

Spec: RFC 7518 3.3; FAPI2-SP 5.4.1-2; FAPI1-BL 5.2.2-5, 5.2.4-2; RFC 8725 3.5; CVE-2017-15361
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import UnusableKey

MINIMUM_BITS: Final = 2048
MAXIMUM_BITS: Final = 8192
"""A longer modulus would only make us compute for long."""

# The primes that are always in M and modulo which 65537 has few powers. The first is the most selective: one sound key
# in 16 passes it.
_PRIMES: Final = (97, 37, 79, 11, 127, 61, 73, 151, 13, 17, 19, 53, 71, 103, 107, 109, 157)
_POWERS: Final = tuple((prime, frozenset(pow(65537, a, prime) for a in range(prime))) for prime in _PRIMES)


def require_sound_modulus(modulus: int) -> None:
    """Raises UnusableKey for such a modulus."""
    bits = modulus.bit_length()
    if not MINIMUM_BITS <= bits <= MAXIMUM_BITS:
        raise UnusableKey(
            f"the RSA key is too short or too long: it must have {MINIMUM_BITS} to {MAXIMUM_BITS} bits",
            clause="FAPI2-SP 5.4.1-2",
            facts={"bits": bits},
        )
    if all(modulus % prime in powers for prime, powers in _POWERS):
        raise UnusableKey(
            "the RSA key was made by a generator whose keys can be broken (CVE-2017-15361): make a new key",
            clause="RFC 8725 3.5",
        )
