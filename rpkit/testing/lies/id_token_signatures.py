"""ID tokens that the bank did not sign.

Spec: OIDC 3.1.3.7-6, -7; FAPI2-SP 5.4.1-1.2; RFC 8725 2.1, 3.1, 3.2
Role: C
"""

from typing import Final

from rpkit.testing import changes
from rpkit.testing.lie import Change, Lie

_MEANS: Final = "Whoever can change one answer signs in as any user."
_ALG: Final = "FAPI2-SP 5.4.1-1.2"


def _lie(name: str, change: Change, says: str, clause: str, check: str) -> Lie:
    return Lie(name, "id_token.jwt", change, says, _MEANS, clause, check, before=("userinfo",))


LIES: Final = (
    _lie(
        "an unsigned ID token",
        changes.unsigned,
        "Its alg is none.",
        _ALG,
        "Allow the algorithms of the profile, and none else.",
    ),
    _lie(
        "an ID token with the public key as secret",
        changes.with_the_public_key_as_secret,
        "Its alg is HS256, and its secret is the bank's public key.",
        _ALG,
        "Allow the algorithms of the profile. Never choose one by what the token says.",
    ),
    _lie(
        "an ID token with RS256",
        changes.with_rs256,
        "Another key has signed it, with an algorithm that FAPI does not allow.",
        _ALG,
        "Allow the algorithms of the profile, and none else.",
    ),
    _lie(
        "an ID token with a broken signature",
        changes.broken,
        "Each octet of the signature is inverted.",
        "OIDC 3.1.3.7-6",
        "Verify the signature, also of an ID token that came from the token endpoint.",
    ),
    _lie(
        "an ID token with a signature of zeros",
        changes.zeros,
        "The signature is nothing but zeros (CVE-2022-21449).",
        "OIDC 3.1.3.7-6",
        "Use a library that refuses r = 0 and s = 0.",
    ),
    _lie(
        "an ID token about another user",
        changes.other_claims,
        "sub was changed after the bank had signed.",
        "OIDC 3.1.3.7-6",
        "Verify the signature over the octets that came.",
    ),
    _lie(
        "an ID token of a stranger",
        changes.under_the_banks_kid,
        "Another key has signed it, under the kid of the bank's key.",
        "OIDC 3.1.3.7-6",
        "Verify with the keys of the bank's jwks_uri.",
    ),
    _lie(
        "an ID token that brings its key",
        changes.with_its_own_key,
        "Another key has signed it, and comes as jwk in the header.",
        "RFC 7515 6",
        "Never take a key from the token.",
    ),
)
