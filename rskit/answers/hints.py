"""Hints for the log: which setting would accept a token that another server writes in its own way.

A hint is never sent to the client. It does not advise to trust more. It names the setting with which an operator states
that his authorization server writes tokens in this way.

Spec: RFC 9068 2.2, 4; RFC 9449 4.3-9
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fapikit.errors import FapiError, WrongAudience, WrongUrl
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.urls import origin_of

_LEFT_OUT: Final = "does the server leave it out? Issuer(required=...) without it"
_BY_CLAIM: Final[Mapping[tuple[str, str], str]] = {
    ("MissingClaim", "client_id"): "does the server name the client elsewhere? Issuer(client_claim='azp')",
    ("MissingClaim", "aud"): "does the server write no aud? Issuer(audience_claim=..., audience=...)",
    ("MissingClaim", "jti"): _LEFT_OUT,
    ("MissingClaim", "sub"): _LEFT_OUT,
    ("MissingClaim", "iat"): _LEFT_OUT,
    ("ForbiddenClaim", "nonce"): "does the server write it into access tokens? Issuer(marked_by=...)",
    ("ForbiddenClaim", "at_hash"): "is this an ID token? If it is an access token: Issuer(marked_by=...)",
}
_BY_ERROR: Final[Mapping[str, str]] = {
    "WrongJwtType": "does the server issue access tokens without typ at+jwt? Issuer(typ='any')",
    "WrongAudience": "does the server write another audience for this API? Issuer(audience=...)",
    "UnknownIssuer": "compare with issuers= letter by letter; opaque tokens need Issuer(introspection=...)",
    "WrongUrl": "is this API known by another origin, or behind a prefix? ResourceServer(origins=[...])",
    "MissingCertificate": (
        "does TLS end at a proxy? ResourceServer(client_certificates=CertificateHeader(...)), whose trust names where "
        "the proxy connects from; uvicorn needs --no-proxy-headers then, or a secret"
    ),
    "InactiveToken": "if it is valid there, the server tells this client_id nothing about tokens for this API",
    "NotEncrypted": "does this issuer not encrypt for this API? Issuer(clear_tokens=True)",
    "NotAnAccessToken": "is it an access token of this server? see Issuer(marked_by=...)",
}


def hint_for(error: FapiError) -> str | None:
    """The question that the operator should answer, with the setting for it."""
    name = type(error).__name__
    if isinstance(error, WrongUrl) and (found := _prefix_between(error)) is not None:
        return found
    if isinstance(error, WrongAudience) and (found := _slash_between(error.facts)) is not None:
        return found
    return _BY_CLAIM.get((name, error.facts.get("claim", ""))) or _BY_ERROR.get(name)


def _slash_between(facts: Mapping[str, str]) -> str | None:
    """The hint for an `aud` that is `resource`, but for a slash at the end; None for any other."""
    expected = facts.get("expected", "").split() if facts.get("jwt") == ACCESS_TOKEN.name else []
    for got in facts.get("got", "").split():
        if got not in expected and got.removesuffix("/") in (one.removesuffix("/") for one in expected):
            return f"only a slash at the end differs: write resource={got!r} here, as the server does"
    return None


def _prefix_between(error: WrongUrl) -> str | None:
    """The hint for an `htu` that differs by a prefix of the path alone; None for any other."""
    got = error.facts.get("got", "")
    for expected in error.facts.get("expected", "").split():
        origin = origin_of(expected)
        if not got.startswith(origin + "/"):
            continue
        path, got_path = expected.removeprefix(origin), got.removeprefix(origin)
        if got_path.endswith(path) and len(got_path) > len(path):
            return (
                "htu has a longer path. Does a proxy strip a prefix? "
                f"ResourceServer(origins=[{got.removesuffix(path)!r}]), "
                "or forwarded_prefix=ProxyTrust.of(...) if it sends X-Forwarded-Prefix"
            )
        if path.endswith(got_path) and len(path) > len(got_path):
            return (
                f"htu has a shorter path. Is {path.removesuffix(got_path)!r} set here (root_path, SCRIPT_NAME, "
                "X-Forwarded-Prefix) although no proxy strips it?"
            )
    return None
