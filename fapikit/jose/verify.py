"""The verification of a signed JWT: parse, issuer, key, signature, claims, in that order.

No key is fetched before `typ`, `alg` and `iss` are checked. So a JWT of an unknown issuer causes no network call.

Spec: RFC 7515 5.2; RFC 7519 7.2; RFC 8725 3; JARM 5.1; FAPI2-SP 5.4.1-1.1
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit.errors import BadSignature, UnusableKey
from fapikit.flow import Flow
from fapikit.jose.claims import Expected, check_claims, check_issuer, claimed_iat
from fapikit.jose.encryption import Decryption, unwrap_jwt
from fapikit.jose.key_set import KeySource
from fapikit.jose.parse import UnverifiedJws, parse_jws
from fapikit.jose.public_key import PublicKey
from fapikit.jose.purposes import Purpose
from fapikit.secrets import Concealed, conceal


@dataclass(frozen=True, slots=True)
class VerifiedJwt:
    """A verified JWT. `token` is the signed JWT exactly as it came, decrypted, for evidence."""

    purpose: Purpose
    header: Mapping[str, Any]
    _claims: Concealed[Mapping[str, Any]]  # a code may be among them
    key: PublicKey = field(repr=False)
    _token: Concealed[str]

    @property
    def claims(self) -> Mapping[str, Any]:
        return self._claims.reveal()

    @property
    def token(self) -> str:
        return self._token.reveal()


def verify_jwt(
    token: Concealed[str] | str,
    purpose: Purpose,
    *,
    keys: KeySource,
    algorithms: Collection[str],
    expected: Expected,
    decryption: Decryption | None = None,
) -> Flow[VerifiedJwt]:
    """Verify a JWT; with `decryption` also one that was signed and then encrypted.

    Raises the JwtError of the failed check; TransportError if no key can be fetched now.
    """
    token = conceal(token)
    if decryption is not None:
        token = Concealed(unwrap_jwt(token.reveal(), purpose, decryption))
    jws = Concealed(parse_jws(token.reveal(), purpose, algorithms))
    if expected.issuer is not None:
        check_issuer(jws.reveal().unverified_claims, purpose, expected.issuer)
    issued_at = claimed_iat(jws.reveal().unverified_claims)
    key = yield from keys.find(jws.reveal().alg, jws.reveal().kid, purpose, issued_at=issued_at)
    claims = Concealed(check_signature(jws.reveal(), key, purpose))
    check_claims(claims.reveal(), purpose, expected)
    return VerifiedJwt(purpose, jws.reveal().header, claims, key, token)


def check_signature(jws: UnverifiedJws, key: PublicKey, purpose: Purpose) -> Mapping[str, Any]:
    """The verified claims. Raises BadSignature; UnusableKey if the key is not for this algorithm."""
    try:
        verify = key.verifier(jws.alg)
    except UnusableKey as error:
        raise purpose.fail(UnusableKey, error.message, clause=error.clause, facts=error.facts) from error
    if not verify(jws.signature, jws.signing_input):
        raise purpose.fail(
            BadSignature, f"the signature of this {purpose.name} does not verify", about="signature"
        )
    return jws.unverified_claims
