"""Checks possession on every request. Each known member of `cnf` is verified, whatever the configuration says.

Spec: RFC 9449 7.1a, 7.2a; RFC 8705 3b; RFC 7800 3.1; FAPI2-SP 5.3.4-5; FAPI1-ADV 6.2.1-1, -2, 8.2 (RS-10, RS-13)
Role: RS
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from fapikit import base64url
from fapikit.dpop import CheckedProof, NonceIssuer, ProofKeys, check_proof
from fapikit.dpop.htu import normalise
from fapikit.errors import ConfigurationError
from fapikit.urls import origin_of
from rskit.errors import MissingCertificate, NotSenderConstrained, WrongCertificate, WrongScheme
from rskit.possession.credentials import BEARER, Credentials
from rskit.request_view import Certificate, RequestView
from rskit.tokens.token import Token

_PLAIN_PATH: Final = re.compile(r"/[A-Za-z0-9\-._~/]*")

Binding: TypeAlias = Literal["dpop", "mtls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PossessionRules:
    """`bases`: the part before the raw path in the URLs of this server. `required`: a token must have one of the
    `bindings`. Whatever a token is bound to is verified in any case."""

    bases: tuple[str, ...]
    bindings: frozenset[Binding]
    required: bool
    algorithms: Collection[str]
    nonces: NonceIssuer | None = field(repr=False)
    proof_keys: ProofKeys = field(default_factory=ProofKeys, repr=False)

    def urls(self, path: str) -> list[str]:
        """The URLs that `htu` may have for this request. They are built from configuration, never from Host.

        A target that is not a path has none: after an origin it would change the host, or drop what the router sees.
        """
        if _PLAIN_PATH.fullmatch(path):  # there is only one way to spell it
            bases = self.bases
            return [bases[0] + path] if len(bases) == 1 else [base + path for base in bases]
        if not path.startswith("/") or "?" in path or "#" in path:
            return []
        return [url for base in self.bases if (url := normalise(base + path)) is not None]


def bases_of(resource: str, origins: Collection[str]) -> tuple[str, ...]:
    """The resource's origin, and each public origin with the prefix that a gateway strips.

    Raises ConfigurationError.
    """
    bases = []
    for base in (origin_of(resource), *origins):
        normalised = normalise(base)
        if normalised is None or "?" in base or "#" in base:
            raise ConfigurationError(
                "an origin must be scheme://host[:port][/prefix]", facts={"origin": base}
            )
        bases.append(normalised.rstrip("/"))
    return tuple(dict.fromkeys(bases))


def confirm(
    view: RequestView, credentials: Credentials, token: Token, rules: PossessionRules, now: float
) -> CheckedProof | None:
    """Verify everything that the token is bound to. A returned proof must still be marked as used.

    Raises WrongScheme, NotSenderConstrained, MissingCertificate, WrongCertificate, and what a proof raises.
    """
    jkt, x5t = token.confirmation
    if x5t is not None:
        require_certificate(view.certificate(), x5t)
    if credentials.scheme == BEARER:
        if jkt is not None:
            raise WrongScheme(
                "this token is bound to a DPoP key: send it under the DPoP scheme, with a proof"
            )
        if rules.required and not (x5t is not None and "mtls" in rules.bindings):
            raise NotSenderConstrained("this server takes sender-constrained tokens only")
        return None
    if jkt is None:
        raise WrongScheme("this token is not bound to a DPoP key", clause="RFC 9449 7.1a")
    if rules.required and "dpop" not in rules.bindings and (x5t is None or "mtls" not in rules.bindings):
        raise NotSenderConstrained("this server takes certificate-bound tokens only")
    return check_proof(
        view.dpop,
        method=view.method,
        urls=rules.urls(view.path),
        now=now,
        algorithms=rules.algorithms,
        ath=base64url.encode(credentials.digest),
        bound_to=jkt,
        nonces=rules.nonces,
        known=rules.proof_keys,
    )


def require_certificate(certificate: Certificate, x5t: str) -> None:
    """The leaf's SHA-256 is the bound one; its chain says nothing here (RFC 8705 6.2).

    Raises MissingCertificate, WrongCertificate.
    """
    if certificate is None:
        raise MissingCertificate("this token is bound to a certificate: connect with it")
    shown = (
        base64url.encode(hashlib.sha256(certificate).digest())
        if isinstance(certificate, bytes)
        else certificate.thumbprint
    )
    if not hmac.compare_digest(shown.encode(), x5t.encode()):
        raise WrongCertificate("this token is bound to another certificate")
