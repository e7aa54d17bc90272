"""A public key as a JWK gives it: checked once, bound to its algorithm, ready to verify.

Spec: RFC 7517 4; RFC 7518 6; RFC 7638 3; FAPI2-SP 5.4.1-2, 5.4.1-3; RFC 8725 3.1, 3.4
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fapikit.errors import UnusableKey
from fapikit.jose.algorithms import ALGORITHMS, MINIMUM_RSA_BITS, SAME_KEY, PublicMaterial, Verify

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KINDS: Final[dict[str, Any]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_CURVES: Final = {"EC": frozenset({"P-256", "P-384", "P-521"}), "OKP": frozenset({"Ed25519"})}
_MAXIMUM_RSA_BITS: Final = 8192
_PUBLIC_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A signature key. `jwk` is its public JWK, `thumbprint` its RFC 7638 SHA-256 thumbprint."""

    kid: str | None
    kty: str
    crv: str | None
    alg: str | None
    use: str | None
    key_ops: frozenset[str] | None
    thumbprint: str
    jwk: Mapping[str, Any]
    material: PublicMaterial = field(repr=False)
    _verifiers: dict[str, Verify] = field(default_factory=dict, repr=False, compare=False)

    def supports(self, alg: str) -> bool:
        """Whether `alg` may be verified with this key: kind, curve, and the key's own `alg`, `use`, `key_ops`."""
        algorithm = ALGORITHMS.get(alg)
        if algorithm is None or algorithm.kty != self.kty or algorithm.crv != self.crv:
            return False
        if self.alg is not None and self.alg != alg and not {self.alg, alg} <= SAME_KEY:
            return False
        return self.use in (None, "sig") and (self.key_ops is None or "verify" in self.key_ops)

    def verifier(self, alg: str) -> Verify:
        """The verify function of this key for `alg`, made once. Raises UnusableKey."""
        found = self._verifiers.get(alg)
        if found is None:
            if not self.supports(alg):
                raise UnusableKey(f"this key is not for {alg}", clause="RFC 8725 3.1", facts={"alg": alg})
            found = self._verifiers[alg] = ALGORITHMS[alg].verifier(self.material)
        return found

    def __repr__(self) -> str:
        return f"PublicKey({self.kty} {self.crv or ''} kid={self.kid} alg={self.alg})"


def import_public_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Read a public signature JWK.

    Raises UnusableKey: private or symmetric members, unknown kind or curve, a point off its curve, RSA under
    2048 bits or absurdly long.
    """
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in _KINDS:
        raise UnusableKey("the JWK's kty is not RSA, EC or OKP", clause="RFC 7517 4.1")
    if PRIVATE_MEMBERS & jwk.keys():
        raise UnusableKey("the JWK holds private key material", clause="RFC 7517 9.2")
    crv = jwk.get("crv")
    if kty in _CURVES and (not isinstance(crv, str) or crv not in _CURVES[kty]):
        raise UnusableKey("the JWK's curve is not supported", clause="RFC 7518 6.2.1.1")
    members = {name: jwk.get(name) for name in _PUBLIC_MEMBERS[kty]}
    if not all(isinstance(value, str) and len(value) <= _MAXIMUM_RSA_BITS // 4 for value in members.values()):
        raise UnusableKey("a member of the JWK is absent, too long or not a string", clause="RFC 7518 6")
    try:
        imported = _KINDS[kty].import_key({"kty": kty, **cast("dict[str, str]", members)})
        material = cast(PublicMaterial, imported.public_key)
        thumbprint = imported.thumbprint()
    except (JoseError, ValueError, TypeError) as error:
        raise UnusableKey("the JWK does not describe a valid public key", clause="RFC 8725 3.4") from error
    _require_strength(material)
    return PublicKey(
        kid=_optional_string(jwk, "kid"),
        kty=kty,
        crv=crv if kty in _CURVES else None,
        alg=_optional_string(jwk, "alg"),
        use=_optional_string(jwk, "use"),
        key_ops=_key_ops(jwk.get("key_ops")),
        thumbprint=thumbprint,
        jwk={"kty": kty, **members},
        material=material,
    )


def _require_strength(material: PublicMaterial) -> None:
    if not isinstance(material, rsa.RSAPublicKey):
        return
    if not MINIMUM_RSA_BITS <= material.key_size <= _MAXIMUM_RSA_BITS:
        raise UnusableKey(
            "an RSA key has 2048 to 8192 bits", clause="FAPI2-SP 5.4.1-2", facts={"bits": material.key_size}
        )
    if material.public_numbers().e < 3:
        raise UnusableKey("the RSA exponent is too small", clause="RFC 8725 3.4")


def _optional_string(jwk: Mapping[str, Any], name: str) -> str | None:
    value = jwk.get(name)
    if value is None or isinstance(value, str):
        return value
    raise UnusableKey(f"the JWK's {name} is not a string", clause="RFC 7517 4")


def _key_ops(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return frozenset(value)
    raise UnusableKey("the JWK's key_ops is not an array of strings", clause="RFC 7517 4.3")
