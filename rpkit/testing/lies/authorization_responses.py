"""Answers through the browser that are for another login, or of another bank.

Spec: RFC 9207 2.4; RFC 9700 2.1, 4.4.2; RFC 6749 4.1.2.1; FAPI2-SP 5.3.3.2-5
Role: C
"""

from typing import Final

from rpkit.testing.changes import longer, with_, without
from rpkit.testing.lie import Lie

_MIX_UP: Final = "The client sends this bank's code to another one: the mix-up attack."
_CSRF: Final = (
    "Somebody's own code is put into the victim's browser, and the victim uses a stranger's account."
)

LIES: Final = (
    Lie(
        "an answer of another issuer",
        "authorization_response",
        longer("iss"),
        "The iss of the answer is longer than the right one.",
        _MIX_UP,
        "RFC 9207 2.4a",
        "Compare iss with the issuer of the bank that this login was sent to, before the code is used.",
        before=("token",),
    ),
    Lie(
        "an answer without an issuer",
        "authorization_response",
        without("iss"),
        "The answer has no iss, which the metadata promise.",
        _MIX_UP,
        "RFC 9207 2.4b",
        "Refuse an answer without iss if the metadata announce it, or the profile demands it.",
        before=("token",),
    ),
    Lie(
        "an answer to another login",
        "authorization_response",
        longer("state"),
        "The state is longer than the right one.",
        _CSRF,
        "RFC 9700 2.1c",
        "Compare state with that of this browser's login, before the code is used.",
        before=("token",),
    ),
    Lie(
        "an answer to no login",
        "authorization_response",
        without("state"),
        "The answer has no state.",
        _CSRF,
        "RFC 9700 2.1c",
        "Refuse an answer without state.",
        before=("token",),
    ),
    Lie(
        "a code beside an error",
        "authorization_response",
        with_(error="access_denied"),
        "The answer has a code, and an error as well.",
        "The client goes on where the user has refused.",
        "RFC 6749 4.1.2.1",
        "Treat an answer with an error as an error.",
        before=("token",),
    ),
    Lie(
        "a token through the browser",
        "authorization_response",
        with_(access_token="stolen"),
        "The answer has an access token, which was not asked for.",
        "A client that takes it uses a token that somebody put there.",
        "FAPI2-SP 5.3.3.2-1",
        "Refuse what the response type does not have.",
        before=("token",),
    ),
)
