"""Calls whose bodies are JWTs (`application/jwt`), as Open Finance Brazil has them.

Spec: BR-JWT 1, 2, 3, 4, 5, 6, 7
Role: C
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit.dpop.htu import normalise
from fapikit.errors import ConfigurationError, ReplayedBody
from fapikit.flow import Flow, store_add
from fapikit.http_message import Headers, HttpRequest, HttpResponse
from fapikit.jose.purposes import SIGNED_BODY
from fapikit.jose.signer import Signer
from fapikit.secrets import Concealed
from fapikit.setting_types import check_text_settings
from fapikit.signed_messages.jwt_body import (
    MEDIA_TYPE,
    WINDOW,
    is_jwt,
    missing_body_signature,
    sign_body,
    verify_body,
)
from fapikit.signed_messages.settings import PS256, check_algorithms
from rpkit.api.message_signing import Verified, check_keys, keys_of_api, must_be_signed
from rpkit.bank import Bank

_REMEMBERED: Final = 3 * WINDOW
"""In seconds. An answer that is older is refused by its `iat`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtBodies:
    """Send each body as a JWT, and demand JWTs as answers. For `Client.api(message_signing=)`.

    `signer`, `issuer`: your key, and your organisation in the directory. `bank`: the organisation of the bank.
    `jwks_uri` or `jwks`: the keys of the bank; those of its authorization server if left out.
    """

    signer: Signer = field(repr=False)
    issuer: str
    bank: str
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    algorithms: Collection[str] = PS256

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        for name in ("issuer", "bank"):
            value = getattr(self, name)
            if not value:
                raise ConfigurationError(
                    f"JwtBodies({name}=): give the organisation as a string", clause="BR-JWT 4"
                )
        check_keys("JwtBodies", self.jwks_uri, self.jwks)
        check_algorithms("JwtBodies", self.signer, self.algorithms, clause="BR-JWT 2")

    def at(self, bank: Bank) -> JwtCalls:
        return JwtCalls(self, bank)


class JwtCalls:
    """`JwtBodies` at work for one API client."""

    def __init__(self, settings: JwtBodies, bank: Bank) -> None:
        self._settings = settings
        self._bank = bank
        self._keys = keys_of_api(bank, settings.jwks_uri, settings.jwks)

    def sign(self, request: HttpRequest) -> Flow[tuple[Headers, bytes]]:
        accept = ("accept", MEDIA_TYPE)
        if not request.body:
            return (accept,), request.body
        jwt = yield from sign_body(
            Concealed(request.body),
            self._settings.signer,
            issuer=self._settings.issuer,
            audience=normalise(request.url) or request.url,
            now=self._bank.now(),
            random_bytes=self._bank.settings.random_bytes,
        )
        return (accept, ("content-type", MEDIA_TYPE)), jwt.encode("ascii")

    def verify(self, answer: HttpResponse) -> Flow[Verified | None]:
        if not answer.body or not is_jwt(answer.header("content-type")):
            if must_be_signed(answer):
                raise missing_body_signature()
            return None
        settings, bank = self._settings, self._bank
        verified = yield from verify_body(
            Concealed(answer.body),
            keys=self._keys,
            algorithms=settings.algorithms,
            issuer=settings.bank,
            audiences=(settings.issuer,),
            now=bank.now(),
        )
        name = hashlib.sha256(f"{settings.bank}\0{settings.issuer}\0{verified.jti}".encode()).hexdigest()
        earliest = bank.now() - 2 * WINDOW
        if not (
            yield from store_add(bank.settings.store, f"answer-jti:{name}", b"1", _REMEMBERED, since=earliest)
        ):
            raise SIGNED_BODY.fail(
                ReplayedBody, "this answer came before: jti of its signed body was used already", about="jti"
            )
        return Verified(verified, verified.payload, "application/json")
