"""What is unusual and true. A client that refuses it does not work with some bank.

Spec: OIDC 3.1.3.7-3; RFC 6749 5.1; RFC 8414 3.2; RFC 7517 5; RFC 9449 8, 8.2
Role: C
"""

from typing import Final

from rpkit.testing.changes import attackers_key, member, with_, without
from rpkit.testing.lie import Change, Lie, Nonces

_OF_NO_KNOWN_TYPE: Final = {"kty": "AKP", "kid": "of-tomorrow", "alg": "ML-DSA-44", "pub": "AAAA"}
_MEANS: Final = "The client does not work with a bank that does so."


def _truth(
    name: str, place: str, change: Change, says: str, clause: str, remedy: str, nonces: Nonces = "normal"
) -> Lie:
    return Lie(name, place, change, says, _MEANS, clause, remedy, must_take=True, nonces=nonces)


TRUTHS: Final = (
    _truth(
        "an audience in an array",
        "id_token",
        lambda claims, _: {**claims, "aud": [claims["aud"]]},
        "aud of the ID token is an array with one string.",
        "OIDC 3.1.3.7-3",
        "Take a string and an array.",
    ),
    _truth(
        "further claims",
        "id_token",
        with_(urn_example_further={"a": [1]}),
        "The ID token has a claim that nobody knows.",
        "OIDC 2",
        "Ignore claims that you do not know.",
    ),
    _truth(
        "a token type in other letters",
        "token_response",
        member("token_type", str.swapcase),
        "token_type is written in small and capital letters.",
        "RFC 6749 5.1",
        "Compare token_type without regard to case.",
    ),
    _truth(
        "no lifetime",
        "token_response",
        without("expires_in"),
        "The answer has no expires_in.",
        "RFC 6749 5.1",
        "Do not demand expires_in.",
    ),
    _truth(
        "further members of the token response",
        "token_response",
        with_(example_further={"a": [1]}),
        "The answer has a member that nobody knows.",
        "RFC 6749 5.1",
        "Ignore members that you do not know.",
    ),
    _truth(
        "further parameters of the answer",
        "authorization_response",
        with_(example_further="1"),
        "The answer through the browser has a parameter that nobody knows.",
        "RFC 6749 4.1.2",
        "Ignore parameters that you do not know.",
    ),
    _truth(
        "further metadata",
        "metadata",
        with_(example_further={"a": [1]}),
        "The metadata have a member that nobody knows.",
        "RFC 8414 3.2",
        "Ignore members that you do not know.",
    ),
    _truth(
        "further keys",
        "jwks",
        lambda keys, _: {"keys": [_OF_NO_KNOWN_TYPE, dict(attackers_key("ES256").public_jwk), *keys["keys"]]},
        "The key set has a key of an unknown type, and one that signs something else.",
        "RFC 7517 5",
        "Ignore keys that you cannot use, and choose by kid.",
    ),
    _truth(
        "no DPoP nonces",
        "token_response",
        lambda body, _: body,
        "The bank never asks for a nonce.",
        "RFC 9449 8",
        "Do not wait for a nonce.",
        "never",
    ),
    _truth(
        "a new DPoP nonce with each answer",
        "token_response",
        lambda body, _: body,
        "Only the nonce of the latest answer is good.",
        "RFC 9449 8.2",
        "Take the nonce of each answer, and send a refused request once more.",
        "each_call",
    ),
)
