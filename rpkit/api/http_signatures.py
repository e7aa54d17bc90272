"""`HttpSignatures`: with which key the requests to an API are signed, and with whose its answers must be.

Spec: FAPI2-HS 1.1-1, 2.2-1, 2.2-2
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fapikit.errors import ConfigurationError
from fapikit.jose.signer import Signer
from fapikit.setting_types import check_text_settings
from rpkit.api.message_signing import check_keys, keys_of_api
from rpkit.bank import Bank

if TYPE_CHECKING:
    from rpkit.api.signed_calls import SignedCalls

LONGEST_AGE: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSignatures:
    """HTTP message signatures (RFC 9421) for `Client.api(message_signing=)`. They need the extra `signatures`.

    `signer`: signs each request; the API must know its public key. None: requests are not signed. `fields`: names of
    request fields that are covered besides those that FAPI names and Content-Type. `answers_signed`: each answer must
    be signed and bound to its request. `jwks_uri` or `jwks`: the keys of the API; those of its authorization server if
    left out. `answer_fields`: names of response fields that must be covered if they are there. `max_age`: seconds since
    `created` in which the signature of an answer counts.
    """

    signer: Signer | None = field(default=None, repr=False)
    answers_signed: bool = True
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    fields: Collection[str] = ()
    answer_fields: Collection[str] = ()
    max_age: float = 60.0

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if self.signer is None and not self.answers_signed:
            raise ConfigurationError(
                "HttpSignatures has nothing to do: set signer= to sign requests, leave answers_signed= True, or both",
                clause="FAPI2-HS 1.1-1",
            )
        if not isinstance(self.signer, Signer | None):
            raise ConfigurationError("HttpSignatures(signer=) must be a PrivateKey or another Signer")
        check_keys("HttpSignatures", self.jwks_uri, self.jwks)
        if not 1 <= self.max_age <= LONGEST_AGE:
            raise ConfigurationError(
                f"HttpSignatures(max_age={self.max_age}): it must be 1 to {LONGEST_AGE:g} seconds",
                clause="FAPI2-HS 2.2-2",
            )

    def at(self, bank: Bank) -> SignedCalls:
        """Raises ConfigurationError, MissingMetadata; ModuleNotFoundError, with the extra that brings the module."""
        try:
            from rpkit.api.signed_calls import SignedCalls
        except ModuleNotFoundError as error:
            error.add_note('HTTP message signatures are an extra: pip install "fapikit[signatures]"')
            raise
        return SignedCalls(
            bank,
            signer=self.signer,
            keys=keys_of_api(bank, self.jwks_uri, self.jwks) if self.answers_signed else None,
            fields=self.fields,
            answer_fields=self.answer_fields,
            max_age=self.max_age,
        )
