"""A public key from a JWK: checked once, bound to its algorithm, ready to verify.

Members are decoded strictly and with their full length. So a key has exactly one encoding and one thumbprint. This
module uses `cryptography` alone: each DPoP proof has a key, and the import of joserfc is lenient about base64 and takes
three to seven times as long.

Spec: RFC 7517 4; RFC 7518 6; RFC 7638 3; RFC 8037 2; FAPI2-SP 5.4.1-2, -3; FAPI1-BL 5.2.2-5, -6,
    5.2.4-2, -3; RFC 8725 3.1, 3.4, 3.5
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fapikit import base64url
from fapikit.errors import UnusableKey
from fapikit.jose.algorithms import ALGORITHMS, SAME_KEY, PublicMaterial, Verify
from fapikit.jose.rsa_modulus import MAXIMUM_BITS, require_sound_modulus

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
EC_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, int]]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
}
"""Each curve, with the number of octets of a coordinate."""

_ED25519_FIELD: Final = 2**255 - 19
_LARGEST_Y: Final = 2**255 - 1  # the bit above is the sign of x
_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER: Final = frozenset({0, 1, _ED25519_FIELD - 1, _ORDER_8, _ED25519_FIELD - _ORDER_8})
"""The y coordinates of the points of order 1, 2, 4 or 8 (RFC 7748 4.1: the cofactor is 8)."""

_MAXIMUM_EXPONENT_BITS: Final = 64  # with a longer exponent, verifying would be as slow as signing
_MAXIMUM_CHARACTERS: Final = MAXIMUM_BITS // 6 + 2
_THUMBPRINT_INPUT: Final = {
    "EC": '{"crv":"%s","kty":"%s","x":"%s","y":"%s"}',
    "OKP": '{"crv":"%s","kty":"%s","x":"%s"}',
    "RSA": '{"e":"%s","kty":"%s","n":"%s"}',
}


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
        """Whether this key may verify `alg`: by its type, its curve, and its own `alg`, `use`, `key_ops`."""
        if not is_for(alg, self.kty, self.crv, self.alg):
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

    @property
    def described(self) -> str:
        """The members of the key, for a message about why it does not match."""
        told = [f"kty {self.kty}"]
        told += [f"{name} {value!a:.40}" for name in ("crv", "alg", "use") if (value := getattr(self, name))]
        if self.key_ops is not None:
            told.append(f"key_ops {' '.join(sorted(self.key_ops))!a:.40}")
        return ", ".join(told)

    def __repr__(self) -> str:
        return f"PublicKey({self.kty} {self.crv or ''} kid={self.kid!a} alg={self.alg!a})"


def is_for(alg: str, kty: str, crv: str | None, own_alg: object) -> bool:
    """Whether a key of this type and curve, with `own_alg` (or None) in its JWK, is for `alg` (RFC 8725 3.1)."""
    algorithm = ALGORITHMS.get(alg)
    if algorithm is None or algorithm.kty != kty or algorithm.crv != crv:
        return False
    if own_alg is None or own_alg == alg:
        return True
    return alg in SAME_KEY and isinstance(own_alg, str) and own_alg in SAME_KEY


def import_public_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Read a public signature JWK.

    Raises UnusableKey for private or symmetric members, an unknown type or curve, a point that is off its curve or of
    small order, a member in another encoding, and an RSA key that is too short, too long or of the broken generator.
    """
    members = required_members(jwk)
    material = import_material(members)  # first, because an invalid key has no thumbprint
    return PublicKey(
        kid=_optional_string(jwk, "kid"),
        kty=members["kty"],
        crv=members.get("crv"),
        alg=_optional_string(jwk, "alg"),
        use=_optional_string(jwk, "use"),
        key_ops=_key_ops(jwk.get("key_ops")),
        thumbprint=thumbprint_of(members),
        jwk=members,
        material=material,
    )


