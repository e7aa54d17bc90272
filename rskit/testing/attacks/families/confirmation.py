"""Tokens that are bound to something else, to nothing, or by an unknown confirmation method.

Spec: RFC 7800 3.1; RFC 8705 3b; RFC 9449 6, 7.1a, 7.2a; FAPI2-SP 5.3.4-5 (CVE-2024-10039)
Role: RS
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Headers
from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.certificates import certificate_of, thumbprint_of
from rskit.testing.attacks.declared import Family, Made, Maker, Row, claims, jwt, jwts_only
from rskit.testing.attacks.forger import NULL, Forger

_NOT_SHOWN: Final = "A" * 43


def _beside(**members: Any) -> Callable[[Forger], dict[str, Any]]:
    return lambda forger: {**forger.claims().get("cnf", {}), **members}


def _not_shown(forger: Forger) -> Made | None:
    cnf = _beside(**{"x5t#S256": _NOT_SHOWN})
    return claims(cnf=cnf)(forger)


def _jkt(change: Callable[[str], Any]) -> Maker:
    """For tokens with a proof: the thumbprint is not that of the proof's key."""

    def make(forger: Forger) -> Made | None:
        if not forger.bound:
            return None
        jkt = change(forger.client.thumbprint)
        made = claims(cnf={"jkt": jkt})
        return made(forger) if isinstance(jkt, str) else jwts_only(made)(forger)

    return make


def _bound_rows() -> Iterator[Row]:
    for name, change in (
        ("another key", lambda _: _NOT_SHOWN),
        ("a part of the key's thumbprint", lambda jkt: jkt[:20]),
        ("a longer thumbprint", lambda jkt: f"{jkt}A"),
        ("a thumbprint in other letters", str.swapcase),
        ("an empty thumbprint", lambda _: ""),
        ("a thumbprint that is null", lambda _: None),
        ("thumbprints in a list", lambda jkt: [jkt]),
    ):
        yield Row(f"a token bound to {name}", f"a token whose jkt is {name}, with a good proof", _jkt(change))


def _as_bearer(forger: Forger) -> Attack | None:
    if forger.bound:
        return None
    return forger.attack(forger.headers(forger.token(cnf={"jkt": forger.client.thumbprint})))


def _unbound_as_bearer(forger: Forger) -> Made | None:
    if not (forger.reach.only_bound or forger.mint.only_bound):
        return UNBOUND_TOKENS
    return forger.attack([("Authorization", f"Bearer {forger.token(cnf=None)}")])


UNBOUND_TOKENS: Final = NotLookedAt(
    "unbound tokens",
    "whether this API accepts unbound tokens is its own decision",
    "Reach(only_bound=True) if it accepts only sender-constrained tokens",
)


def _unbound_with_proof(forger: Forger) -> Made | None:
    return claims(cnf=None)(forger) if forger.bound else None


BOUND_OTHERWISE: Final = Family(
    "bindings that do not hold",
    means="A stolen token is used without the key or certificate that it is bound to.",
    clause="FAPI2-SP 5.3.4-5",
    remedy="Verify every member of cnf on every request, whatever the configuration. Refuse a cnf that has no known "
    "member.",
    rows=(
        Row(
            "a token bound in a way that nobody knows",
            "a token whose cnf has an unknown member only",
            claims(cnf={"unknown": "x"}),
            clause="RFC 7800 3.1",
        ),
        Row(
            "a token bound to a certificate that is not shown",
            "a token whose cnf names a certificate that this connection does not show",
            _not_shown,
            clause="RFC 8705 3b",
        ),
        Row(
            "a token with an empty cnf",
            "a token whose cnf is an empty object",
            claims(cnf={}),
            clause="RFC 7800 3.1",
        ),
        Row(
            "a token whose cnf is text",
            "a token whose cnf is the text of an object",
            jwts_only(jwt(claims={"cnf": lambda f: json.dumps({"jkt": f.client.thumbprint})})),
            clause="RFC 7800 3.1",
        ),
        Row("a token whose cnf is null", "a token whose cnf is null", jwts_only(jwt(claims={"cnf": NULL}))),
        Row("a token whose cnf is a list", "a token whose cnf is a list", jwts_only(jwt(claims={"cnf": []}))),
        *_bound_rows(),
        Row(
            "an unbound token with a proof",
            "a token without cnf, with a good proof",
            _unbound_with_proof,
            clause="RFC 9449 7.1a",
        ),
        Row("an unbound token as a bearer token", "a token without cnf, under Bearer", _unbound_as_bearer),
        # For APIs that accept both kinds. If this request itself is bound, the family in `credentials` sends it.
        Row(
            "a bound token as a bearer token",
            "a token that is bound to a DPoP key, under Bearer",
            _as_bearer,
            clause="RFC 9449 7.2a",
        ),
    ),
)


