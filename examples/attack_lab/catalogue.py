"""The threats and the countermeasures that the lab must cover.

T1 to T12 and C1 to C23 are those of the study of OAuth 2.0 threats for open APIs by the Institute for Monetary and
Economic Studies of the Bank of Japan (2018, figures 3 and 4), "16" is its note 16. N1 to N15 were learnt since, most of
them written down in RFC 9700.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

THREATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "common": "what makes every threat worse: access that nobody sees, that nobody can end, that does not end",
        "T1": "guessing an access token",
        "T2": "eavesdropping on the wire",
        "T3": "stealing tokens from the client or its logs",
        "T4": "an open redirector that hands on a code or a token",
        "T5": "a proxy of the attacker's choice (PAC, WPAD) that sees URLs",
        "T6": "tampering with the authorization request, and mix-up of banks",
        "T7": "stealing or substituting a code, abusing a refresh token",
        "T7A": "the same by guessing",
        "T7B": "the same by eavesdropping",
        "T7C": "the same from the client",
        "T7D": "the same by an open redirector",
        "T7E": "the same by a proxy that sees URLs",
        "T7F": "the same by impersonating an API or a client",
        "T8": "impersonating the client or its app",
        "T9": "tampering with the session parameter (`state`)",
        "T10": "altering the transaction: payee or amount",
        "T11": "passing the attacker's account off as the victim's",
        "T12": "abusing the session parameter (CSRF)",
        "16A": "a redirect by status 307, which repeats the password",
        "16B": "clickjacking",
        "N1": "injecting an authorization code, and removing PKCE",
        "N2": "a PKCE challenge that the attacker chose, or `plain`",
        "N3": "audience injection: a client assertion replayed at another bank",
        "N4": "an access token replayed at another API",
        "N5": "a bound token without its key, and a DPoP proof used again",
        "N6": "a forged header with a client certificate",
        "N7": "forged and hostile JOSE objects",
        "N8": "one kind of JWT used as another",
        "N9": "swapped metadata, and keys behind a redirect",
        "N10": "phishing with a device code, and guessing a user code",
        "N11": "a forged CIBA notification",
        "N12": "a refresh token used again after its rotation",
        "N13": "path tricks, and the WebSocket door",
        "N14": "a flood of unknown key ids",
        "N15": "replaying a request object, and swapping a request_uri",
    }
)

COUNTERMEASURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "C1": "show the owner what is granted, token by token",
        "C2": "let the owner revoke",
        "C3": "make tokens short-lived and narrow",
        "C4": "make tokens and codes random: 128 bits or more",
        "C5": "use TLS 1.2 or newer, and keys that are long enough",
        "C6": "never log or store codes and tokens in clear",
        "C7": "have no open redirectors",
        "C8": "compare redirect URIs exactly, with one for each bank",
        "C9": "put nothing secret into URLs",
        "C10": "authenticate the peer",
        "C11": "bind the bank's identity to its response",
        "C12": "make codes short-lived and single-use; revoke on reuse",
        "C13": "notice a refresh token that is used again",
        "C14": "authenticate clients",
        "C15": "use PKCE with S256",
        "C16": "issue no refresh token where none is needed",
        "C17": "keep the client's secrets on a server, not in an app",
        "C18": "distribute apps through trusted channels",
        "C19": "verify the session parameter",
        "C20": "use the session parameter once, and let nobody else read it",
        "C21": "sign request and response, and verify both",
        "C22": "do not merge accounts across parties without the owner",
        "C23": "show the owner who is signed in",
    }
)
