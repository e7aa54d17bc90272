"""RSA keys of the generator whose primes can be worked out (ROCA), told by their modulus alone.

It made primes k·M + (65537^a mod M), where M is the product of the first primes. So modulo each of these primes the
modulus is a power of 65537, which chance brings about for one sound key in 240 million.

Spec: RFC 8725 3.5; CVE-2017-15361
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import UnusableKey

# The primes that always were in M and of which 65537 has few powers, the most telling first: a sound key passes the
# first with 1 in 16.
_PRIMES: Final = (97, 37, 79, 11, 127, 61, 73, 151, 13, 17, 19, 53, 71, 103, 107, 109, 157)
_POWERS: Final = tuple((prime, frozenset(pow(65537, a, prime) for a in range(prime))) for prime in _PRIMES)


def require_sound_modulus(modulus: int) -> None:
    """Raises UnusableKey."""
    if all(modulus % prime in powers for prime, powers in _POWERS):
        raise UnusableKey(
            "the RSA key is of a generator whose keys can be broken (CVE-2017-15361)", clause="RFC 8725 3.5"
        )
