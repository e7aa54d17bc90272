"""HS256, HS384, HS512 with a secret that both sides know, for client_secret_jwt alone.

These algorithms are in no list for public keys. So a key set can never be used to verify such a JWT.

Spec: RFC 7518 3.2; OIDC 16.19; RFC 8725 3.1, 3.5
Role: C, AS
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final

from fapikit.errors import BadSignature, ForbiddenAlgorithm, UnusableKey
from fapikit.jose.parse import UnverifiedJws
from fapikit.jose.purposes import CLIENT_ASSERTION
from fapikit.secrets import Secret

HMAC_ALGORITHMS: Final[Mapping[str, str]] = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
MAC_OCTETS: Final[Mapping[str, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}
"""How long a secret must be for each: as long as its MAC (RFC 7518 3.2)."""


class SharedSecret:
    """A local `Signer` with a client secret, and the verifier of its signatures. It has no public JWK."""

    __slots__ = ("_alg", "_secret")

    def __init__(self, secret: Secret, *, alg: str = "HS256") -> None:
        """Raises ForbiddenAlgorithm, or UnusableKey if the secret is shorter than the hash (RFC 7518 3.2)."""
        if alg not in HMAC_ALGORITHMS:
            raise ForbiddenAlgorithm(
                f"alg {alg} is not for a client secret: use HS256, HS384 or HS512", facts={"alg": alg}
            )
        if len(secret.reveal().encode()) < MAC_OCTETS[alg]:
            raise UnusableKey(
                f"the client secret is too short for {alg}: it must have {MAC_OCTETS[alg]} octets or more",
                clause="RFC 7518 3.2",
                facts={"alg": alg},
            )
        self._secret = secret
        self._alg = alg

    @property
    def alg(self) -> str:
        return self._alg

    @property
    def kid(self) -> str:
        return ""  # there is one secret, so a kid is not needed

    @property
    def local(self) -> bool:
        return True

    @property
    def public_jwk(self) -> Mapping[str, Any]:
        raise TypeError("a shared secret has no public key")

    def sign(self, signing_input: bytes) -> bytes:
        return hmac.digest(self._secret.reveal().encode(), signing_input, HMAC_ALGORITHMS[self._alg])

    def check_signature(self, jws: UnverifiedJws) -> Mapping[str, Any]:
        """The verified claims of a client assertion. Raises ForbiddenAlgorithm or BadSignature."""
        if jws.alg != self._alg:
            raise CLIENT_ASSERTION.fail(
                ForbiddenAlgorithm, "alg of this client assertion is not the algorithm of the client's secret"
            )
        if not hmac.compare_digest(self.sign(jws.signing_input), jws.signature):
            raise CLIENT_ASSERTION.fail(
                BadSignature, "the signature of this client assertion does not verify"
            )
        return jws.unverified_claims

    def __repr__(self) -> str:
        return f"SharedSecret({self._alg})"