def _forwarded(names: tuple[str, ...], write: Callable[[bytes], str]) -> Maker:
    """A certificate is public: who stole the token has it too, and can write it into a header."""

    def make(forger: Forger) -> Attack:
        certificate = certificate_of(forger.client)
        token = forger.token(cnf=_beside(**{"x5t#S256": thumbprint_of(certificate)})(forger))
        shown: Headers = [(name, write(certificate)) for name in names]
        return forger.attack([*forger.headers(token), *shown])

    return make


def _pem(certificate: bytes) -> str:
    body = base64.encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def _base64(certificate: bytes) -> str:
    return base64.b64encode(certificate).decode()


FORWARDED: Final = Family(
    "certificates in headers",
    means="A stolen token is used with its owner's certificate, which is public, and without the key.",
    clause="RFC 8705 3b",
    remedy="Take certificates from the TLS handshake, or from a header that a trusted proxy sets and strips. Remove "
    "that header from all other requests.",
    rows=(
        Row(
            "a certificate in a header, escaped",
            "a token bound to a certificate that comes URL-escaped in headers of nginx, ALB, Traefik and others",
            _forwarded(
                (
                    "X-SSL-Client-Cert",
                    "X-Client-Cert",
                    "SSL-Client-Cert",
                    "X-Amzn-Mtls-Clientcert",
                    "X-Forwarded-Tls-Client-Cert",
                    "X-ARR-ClientCert",
                ),
                lambda der: quote(_pem(der), safe=""),
            ),
        ),
        Row(
            "a certificate in a header, in base64",
            "a token bound to a certificate that comes in base64 in headers of several proxies",
            _forwarded(
                (
                    "X-SSL-Cert",
                    "SSL_CLIENT_CERT",
                    "X-Client-Certificate",
                    "X-ARR-ClientCert",
                    "X-SSL-Client-Cert",
                ),
                _base64,
            ),
        ),
        Row(
            "a certificate in the header of RFC 9440",
            "a token bound to a certificate that comes in Client-Cert",
            _forwarded(("Client-Cert",), lambda der: f":{_base64(der)}:"),
        ),
        Row(
            "a certificate in the header of Envoy",
            "a token bound to a certificate that comes in X-Forwarded-Client-Cert",
            _forwarded(("X-Forwarded-Client-Cert",), lambda der: f'Cert="{quote(_pem(der), safe="")}"'),
        ),
        Row(
            "a thumbprint in a header",
            "a token bound to a certificate whose thumbprint comes in a header",
            _forwarded(
                ("X-SSL-Client-Fingerprint", "X-Client-Cert-SHA256", "X-SSL-Client-SHA256"),
                thumbprint_of,
            ),
        ),
    ),
)


def _of_another(forger: Forger) -> Attack | NotLookedAt:
    """If `send` presents a certificate: a token that names it passes, and one that names another must not."""
    shown = forger.reach.certificate
    if shown is None:
        return NO_CERTIFICATE
    right = forger.token(cnf=_beside(**{"x5t#S256": thumbprint_of(shown)})(forger))
    other = forger.token(cnf=_beside(**{"x5t#S256": thumbprint_of(certificate_of(forger.own))})(forger))
    control = (forger.url, forger.headers(right))
    return forger.attack(forger.headers(other), control=control, unless=NOT_TAKEN)


NO_CERTIFICATE: Final = NotLookedAt(
    "client certificates",
    "send presents no certificate, so a token that is bound to one cannot pass",
    "Reach(certificate=...) with the certificate that send presents, in DER",
)
NOT_TAKEN: Final = NotLookedAt(
    "client certificates",
    "a token that is bound to the certificate that send presents is refused",
    "check Reach(certificate=...)",
)

CERTIFICATES: Final = Family(
    "certificates that are not the token's",
    means="A stolen token is used with the thief's certificate.",
    clause="RFC 8705 3b",
    remedy="Compare x5t#S256 with the SHA-256 of the certificate that the handshake proved.",
    rows=(
        Row(
            "a token bound to another certificate than the one shown",
            "a token whose cnf names another certificate than the one that send shows",
            _of_another,
        ),
    ),
)

FAMILIES: Final = (BOUND_OTHERWISE, FORWARDED, CERTIFICATES)
