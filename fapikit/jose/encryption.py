"""Encrypted JWTs: the encryption and decryption of a signed JWT inside a JWE.

The key decides on the algorithm, and the header must agree. RSA1_5, PBES2, `dir`, symmetric key wrapping and
compression have no entry here, so nothing can select them.

Spec: RFC 7516 5.1, 5.2; RFC 7518 4, 5; RFC 7519 5.2, 11.2; RFC 8037 3.2; RFC 8725 3.1, 3.2, 3.3, 3.6; FAPI1-ADV 8.6.1-1
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError

from fapikit import base64url
from fapikit.errors import (
    AmbiguousKey,
    ConfigurationError,
    DecryptionFailed,
    ForbiddenAlgorithm,
    JwtTooLarge,
    KeyNotFound,
    MalformedJwt,
    NotEncrypted,
    UnknownCritical,
)
from fapikit.jose.encryption_keys import KEY_MANAGEMENT, DecryptionKey, EncryptionKey
from fapikit.jose.parse import read_object
from fapikit.jose.purposes import Purpose

CONTENT_ENCRYPTION: Final = ("A256GCM", "A128GCM", "A256CBC-HS512", "A128CBC-HS256")

DEFAULT_ENC: Final = "A128CBC-HS256"
"""The `enc` for a registration that has an `alg` and no `enc` (OIDC Registration 2)."""

_MAX_HEADER_CHARACTERS: Final = 4 * 1024 * 4 // 3
_OVERHEAD: Final = 8 * 1024
_FORBIDDEN_MEMBERS: Final = ("crit", "zip", "b64", "p2s", "p2c")
_PRIVATE: Final = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})


class _Registry(jwe.JWERegistry):
    """Larger limits: those of joserfc are too small for a signed request object with certificates."""

    max_protected_header_length = _MAX_HEADER_CHARACTERS
    max_ciphertext_length = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Decryption:
    """How a recipient decrypts: its keys, the allowed `enc` values, and whether an unencrypted JWT is refused."""

    keys: tuple[DecryptionKey, ...]
    content_encryption: Collection[str] = field(default=CONTENT_ENCRYPTION)
    required: bool = True

    def __post_init__(self) -> None:
        if not self.keys:
            raise ConfigurationError("keys is empty: give a DecryptionKey", clause="RFC 7516 5.2")
        if not set(self.content_encryption) <= set(CONTENT_ENCRYPTION):
            raise ConfigurationError(
                f"content_encryption {sorted(self.content_encryption)} has an unsupported value: use only"
                f" {', '.join(CONTENT_ENCRYPTION)}",
                clause="RFC 7518 5",
            )


def is_encrypted(token: str) -> bool:
    """Whether this has the five parts of a compact JWE."""
    return token.count(".") == 4


def unwrap_jwt(token: str, purpose: Purpose, decryption: Decryption) -> str:
    """The signed JWT inside, or the token itself if it is not encrypted and that is allowed.

    Raises NotEncrypted and the errors of `decrypt_jwt`.
    """
    if is_encrypted(token):
        return decrypt_jwt(token, purpose, decryption)
    if decryption.required:
        raise purpose.fail(
            NotEncrypted,
            f"this {purpose.name} is not encrypted, although encryption is registered",
            about="encryption",
        )
    return token


def encrypt_jwt(token: str, key: EncryptionKey, *, enc: str = "A256GCM") -> str:
    """A signed JWT, encrypted for the owner of `key` (RFC 7519 5.2, 11.2: signed first, `cty` JWT).

    Raises ConfigurationError for an `enc` that is not in `CONTENT_ENCRYPTION`.
    """
    if enc not in CONTENT_ENCRYPTION:
        raise ConfigurationError(
            f"enc {enc} is not supported: use one of {', '.join(CONTENT_ENCRYPTION)}", clause="RFC 7518 5"
        )
    header = {"alg": key.alg, "enc": enc, "cty": "JWT", **({"kid": key.kid} if key.kid else {})}
    registry = _Registry(algorithms=[key.alg, enc])
    return jwe.encrypt_compact(header, token.encode("ascii"), key.material, registry=registry)


def decrypt_jwt(token: str, purpose: Purpose, decryption: Decryption) -> str:
    """The signed JWT inside a JWE. It is not verified yet (RFC 8725 3.3). Raises the errors of `decrypt`."""
    try:
        return decrypt(token, purpose, decryption).decode("ascii")
    except UnicodeDecodeError as error:
        raise purpose.fail(
            DecryptionFailed, f"the content of this encrypted {purpose.name} is not a JWT"
        ) from error


def decrypt(token: str, purpose: Purpose, decryption: Decryption) -> bytes:
    """The octets inside a JWE.

    Raises JwtTooLarge, MalformedJwt, DuplicateMember, ForbiddenAlgorithm, UnknownCritical, KeyNotFound,
    AmbiguousKey, DecryptionFailed.
    """
    header = _read_header(token, purpose)
    _check_header(header, purpose, decryption)
    key = _select(header, decryption.keys, purpose)
    _check_epk(header, key, purpose)
    registry = _Registry(algorithms=[key.alg, header["enc"]], strict_check_header=False)
    try:
        return jwe.decrypt_compact(token, key.material, registry=registry).plaintext or b""
    except (JoseError, ValueError, TypeError, KeyError) as error:
        # The same error for every reason: a difference would tell an attacker which step failed.
        raise purpose.fail(DecryptionFailed, f"this {purpose.name} cannot be decrypted") from error


def _read_header(token: str, purpose: Purpose) -> Mapping[str, Any]:
    if len(token) > purpose.max_octets * 4 // 3 + _OVERHEAD:
        raise purpose.fail(JwtTooLarge, f"this encrypted {purpose.name} is too long")
    if not is_encrypted(token) or not token.isascii():
        raise purpose.fail(
            MalformedJwt, f"this {purpose.name} does not have five parts with dots between them"
        )
    parts = token.split(".")
    if len(parts[0]) > _MAX_HEADER_CHARACTERS:
        raise purpose.fail(
            JwtTooLarge,
            f"the header of this encrypted {purpose.name} has more than {_MAX_HEADER_CHARACTERS} characters",
        )
    header = read_object(parts[0], purpose, "header")
    try:
        for part in parts[1:]:
            base64url.decode(part)
    except ValueError as error:
        raise purpose.fail(
            MalformedJwt, f"a part of this encrypted {purpose.name} is not base64url"
        ) from error
    return header


def _check_header(header: Mapping[str, Any], purpose: Purpose, decryption: Decryption) -> None:
    alg, enc = header.get("alg"), header.get("enc")
    if not isinstance(alg, str) or alg not in KEY_MANAGEMENT:
        clause = "FAPI1-ADV 8.6.1-1" if alg == "RSA1_5" else "RFC 8725 3.1"
        raise purpose.fail(
            ForbiddenAlgorithm,
            f"the key management algorithm of this {purpose.name} is not allowed",
            clause=clause,
            facts={"alg": alg},
        )
    if not isinstance(enc, str) or enc not in decryption.content_encryption:
        raise purpose.fail(
            ForbiddenAlgorithm,
            f"the content encryption of this {purpose.name} is not allowed",
            clause="RFC 8725 3.1",
            facts={"enc": enc},
        )
    for member in _FORBIDDEN_MEMBERS:
        if member in header:
            raise purpose.fail(
                UnknownCritical, f"the header has {member}, which is not supported here: leave it out"
            )
    cty = header.get("cty", "JWT")
    if not isinstance(cty, str) or cty.lower().removeprefix("application/") != "jwt":
        raise purpose.fail(MalformedJwt, "cty in the header is not JWT", clause="RFC 7519 5.2")


def _select(header: Mapping[str, Any], keys: Sequence[DecryptionKey], purpose: Purpose) -> DecryptionKey:
    kid = header.get("kid")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= 512):
        raise purpose.fail(MalformedJwt, "kid is not a string of at most 512 characters")
    fitting = [key for key in keys if key.alg == header["alg"] and kid in (None, key.kid)]
    if not fitting:
        raise purpose.fail(
            KeyNotFound, f"no decryption key matches this encrypted {purpose.name}", clause="RFC 7516 5.2"
        )
    if len(fitting) > 1:
        raise purpose.fail(
            AmbiguousKey, f"{len(fitting)} decryption keys match this encrypted {purpose.name}"
        )
    return fitting[0]


def _check_epk(header: Mapping[str, Any], key: DecryptionKey, purpose: Purpose) -> None:
    if not key.alg.startswith("ECDH-ES"):
        return
    epk = header.get("epk")
    fits = isinstance(epk, dict) and not _PRIVATE & epk.keys() and epk.get("crv") == key.crv
    if not fits:
        raise purpose.fail(
            MalformedJwt,
            "epk is not a public key on the curve of the recipient's key",
            clause="RFC 7518 4.6.1.1",
        )
