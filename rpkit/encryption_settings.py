"""Which messages of a client are encrypted, as registered, and which keys decrypt them.

Spec: OIDC Registration 2; JARM 3; RFC 9701 6; OIDC 10.2; FAPI1-ADV 8.6.1-1
Role: C
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from fapikit.errors import ConfigurationError
from fapikit.jose.encryption import CONTENT_ENCRYPTION, Decryption
from fapikit.jose.encryption_keys import KEY_MANAGEMENT, DecryptionKey
from fapikit.profiles import Profile

RESPONSES: Final = ("id_token", "authorization", "userinfo", "introspection")
"""For each of these `X`, a client can register `X_encrypted_response_alg` and `X_encrypted_response_enc`."""


class EncryptionSettings(Protocol):
    """The fields of `ClientSettings` that this module reads."""

    @property
    def profile(self) -> Profile: ...

    @property
    def decryption_keys(self) -> Sequence[DecryptionKey]: ...

    @property
    def signed_requests(self) -> bool: ...

    @property
    def request_object_encryption_alg(self) -> str | None: ...


def check_encryption(settings: EncryptionSettings) -> None:
    """Raises ConfigurationError for encryption settings that cannot work."""
    for name in (*(f"{response}_encrypted_response" for response in RESPONSES), "request_object_encryption"):
        alg, enc = getattr(settings, f"{name}_alg"), getattr(settings, f"{name}_enc")
        if alg is None:
            if enc is not None:
                raise ConfigurationError(
                    f"{name}_enc is given without {name}_alg: give both, or neither", clause="OIDC 10.2"
                )
            continue
        if alg not in KEY_MANAGEMENT:
            raise ConfigurationError(
                f"{name}_alg {alg} is not allowed: use one of {', '.join(KEY_MANAGEMENT)}",
                clause="FAPI1-ADV 8.6.1-1",
            )
        if enc is not None and enc not in CONTENT_ENCRYPTION:
            raise ConfigurationError(
                f"{name}_enc {enc} is not supported: use one of {', '.join(CONTENT_ENCRYPTION)}",
                clause="RFC 7518 5",
            )
        if name != "request_object_encryption" and not _keys(settings, alg):
            raise ConfigurationError(
                f"{name}_alg is {alg}, and decryption_keys has no key for it: add a DecryptionKey for {alg}",
                clause="RFC 7516 5.2",
            )
    if settings.request_object_encryption_alg is not None and not settings.signed_requests:
        raise ConfigurationError(
            "request_object_encryption_alg needs signed_requests=True: a request object is signed, then encrypted",
            clause="RFC 9101 4b",
        )


def decryption_of(settings: EncryptionSettings, response: str) -> Decryption | None:
    """How to decrypt a kind of response; None where it is not encrypted. `response` is one of `RESPONSES`."""
    alg = getattr(settings, f"{response}_encrypted_response_alg")
    if alg is None:
        return None
    enc = getattr(settings, f"{response}_encrypted_response_enc")
    return Decryption(
        keys=_keys(settings, alg), content_encryption=CONTENT_ENCRYPTION if enc is None else (enc,)
    )


def _keys(settings: EncryptionSettings, alg: str) -> tuple[DecryptionKey, ...]:
    return tuple(key for key in settings.decryption_keys if key.alg == alg)
