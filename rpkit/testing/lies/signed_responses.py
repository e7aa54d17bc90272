"""Signed authorization responses (JARM) that the bank did not sign, or not for this client, login and time.

Spec: JARM 2.4; FAPI2-MS 5.4.2-2
Role: C
"""

from typing import Final

from rpkit.testing.changes import broken, longer, moved, unsigned, without
from rpkit.testing.changes import under_the_banks_kid as by_another_key
from rpkit.testing.lie import Change, Lie

_MEANS: Final = (
    "An attacker writes the answers of the bank himself, or uses again what the bank wrote for others."
)
_NEEDS: Final = 'signed authorization responses (a bank and a client of profile="fapi2-message-signing")'
_CHECK: Final = "Verify the response as JARM 2.4 says before anything in it is used."


def _lie(name: str, place: str, change: Change, says: str, clause: str) -> Lie:
    return Lie(name, place, change, says, _MEANS, clause, _CHECK, before=("token",), needs=_NEEDS)


LIES: Final = (
    _lie(
        "a signed answer of another issuer",
        "jarm",
        longer("iss"),
        "The iss inside is longer.",
        "JARM 2.4-2",
    ),
    _lie(
        "a signed answer without an issuer", "jarm", without("iss"), "There is no iss inside.", "JARM 2.4-2"
    ),
    _lie(
        "a signed answer for another client",
        "jarm",
        longer("aud"),
        "The aud inside is longer.",
        "JARM 2.4-3",
    ),
    _lie("a signed answer for nobody", "jarm", without("aud"), "There is no aud inside.", "JARM 2.4-3"),
    _lie(
        "a signed answer for several clients",
        "jarm",
        lambda claims, _: {**claims, "aud": [claims["aud"], "somebody-else"]},
        "The aud inside names this client and another.",
        "JARM 2.4-3",
    ),
    _lie(
        "an expired signed answer",
        "jarm",
        moved(-3600, "exp", "iat", "nbf"),
        "It expired an hour ago, by its exp.",
        "JARM 2.4-4",
    ),
    _lie(
        "a signed answer that never expires",
        "jarm",
        without("exp"),
        "There is no exp inside.",
        "JARM 2.4-4",
    ),
    _lie(
        "a signed answer to another login",
        "jarm",
        longer("state"),
        "The state inside is longer.",
        "RFC 9700 2.1c",
    ),
    _lie(
        "an unsigned answer in the form of a signed one",
        "jarm.jwt",
        unsigned,
        "Its alg is none.",
        "FAPI2-SP 5.4.1-1.2",
    ),
    _lie(
        "a signed answer with a broken signature",
        "jarm.jwt",
        broken,
        "The signature is wrong.",
        "JARM 2.4-5",
    ),
    _lie(
        "a signed answer of a stranger",
        "jarm.jwt",
        by_another_key,
        "Another key has signed it, under the kid of the bank's key.",
        "JARM 2.4-5",
    ),
    _lie(
        "plain parameters beside a signed answer",
        "authorization_response",
        lambda answer, _: {**answer, "code": "injected"} if "response" in answer else answer,
        "A code stands beside the signed answer.",
        "FAPI2-MS 5.4.2-2",
    ),
    _lie(
        "plain parameters instead of a signed answer",
        "authorization_response",
        lambda answer, _: {"code": "stolen", "state": "s"} if "response" in answer else answer,
        "The answer is not signed at all, although that was asked for.",
        "FAPI2-MS 5.4.2-2",
    ),
)
