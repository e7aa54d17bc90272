"""Metadata that another server wrote, or that lead to a weaker request.

Spec: RFC 8414 2, 3.3; FAPI2-SP 5.2.2, 5.3.3.1; RFC 9700 4.4.2
Role: C
"""

from typing import Final

from rpkit.testing.changes import longer, member, with_, without
from rpkit.testing.lie import Lie

_SWAPPED: Final = "Whoever can answer for the bank once names his own endpoints, and gets codes and secrets."
_IN_CLEAR: Final = "Codes, assertions and tokens cross the network in clear."
_CALLS: Final = ("par", "token", "authorize")

LIES: Final = (
    Lie(
        "metadata of another issuer",
        "metadata",
        longer("issuer"),
        "The metadata name an issuer that is longer than the right one.",
        _SWAPPED,
        "RFC 8414 3.3",
        "Compare the issuer of the metadata with the one that was asked, octet by octet.",
        before=_CALLS,
    ),
    Lie(
        "metadata without an issuer",
        "metadata",
        without("issuer"),
        "The metadata do not say whose they are.",
        _SWAPPED,
        "RFC 8414 3.2",
        "Refuse metadata without an issuer.",
        before=_CALLS,
    ),
    Lie(
        "a token endpoint in clear",
        "metadata",
        member("token_endpoint", lambda url: url.replace("https://", "http://", 1)),
        "The token endpoint is an http URL.",
        _IN_CLEAR,
        "RFC 9325 3.1.1",
        "Refuse metadata with endpoints that are not https, before the first request.",
        before=_CALLS,
    ),
    Lie(
        "an authorization endpoint in clear",
        "metadata",
        member("authorization_endpoint", lambda url: url.replace("https://", "http://", 1)),
        "The authorization endpoint is an http URL.",
        _IN_CLEAR,
        "RFC 9325 3.1.1",
        "Refuse metadata with endpoints that are not https, before the first request.",
        before=_CALLS,
    ),
    Lie(
        "no pushed requests",
        "metadata",
        without("pushed_authorization_request_endpoint"),
        "The metadata have no endpoint for pushed requests, as if the bank had none.",
        "The request goes through the browser, where others can read and change it.",
        "FAPI2-SP 5.3.3.1-3",
        "Demand pushed requests, whatever the metadata say.",
        before=("authorize",),
    ),
    Lie(
        "PKCE by plain alone",
        "metadata",
        with_(code_challenge_methods_supported=["plain"]),
        "The metadata say that the bank knows no S256.",
        "A client that follows sends its verifier through the browser, and a stolen code can be used.",
        "FAPI2-SP 5.3.3.1-2",
        "Use S256 or nothing.",
        before=("authorize",),
    ),
)
