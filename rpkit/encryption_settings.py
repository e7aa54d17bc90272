"""Which messages of a client are encrypted, as registered, and which keys decrypt them.

Spec: OIDC Registration 2; JARM 3; RFC 9701 6; FAPI1-ADV 5.2.3.1-5
Role: C
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fapikit.errors import ConfigurationError
from fapikit.jose.encryption import CONTENT_ENCRYPTION, Decryption
from fapikit.jose.encryption_agreement import MEMBERS, REQUEST_OBJECT, read_agreements
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.profiles import Profile


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
    registered = {name: getattr(settings, name) for name in MEMBERS}
    for name, alg in read_agreements(registered, ConfigurationError).items():
        if name != REQUEST_OBJECT and not _keys(settings, alg):
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
    """How to decrypt one of `ENCRYPTED_RESPONSES`; None where it is not encrypted."""
    alg = getattr(settings, f"{response}_encrypted_response_alg")
    if alg is None:
        return None
    enc = getattr(settings, f"{response}_encrypted_response_enc")
    return Decryption(
        keys=_keys(settings, alg), content_encryption=CONTENT_ENCRYPTION if enc is None else (enc,)
    )


def _keys(settings: EncryptionSettings, alg: str) -> tuple[DecryptionKey, ...]:
    return tuple(key for key in settings.decryption_keys if key.alg == alg)
