"""Keys for encryption: our private keys decrypt, a peer's public keys encrypt. A key has one algorithm and never signs.

Spec: RFC 7517 4.2; RFC 7518 4.3, 4.6, 6; RFC 8037 3.2; RFC 8725 3.1, 3.5; FAPI2-SP 5.4.1-2, 5.4.1-3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, Self

from cryptography.hazmat.primitives import serialization
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fapikit.errors import UnusableKey
from fapikit.jose.load_key import pem_octets
from fapikit.jose.rsa_modulus import require_sound_modulus
from fapikit.tracebacks import forgets_locals

KEY_MANAGEMENT: Final[Mapping[str, str]] = {
    "RSA-OAEP": "RSA",
    "RSA-OAEP-256": "RSA",
    "ECDH-ES": "EC",
    "ECDH-ES+A128KW": "EC",
    "ECDH-ES+A256KW": "EC",
}
"""The algorithms with the `kty` of their keys. For EC, an OKP key on X25519 can be used too."""

CURVES: Final = ("P-256", "P-384", "P-521", "X25519")
_KINDS: Final[Mapping[str, Any]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class EncryptionKey:
    """A public key of a peer. `material` is the key object of joserfc."""

    __slots__ = ("alg", "crv", "kid", "material")

    def __init__(self, material: Any, *, alg: str, kid: str | None) -> None:
        self.material = material
        self.alg = alg
        self.kid = kid
        self.crv: str | None = _require_fit(material, alg)

    @classmethod
    @forgets_locals
    def from_jwk(cls, jwk: Mapping[str, Any], *, alg: str | None = None) -> Self:
        """`alg` is needed if the JWK has none. If the JWK has one, both must be equal. Raises UnusableKey."""
        material, alg, kid = _read(jwk, alg)
        return cls(material, alg=alg, kid=kid)

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, Any], alg: str) -> Self:
        """The first key of a set that is for encryption with `alg`. Raises UnusableKey with the reasons if none is."""
        members = jwks.get("keys")
        unusable: list[str] = []
        for jwk in members if isinstance(members, list | tuple) else ():
            if isinstance(jwk, dict) and jwk.get("use") == "enc" and jwk.get("alg", alg) == alg:
                try:
                    return cls.from_jwk(jwk, alg=alg)
                except UnusableKey as error:
                    unusable.append(f"{str(jwk.get('kid'))[:60]!a}: {error.message}")
        why = f"; these cannot be used: {'; '.join(unusable[:5])}" if unusable else " with use enc"
        raise UnusableKey(f"the JWK Set has no key for {alg}{why}", clause="RFC 7517 5", facts={"alg": alg})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.alg}, kid={self.kid!a})"


class DecryptionKey(EncryptionKey):
    """A private key of ours. Its repr and its public JWK have no secrets."""

    __slots__ = ()

    kid: str

    def __init__(self, material: Any, *, alg: str, kid: str | None = None) -> None:
        super().__init__(material, alg=alg, kid=kid or material.thumbprint())
        if not material.is_private:
            raise UnusableKey(
                "this is a public key: a DecryptionKey needs the private key", clause="RFC 7516 5.2"
            )

    @classmethod
    def generate(cls, alg: str, *, crv: str = "P-256", kid: str | None = None) -> DecryptionKey:
        """A new key. RSA keys have 2048 bits. `crv`: one of P-256, P-384, P-521, X25519. Raises UnusableKey."""
        kty = _kty_of(alg)
        if kty == "RSA":
            return cls(RSAKey.generate_key(2048), alg=alg, kid=kid)
        if crv not in CURVES:
            raise UnusableKey(
                f"the curve is not supported: use one of {', '.join(CURVES)}",
                clause="RFC 7518 6.2.1.1",
                facts={"crv": crv},
            )
        kind = OKPKey if crv == "X25519" else ECKey
        return cls(kind.generate_key(crv), alg=alg, kid=kid)  # type: ignore[arg-type]

    @classmethod
    @forgets_locals
    def from_pem(
        cls, pem: bytes | str, *, alg: str, password: bytes | None = None, kid: str | None = None
    ) -> DecryptionKey:
        """Load PKCS#8 or traditional PEM. Raises UnusableKey."""
        try:
            plain = serialization.load_pem_private_key(pem_octets(pem), password).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            for kind in (RSAKey, ECKey, OKPKey):
                try:
                    return cls(kind.import_key(plain), alg=alg, kid=kid)
                except (JoseError, ValueError, KeyError):
                    continue
        except (ValueError, TypeError) as error:
            raise UnusableKey(
                "this is not a PEM private key, or not its password", clause="RFC 7468 10"
            ) from error
        raise UnusableKey("this key cannot decrypt: use an RSA, EC or X25519 key", clause="RFC 7518 4.1")

    @property
    def public_jwk(self) -> Mapping[str, Any]:
        """The public JWK with `kid`, `alg` and `use`."""
        public: dict[str, Any] = self.material.as_dict(private=False)
        return {**public, "kid": self.kid, "alg": self.alg, "use": "enc"}

    def to_private_jwk(self) -> dict[str, Any]:
        """The private JWK, to seal. It is a secret."""
        return {**self.material.as_dict(private=True), "kid": self.kid, "alg": self.alg, "use": "enc"}

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a DecryptionKey cannot be pickled: seal its to_private_jwk() (fapikit.stores.sealed)"
        )


def _read(jwk: Mapping[str, Any], alg: str | None) -> tuple[Any, str, str | None]:
    kind = _KINDS.get(str(jwk.get("kty")))
    named, kid = jwk.get("alg"), jwk.get("kid")
    if kind is None:
        raise UnusableKey("the JWK's kty is not RSA, EC or OKP", clause="RFC 7517 4.1")
    if jwk.get("use", "enc") != "enc":
        raise UnusableKey("the JWK is not for encryption", clause="RFC 7517 4.2")
    if not isinstance(named, str | None) or not isinstance(kid, str | None):
        raise UnusableKey("the JWK's alg or kid is not a string", clause="RFC 7517 4")
    chosen = named or alg
    if chosen is None or (alg is not None and chosen != alg):
        raise UnusableKey("the JWK has no alg, or another one than is registered", clause="RFC 8725 3.1")
    try:
        return kind.import_key(dict(jwk)), chosen, kid
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise UnusableKey("the JWK does not describe a valid key", clause="RFC 8725 3.4") from error


def _kty_of(alg: str) -> str:
    kty = KEY_MANAGEMENT.get(alg)
    if kty is None:
        raise UnusableKey(
            f"{alg} is not a supported key management algorithm: use one of {', '.join(KEY_MANAGEMENT)}",
            clause="RFC 8725 3.1",
            facts={"alg": alg},
        )
    return kty


def _require_fit(material: Any, alg: str) -> str | None:
    """The curve of the key, or None for RSA. Raises UnusableKey if the key is not for `alg`."""
    kty = _kty_of(alg)
    if isinstance(material, RSAKey) and kty == "RSA":
        require_sound_modulus(material.public_key.public_numbers().n)
        return None
    if isinstance(material, ECKey | OKPKey) and kty == "EC":
        crv = material.curve_name
        if crv in CURVES:
            return str(crv)
    raise UnusableKey(f"this key is not for {alg}", clause="RFC 8725 3.1", facts={"alg": alg})
