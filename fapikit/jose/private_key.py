"""A private key in this process: one key, one algorithm.

Spec: RFC 7517 4; RFC 7638 3; RFC 8725 3.1; FAPI2-SP 5.4.1-1.2, 5.4.1-2, 5.4.1-3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fapikit.errors import UnusableKey, UnusablePrivateKey
from fapikit.jose import load_key
from fapikit.jose.algorithms import ALGORITHMS, PrivateMaterial
from fapikit.jose.public_key import EC_CURVES, PublicKey, import_public_jwk
from fapikit.tracebacks import forgets_locals

_CURVE_ALG: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class PrivateKey:
    """A local `Signer`. Its repr and its public JWK have no secrets, and it cannot be pickled."""

    __slots__ = ("_alg", "_kid", "_material", "_public", "_sign")

    def __init__(self, material: PrivateMaterial, *, alg: str | None = None, kid: str | None = None) -> None:
        """`alg`: by default that of the curve, or PS256 for RSA. `kid`: by default the RFC 7638 thumbprint.

        Raises UnusablePrivateKey if `alg` is not for this key, or if the key is too weak.
        """
        members = load_key.public_members(material)
        alg = alg or _default_alg(members)
        try:
            unnamed = import_public_jwk({**members, "alg": alg, "use": "sig"})
            unnamed.verifier(alg)
        except UnusableKey as error:  # an UnusableKey would say that a peer is at fault
            raise UnusablePrivateKey(error.message, clause=error.clause, facts=error.facts) from error
        self._material = material
        self._alg = alg
        self._kid = kid or unnamed.thumbprint
        self._public = import_public_jwk({**members, "kid": self._kid, "alg": alg, "use": "sig"})
        self._sign = ALGORITHMS[alg].signer(material)

    @classmethod
    def generate(cls, alg: str, *, kid: str | None = None) -> PrivateKey:
        """A new key for `alg`. RSA keys have 2048 bits. Raises UnusablePrivateKey for an unsupported algorithm."""
        algorithm = ALGORITHMS.get(alg)
        if algorithm is None:
            raise UnusablePrivateKey(
                f"{alg} is not a supported signature algorithm: use one of {', '.join(ALGORITHMS)}",
                clause="RFC 8725 3.1",
            )
        material: PrivateMaterial
        if algorithm.kty == "RSA":
            material = rsa.generate_private_key(65537, 2048)
        elif algorithm.kty == "EC":
            material = ec.generate_private_key(EC_CURVES[cast(str, algorithm.crv)][0])
        else:
            material = ed25519.Ed25519PrivateKey.generate()
        return cls(material, alg=alg, kid=kid)

    @classmethod
    @forgets_locals
    def from_pem(
        cls,
        pem: bytes | str,
        *,
        password: bytes | None = None,
        alg: str | None = None,
        kid: str | None = None,
    ) -> PrivateKey:
        """Load PKCS#8 or traditional PEM. Raises UnusablePrivateKey."""
        return cls(load_key.material_from_pem(pem, password), alg=alg, kid=kid)

    @classmethod
    @forgets_locals
    def from_der(
        cls, der: bytes, *, password: bytes | None = None, alg: str | None = None, kid: str | None = None
    ) -> PrivateKey:
        """Load PKCS#8 or traditional DER. Raises UnusablePrivateKey."""
        return cls(load_key.material_from_der(der, password), alg=alg, kid=kid)

    @classmethod
    @forgets_locals
    def from_pkcs12(
        cls, bundle: bytes, *, password: bytes | None = None, alg: str | None = None, kid: str | None = None
    ) -> PrivateKey:
        """Load the key of a PKCS#12 file (.p12, .pfx). Raises UnusablePrivateKey."""
        return cls(load_key.material_from_pkcs12(bundle, password), alg=alg, kid=kid)

    @classmethod
    @forgets_locals
    def from_jwk(cls, jwk: Mapping[str, Any] | str | bytes) -> PrivateKey:
        """Load a private JWK, or its JSON text. Its `alg` and `kid` are used. Its `use` must allow signing.

        Raises UnusablePrivateKey.
        """
        members = load_key.jwk_members(jwk)
        _require_for_signing(members)
        return cls(load_key.material_from_jwk(members), alg=members.get("alg"), kid=members.get("kid"))

    @classmethod
    @forgets_locals
    def from_jwks(cls, jwks: Mapping[str, Any] | str | bytes, kid: str | None = None) -> PrivateKey:
        """Load the key with this `kid` from a private JWK Set (or its JSON text), or its only key.

        Raises UnusablePrivateKey.
        """
        members = load_key.jwk_members(jwks).get("keys")
        named = [
            jwk
            for jwk in (members if isinstance(members, list) else ())
            if isinstance(jwk, dict) and (kid is None or jwk.get("kid") == kid)
        ]
        if len(named) != 1:
            raise UnusablePrivateKey(
                f"{len(named)} keys of the JWK Set match, and exactly one must: set kid", clause="RFC 7517 5"
            )
        return cls.from_jwk(named[0])

    @property
    def alg(self) -> str:
        return self._alg

    @property
    def kid(self) -> str:
        return self._kid

    @property
    def local(self) -> bool:
        return True

    @property
    def public_jwk(self) -> Mapping[str, Any]:
        return {**self._public.jwk, "kid": self._kid, "alg": self._alg, "use": "sig"}

    @property
    def public_key(self) -> PublicKey:
        """The public key for a verifier, with `kid`, `alg` and `use`."""
        return self._public

    @property
    def thumbprint(self) -> str:
        return self._public.thumbprint

    def sign(self, signing_input: bytes) -> bytes:
        return self._sign(signing_input)

    def to_private_jwk(self) -> dict[str, Any]:
        """The private JWK, to seal. It is a secret."""
        return {**load_key.private_jwk(self._material), "kid": self._kid, "alg": self._alg, "use": "sig"}

    def to_pem(self) -> bytes:
        """Unencrypted PKCS#8 PEM. It is a secret."""
        return self._material.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def __repr__(self) -> str:
        return f"PrivateKey({self._alg}, kid={self._kid})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PrivateKey cannot be pickled: seal its to_private_jwk() (fapikit.stores.sealed)")


def _require_for_signing(jwk: Mapping[str, Any]) -> None:
    for name in ("alg", "kid", "use"):
        if not isinstance(jwk.get(name, ""), str):
            raise UnusablePrivateKey(f"the JWK's {name} is not a string", clause="RFC 7517 4")
    operations = jwk.get("key_ops", ["sign"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "sign" not in operations:
        raise UnusablePrivateKey("the JWK is not for signing", clause="RFC 7517 4.2")


def _default_alg(members: Mapping[str, str]) -> str:
    if members["kty"] == "RSA":
        return "PS256"
    return _CURVE_ALG.get(members["crv"], "Ed25519")
