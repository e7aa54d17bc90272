"""Private keys from the usual formats: PEM, DER, PKCS#12, JWK.

Spec: RFC 7468 10, 11; RFC 5958; RFC 7292; RFC 7517 4; RFC 7518 6
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fapikit import strict_json
from fapikit.errors import UnusableKey, UnusablePrivateKey
from fapikit.jose.algorithms import PrivateMaterial
from fapikit.jose.public_key import members_of
from fapikit.tracebacks import bare

_LABEL: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_KINDS: Final[Mapping[str, Any]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


def material_from_pem(pem: bytes | str, password: bytes | None) -> PrivateMaterial:
    """A key from PEM: PKCS#8, encrypted or not, or a traditional format. Raises UnusablePrivateKey."""
    _require_private_pem(pem)
    return _load(
        lambda: serialization.load_pem_private_key(pem_octets(pem), password),
        "PEM private key",
        "RFC 7468 10",
    )


def material_from_der(der: bytes, password: bytes | None) -> PrivateMaterial:
    """A key from DER, in the same formats as PEM. Raises UnusablePrivateKey."""
    return _load(lambda: serialization.load_der_private_key(der, password), "DER private key", "RFC 5958")


def material_from_pkcs12(bundle: bytes, password: bytes | None) -> PrivateMaterial:
    """The key of a PKCS#12 file. Its certificates are ignored. Raises UnusablePrivateKey."""
    return _load(lambda: pkcs12.load_key_and_certificates(bundle, password)[0], "PKCS#12 file", "RFC 7292")


def material_from_jwk(jwk: Mapping[str, Any]) -> PrivateMaterial:
    """A key from a JWK. Raises UnusablePrivateKey, also if public and private members are of different keys."""
    kind = _KINDS.get(str(jwk.get("kty")))
    if kind is None or "d" not in jwk:
        raise UnusablePrivateKey(
            "this is not a private RSA, EC or OKP JWK: give the one with the member d", clause="RFC 7517 4.1"
        )
    try:
        material = signing_material(kind.import_key(dict(jwk)).private_key)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnusablePrivateKey(
            "the JWK does not describe a valid private key", clause="RFC 7518 6"
        ) from bare(error)
    if any(jwk.get(name) != value for name, value in public_members(material).items()):
        raise UnusablePrivateKey(
            "the public and private members of the JWK are of different keys", clause="RFC 7518 6"
        )
    return material


def private_jwk(material: PrivateMaterial) -> dict[str, Any]:
    """The private members of a JWK. It is a secret."""
    pem = material.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kty = public_members(material)["kty"]
    return dict(_KINDS[kty].import_key(pem).as_dict(private=True))


def public_members(material: PrivateMaterial) -> dict[str, str]:
    """The public members of the JWK. Raises UnusablePrivateKey for a curve that is not supported."""
    try:
        return members_of(material.public_key())
    except UnusableKey as error:  # which blames a peer
        raise UnusablePrivateKey(error.message, clause=error.clause) from error


def _require_private_pem(pem: object) -> None:
    """Raises UnusablePrivateKey with a clear message for a file name, a certificate or a public key."""
    text = pem.decode("latin-1") if isinstance(pem, bytes) else str(pem)
    labels = _LABEL.findall(text) if isinstance(pem, bytes | str) else []
    if not labels:
        raise UnusablePrivateKey(
            "this is not a PEM private key: give the text of the file, not its name", clause="RFC 7468 2"
        )
    if not any("PRIVATE KEY" in label for label in labels):
        raise UnusablePrivateKey(
            f"this PEM has a {labels[0]}: give the one with the private key", clause="RFC 7468 10"
        )


def pem_octets(pem: bytes | str) -> bytes:
    r"""PEM as octets. It may be given as str or bytes. From an environment variable it often has \n for line ends.

    Raises ValueError.
    """
    if isinstance(pem, str) and not pem.isascii():  # the error of the codec would include the whole key
        raise ValueError("a PEM must be ASCII text")
    octets = pem.encode("ascii") if isinstance(pem, str) else pem
    return octets.replace(rb"\r", b"").replace(rb"\n", b"\n")  # a PEM has no backslashes


def jwk_members(jwk: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    """A JWK or a set of them, as an object or as its JSON text. Raises UnusablePrivateKey."""
    if isinstance(jwk, str | bytes):
        try:
            return strict_json.parse_object(jwk)
        except ValueError:
            pass  # not chained: that error would contain the text, which is a key
    elif isinstance(jwk, Mapping):
        return jwk
    raise UnusablePrivateKey("this is not a JWK: give a JSON object, or its text", clause="RFC 7517 4")


def signing_material(material: object) -> PrivateMaterial:
    """The same object, if it can sign. Raises UnusablePrivateKey."""
    if isinstance(material, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        return material
    raise UnusablePrivateKey("this key cannot sign: use an RSA, EC or Ed25519 key", clause="RFC 7518 3.1")


def _load(load: Callable[[], object], what: str, clause: str) -> PrivateMaterial:
    try:
        material = load()
    except TypeError as error:
        raise UnusablePrivateKey(
            f"the {what} needs a password, or has none, or key or password is not bytes: correct password",
            clause=clause,
        ) from bare(error)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusablePrivateKey(f"this is not a {what}, or not its password", clause=clause) from bare(error)
    return signing_material(material)
