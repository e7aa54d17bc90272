"""Token responses that give less than was asked for, or a token that anybody can use.

Spec: RFC 6749 5.1; RFC 9449 5; OIDC 3.1.3.3; FAPI2-SP 5.3.3.1-1
Role: C
"""

from typing import Final

from rpkit.testing.changes import with_, without
from rpkit.testing.lie import Lie

_API: Final = ("userinfo",)
_UNBOUND: Final = "The client takes an access token that anybody can use who steals it."

LIES: Final = (
    Lie(
        "a bearer token",
        "token_response",
        lambda body, _: {**body, "token_type": "Bearer"} if body["token_type"] == "DPoP" else body,
        "The token_type is Bearer, although the request had a proof.",
        _UNBOUND,
        "RFC 9449 5c",
        "Refuse a token type other than DPoP if the request had a proof.",
        before=_API,
    ),
    Lie(
        "a token of an unknown type",
        "token_response",
        with_(token_type="N_A"),
        "The token_type is N_A.",
        _UNBOUND,
        "RFC 9449 5c",
        "Refuse token types that you do not know.",
        before=_API,
    ),
    Lie(
        "a token without a type",
        "token_response",
        without("token_type"),
        "The answer has no token_type.",
        _UNBOUND,
        "RFC 6749 5.1",
        "Refuse an answer without token_type.",
        before=_API,
    ),
    Lie(
        "no access token",
        "token_response",
        without("access_token"),
        "The answer has no access token.",
        "The client goes on with a login that gave it nothing.",
        "RFC 6749 5.1",
        "Refuse an answer without access_token.",
        before=_API,
    ),
    Lie(
        "no ID token",
        "token_response",
        without("id_token"),
        "The scope openid was asked for, and the answer has no ID token.",
        "Nothing says who signed in, or for which login: a code of somebody else passes.",
        "OIDC 3.1.3.3",
        "Refuse an answer without id_token if the scope openid was asked for.",
        before=_API,
    ),
)
