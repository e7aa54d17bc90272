"""ID tokens that the bank signed for another client, login or time.

Spec: OIDC 3.1.3.7; OIDC 2
Role: C
"""

from typing import Final

from rpkit.testing.changes import longer, moved, with_, without
from rpkit.testing.lie import Change, Lie

_OTHERS: Final = "An ID token that was made for another client, or by another bank, signs a user in here."
_OLD: Final = "An ID token that was stolen long ago signs its user in again."
_INJECTED: Final = "A code that was stolen elsewhere signs the thief in as its owner."


def _lie(name: str, change: Change, says: str, means: str, clause: str, check: str) -> Lie:
    return Lie(name, "id_token", change, says, means, clause, check, before=("userinfo",))


LIES: Final = (
    _lie(
        "an ID token of another issuer",
        longer("iss"),
        "iss is longer than the right one.",
        _OTHERS,
        "OIDC 3.1.3.7-2",
        "Compare iss octet by octet.",
    ),
    _lie(
        "an ID token without an issuer",
        without("iss"),
        "There is no iss.",
        _OTHERS,
        "OIDC 3.1.3.7-2",
        "Demand iss.",
    ),
    _lie(
        "an ID token for another client",
        longer("aud"),
        "aud is longer than the right one.",
        _OTHERS,
        "OIDC 3.1.3.7-3",
        "Compare aud with your client_id octet by octet.",
    ),
    _lie(
        "an ID token for nobody",
        without("aud"),
        "There is no aud.",
        _OTHERS,
        "OIDC 3.1.3.7-3",
        "Demand aud.",
    ),
    _lie(
        "an ID token for several clients",
        lambda claims, _: {**claims, "aud": [claims["aud"], "somebody-else"]},
        "aud names this client and one that it does not know.",
        _OTHERS,
        "OIDC 3.1.3.7-3",
        "Refuse audiences that you do not trust.",
    ),
    _lie(
        "an ID token that another client asked for",
        with_(azp="somebody-else"),
        "azp is another client.",
        _OTHERS,
        "OIDC 3.1.3.7-5",
        "Compare azp with your client_id, if it is there.",
    ),
    _lie(
        "an ID token about nobody",
        without("sub"),
        "There is no sub.",
        "The client signs somebody in without knowing whom.",
        "OIDC 2",
        "Demand sub.",
    ),
    _lie(
        "an expired ID token",
        moved(-3600, "exp", "iat", "auth_time"),
        "It expired an hour ago.",
        _OLD,
        "OIDC 3.1.3.7-9",
        "Compare exp with the time.",
    ),
    _lie(
        "an ID token that never expires",
        without("exp"),
        "There is no exp.",
        _OLD,
        "OIDC 3.1.3.7-9",
        "Demand exp.",
    ),
    _lie(
        "an ID token without its time",
        without("iat"),
        "There is no iat.",
        _OLD,
        "OIDC 3.1.3.7-10",
        "Demand iat.",
    ),
    _lie(
        "an ID token of tomorrow",
        moved(86_400, "iat", "exp"),
        "It will be issued in a day.",
        _OLD,
        "OIDC 3.1.3.7-10",
        "Refuse an iat that lies in the future.",
    ),
    _lie(
        "an ID token of another login",
        longer("nonce"),
        "nonce is longer than the right one.",
        _INJECTED,
        "OIDC 3.1.3.7-11",
        "Compare nonce with that of this login.",
    ),
    _lie(
        "an ID token of no login",
        without("nonce"),
        "There is no nonce, although one was sent.",
        _INJECTED,
        "OIDC 3.1.3.7-11",
        "Demand the nonce that was sent.",
    ),
    _lie(
        "an ID token for another access token",
        with_(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
        "at_hash is that of another access token.",
        "An access token of somebody else is put beside this ID token.",
        "OIDC 3.1.3.6",
        "Compare at_hash with the access token, if it is there.",
    ),
)
