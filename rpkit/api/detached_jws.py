"""Calls with the `x-jws-signature` of UK Open Banking.

Spec: UK-JWS 1, 2, 3, 4, 5; RFC 7797 3, 6
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.http_message import Headers, HttpRequest, HttpResponse
from fapikit.jose.signer import Signer
from fapikit.secrets import Concealed
from fapikit.setting_types import check_text_settings
from fapikit.signed_messages.detached_jws import (
    DIRECTORY,
    FIELD,
    FORMS,
    ExpectedSigner,
    PayloadForm,
    check_settings,
    sign_detached,
    verify_detached,
)
from fapikit.signed_messages.settings import PS256
from rpkit.api.message_signing import Verified, check_keys, keys_of_api, must_be_signed
from rpkit.bank import Bank


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedJws:
    """Sign the body of each request, and demand that answers are signed. For `Client.api(message_signing=)`.

    `signer`, `issuer`: your key and your name in the directory (organisation/software statement). `bank`: the name of
    the bank there, or several. `jwks_uri` or `jwks`: the keys of the bank; those of its authorization server if left
    out. `anchor`: the anchor that your signatures name. `anchors`: those that the bank may name. `form`: how requests
    are signed: "encoded" (from version 3.1.4 on) or "unencoded" (`b64` false). `accepts`: the forms of answers.
    `max_age`: how old the signature of an answer may be in seconds; None: of any age.
    """

    signer: Signer = field(repr=False)
    issuer: str
    bank: str | tuple[str, ...]
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    anchor: str = DIRECTORY
    anchors: Collection[str] = (DIRECTORY,)
    form: PayloadForm = "encoded"
    accepts: Collection[PayloadForm] = FORMS
    algorithms: Collection[str] = PS256
    max_age: float | None = 300.0

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if not self.bank or not all(self.bank):
            raise ConfigurationError(
                "DetachedJws(bank=): give the name of the bank in the directory", clause="UK-JWS 5"
            )
        check_keys("DetachedJws", self.jwks_uri, self.jwks)
        check_settings(
            issuer=self.issuer,
            anchors=self.anchors,
            form=self.form,
            forms=self.accepts,
            max_age=self.max_age,
            signer=self.signer,
            algorithms=self.algorithms,
        )

    def at(self, bank: Bank) -> DetachedCalls:
        return DetachedCalls(self, bank)


class DetachedCalls:
    """`DetachedJws` at work for one API client."""

    def __init__(self, settings: DetachedJws, bank: Bank) -> None:
        self._settings = settings
        self._bank = bank
        self._keys = keys_of_api(bank, settings.jwks_uri, settings.jwks)
        self._issuers = (settings.bank,) if isinstance(settings.bank, str) else settings.bank

    def sign(self, request: HttpRequest) -> Flow[tuple[Headers, bytes]]:
        if not request.body:
            return (), request.body
        settings = self._settings
        value = yield from sign_detached(
            Concealed(request.body),
            settings.signer,
            issuer=settings.issuer,
            anchor=settings.anchor,
            now=self._bank.now(),
            form=settings.form,
        )
        return ((FIELD, value),), request.body

    def verify(self, answer: HttpResponse) -> Flow[Verified | None]:
        values = answer.all(FIELD)
        if not values and not must_be_signed(answer):
            return None
        settings, bank = self._settings, self._bank
        verified = yield from verify_detached(
            values,
            Concealed(answer.body),
            keys=self._keys,
            algorithms=settings.algorithms,
            expected=ExpectedSigner(
                issuers=self._issuers,
                anchors=settings.anchors,
                now=bank.now(),
                skew=bank.profile.clock_skew,
                max_age=settings.max_age,
                forms=settings.accepts,
            ),
        )
        return Verified(verified)