def required_members(jwk: Mapping[str, Any]) -> dict[str, str]:
    """The required members of the key, in the order of their names (RFC 7638 3.2). Raises UnusableKey."""
    kty = jwk.get("kty")
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise UnusableKey("the JWK has private members: give the public key only", clause="RFC 7517 9.2")
    if kty == "EC":
        members = {"crv": jwk.get("crv"), "kty": "EC", "x": jwk.get("x"), "y": jwk.get("y")}
    elif kty == "OKP":
        members = {"crv": jwk.get("crv"), "kty": "OKP", "x": jwk.get("x")}
    elif kty == "RSA":
        members = {"e": jwk.get("e"), "kty": "RSA", "n": jwk.get("n")}
    else:
        raise UnusableKey("the JWK's kty is not RSA, EC or OKP", clause="RFC 7517 4.1")
    for name, value in members.items():
        if not isinstance(value, str) or len(value) > _MAXIMUM_CHARACTERS:
            raise UnusableKey(f"the JWK's {name} is absent, too long or not a string", clause="RFC 7518 6")
    return cast("dict[str, str]", members)


def members_of(material: object) -> dict[str, str]:
    """The members that make this key, in order of their names. Raises UnusableKey for another kind or curve."""
    if isinstance(material, rsa.RSAPublicKey):
        numbers = material.public_numbers()
        return {"e": _base64url_uint(numbers.e), "kty": "RSA", "n": _base64url_uint(numbers.n)}
    if isinstance(material, ed25519.Ed25519PublicKey):
        return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(material.public_bytes_raw())}
    if isinstance(material, ec.EllipticCurvePublicKey):
        for crv, (curve, octets) in EC_CURVES.items():
            if curve.name == material.curve.name:
                point = material.public_numbers()
                x, y = point.x.to_bytes(octets, "big"), point.y.to_bytes(octets, "big")
                return {"crv": crv, "kty": "EC", "x": base64url.encode(x), "y": base64url.encode(y)}
    raise UnusableKey("the key's kind or curve is not supported", clause="RFC 7518 6")


def import_material(members: Mapping[str, str]) -> PublicMaterial:
    """The key of these members. Raises UnusableKey."""
    kty, crv = members["kty"], members.get("crv", "")
    try:
        if kty == "EC" and crv in EC_CURVES:
            curve, octets = EC_CURVES[crv]
            x, y = base64url.decode(members["x"]), base64url.decode(members["y"])
            if len(x) != octets or len(y) != octets:
                raise ValueError("a coordinate does not have the length of its curve's field")
            # RFC 8725 3.4: raises ValueError for a point off the curve, and for coordinates beyond its field.
            return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)
        if kty == "RSA":
            return _rsa(_unsigned(members["n"]), _unsigned(members["e"]))
        if kty == "OKP" and crv == "Ed25519":
            return _ed25519(base64url.decode(members["x"]))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKey("the JWK does not describe a valid public key", clause="RFC 8725 3.4") from error
    clause = "RFC 7518 6.2.1.1" if kty == "EC" else "RFC 8037 2"
    raise UnusableKey("the JWK's curve is not supported", clause=clause)


def thumbprint_of(members: Mapping[str, str]) -> str:
    """The RFC 7638 3.2 thumbprint of `required_members` that `import_material` accepted: they need no escaping."""
    text = _THUMBPRINT_INPUT[members["kty"]] % tuple(members.values())
    return base64url.encode(hashlib.sha256(text.encode("ascii")).digest())


def _ed25519(octets: bytes) -> ed25519.Ed25519PublicKey:
    y = int.from_bytes(octets, "little") & _LARGEST_Y
    # RFC 8725 3.4. The library accepts two encodings of one point, and points for which anybody can make signatures.
    if y >= _ED25519_FIELD or y in _SMALL_ORDER:
        raise ValueError("y is beyond its field, or the point is of small order")
    return ed25519.Ed25519PublicKey.from_public_bytes(octets)


def _rsa(modulus: int, exponent: int) -> rsa.RSAPublicKey:
    require_sound_modulus(modulus)
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > _MAXIMUM_EXPONENT_BITS:
        raise UnusableKey("the RSA exponent is even, too small or too long", clause="RFC 8725 3.4")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _unsigned(text: str) -> int:
    """Base64urlUInt: big-endian, no leading zero octets (RFC 7518 2)."""
    octets = base64url.decode(text)
    if not octets or octets[0] == 0:
        raise ValueError("a number is empty or begins with a zero octet")
    return int.from_bytes(octets, "big")


def _base64url_uint(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


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
