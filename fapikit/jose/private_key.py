"""A private key in this process: one key, one algorithm.

Spec: RFC 7517; RFC 7638; RFC 8725 3.1; FAPI2-SP 5.4.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fapikit.errors import UnusableKey
from fapikit.jose.algorithms import ALGORITHMS, PrivateMaterial
from fapikit.jose.public_key import PublicKey, import_public_jwk

_KINDS: Final[dict[str, Any]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_EC_CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}
_CURVE_ALG: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class PrivateKey:
    """A local `Signer`. Its repr and its public JWK show nothing secret."""

    __slots__ = ("_alg", "_kid", "_material", "_public", "_sign")

    def __init__(self, material: PrivateMaterial, *, alg: str | None = None, kid: str | None = None) -> None:
        """`alg` defaults to the curve's own, PS256 for RSA; `kid` to the RFC 7638 thumbprint.

        Raises UnusableKey if `alg` does not fit the key or the key is too weak.
        """
        jwk = _public_jwk(material)
        alg = alg or _default_alg(jwk)
        public = import_public_jwk({**jwk, "alg": alg})
        public.verifier(alg)
        self._material = material
        self._alg = alg
        self._kid = kid or public.thumbprint
        self._public = public
        self._sign = ALGORITHMS[alg].signer(material)

    @classmethod
    def generate(cls, alg: str, *, kid: str | None = None) -> PrivateKey:
        """A fresh key for `alg`. RSA keys have 2048 bits."""
        algorithm = ALGORITHMS.get(alg)
        if algorithm is None:
            raise UnusableKey(f"{alg} is not a supported signature algorithm", clause="RFC 8725 3.1")
        material: PrivateMaterial
        if algorithm.kty == "RSA":
            material = rsa.generate_private_key(65537, 2048)
        elif algorithm.kty == "EC":
            material = ec.generate_private_key(_EC_CURVES[cast(str, algorithm.crv)]())
        else:
            material = ed25519.Ed25519PrivateKey.generate()
        return cls(material, alg=alg, kid=kid)

    @classmethod
    def from_pem(
        cls, pem: bytes, *, password: bytes | None = None, alg: str | None = None, kid: str | None = None
    ) -> PrivateKey:
        """Load PKCS#8 or traditional PEM. Raises UnusableKey."""
        try:
            material = serialization.load_pem_private_key(pem, password)
        except (ValueError, TypeError) as error:
            raise UnusableKey("not a readable PEM private key", clause="RFC 7468") from error
        return cls(_signing_material(material), alg=alg, kid=kid)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> PrivateKey:
        """Load a private JWK. Raises UnusableKey."""
        kind = _KINDS.get(str(jwk.get("kty")))
        if kind is None or "d" not in jwk:
            raise UnusableKey("not a private RSA, EC or OKP JWK", clause="RFC 7517 4.1")
        try:
            material = kind.import_key(dict(jwk)).private_key
        except (JoseError, ValueError, TypeError) as error:
            raise UnusableKey("the JWK does not describe a valid private key", clause="RFC 7518 6") from error
        return cls(_signing_material(material), alg=jwk.get("alg"), kid=jwk.get("kid"))

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
        """The key as a verifier sees it, `kid`, `alg` and `use` included."""
        return import_public_jwk(self.public_jwk)

    @property
    def thumbprint(self) -> str:
        return self._public.thumbprint

    def sign(self, signing_input: bytes) -> bytes:
        return self._sign(signing_input)

    def to_private_jwk(self) -> dict[str, Any]:
        """The private JWK, for sealing. It is a secret."""
        kind = _KINDS[self._public.kty]
        return {
            **kind.import_key(self._pkcs8()).as_dict(private=True),
            "kid": self._kid,
            "alg": self._alg,
            "use": "sig",
        }

    def to_pem(self) -> bytes:
        """Unencrypted PKCS#8 PEM. It is a secret."""
        return self._pkcs8()

    def _pkcs8(self) -> bytes:
        return self._material.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def __repr__(self) -> str:
        return f"PrivateKey({self._alg}, kid={self._kid})"


def _signing_material(material: object) -> PrivateMaterial:
    if isinstance(material, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        return material
    raise UnusableKey("only RSA, EC and Ed25519 keys sign", clause="RFC 7518 3.1")


def _public_jwk(material: PrivateMaterial) -> dict[str, Any]:
    pem = material.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kty = "RSA" if isinstance(material, rsa.RSAPrivateKey) else "OKP"
    if isinstance(material, ec.EllipticCurvePrivateKey):
        kty = "EC"
    try:
        return dict(_KINDS[kty].import_key(pem).as_dict(private=False))
    except (JoseError, ValueError, KeyError) as error:
        raise UnusableKey("the key's curve is not supported", clause="RFC 7518 6.2.1.1") from error


def _default_alg(jwk: Mapping[str, Any]) -> str:
    if jwk["kty"] == "RSA":
        return "PS256"
    return _CURVE_ALG.get(jwk["crv"], "Ed25519")
