"""Requests and answers with the `x-jws-signature` of UK Open Banking.

Spec: UK-JWS 1, 2, 3, 4, 5, 6; RFC 7797 3, 6
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from fapikit.errors import (
    BadSignature,
    JwtError,
    JwtKeyError,
    MalformedJwt,
    MissingClaim,
    MissingSignature,
    UnexpectedSignature,
)
from fapikit.flow import Flow
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.signer import Signer
from fapikit.secrets import Concealed
from fapikit.setting_types import check_text_settings
from fapikit.signed_messages.detached_jws import (
    DETACHED_JWS,
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
from rskit.errors import RefusedSignature
from rskit.policy.body_budget import BodyBudget
from rskit.signed_messages.clients import ClientKeys, SigningClients, check_clients
from rskit.signed_messages.message_signing import DEFAULT_BUDGET, SignedRequest, SigningServer
from rskit.tokens.token import Token

_CODES: Final[tuple[tuple[type[JwtError], str], ...]] = (
    (MissingSignature, "Missing"),
    (UnexpectedSignature, "Unexpected"),
    (MalformedJwt, "Malformed"),
    (MissingClaim, "MissingClaim"),
    (BadSignature, "Invalid"),
    (JwtKeyError, "Invalid"),
)
"""The last word of the error code for a kind of error. Every other error is about a value: InvalidClaim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedJws:
    """Verify the `x-jws-signature` of requests, and sign answers. Times are seconds.

    `clients`: who signs, by client_id, or a function of the token. `signer`, `issuer`: the key of the API, and its name
    in the directory. `anchor`: the anchor that its own signatures name. `anchors`: those that clients may name.
    `form`: how answers are signed: "encoded" (from version 3.1.4 on) or "unencoded" (`b64` false). `accepts`: the forms
    of requests. `required`: refuse a request whose body is not signed; False verifies only what is signed.
    `max_age`: how old a signature may be; None: of any age. `body`: how much of a request is kept to be verified, and
    how many octets an answer may have.
    """

    clients: SigningClients = field(repr=False)
    signer: Signer = field(repr=False)
    issuer: str
    anchor: str = DIRECTORY
    anchors: Collection[str] = (DIRECTORY,)
    form: PayloadForm = "encoded"
    accepts: Collection[PayloadForm] = FORMS
    algorithms: Collection[str] = PS256
    required: bool = True
    max_age: float | None = 300.0
    body: BodyBudget = DEFAULT_BUDGET

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        check_clients(self.clients)
        check_settings(
            issuer=self.issuer,
            anchors=self.anchors,
            form=self.form,
            forms=self.accepts,
            max_age=self.max_age,
            signer=self.signer,
            algorithms=self.algorithms,
        )

    def at(self, server: SigningServer) -> DetachedMessages:
        return DetachedMessages(self, server)


class DetachedMessages:
    """`DetachedJws` at work for one server."""

    once = False

    def __init__(self, settings: DetachedJws, server: SigningServer) -> None:
        self._settings = settings
        self._server = server
        self._keys = ClientKeys(settings.clients, server.clock, issuers=server.issuers)
        self.budget = settings.body

    def accept(self, request: HttpRequest, token: Token) -> Flow[SignedRequest]:
        values, settings, server = _fields(request), self._settings, self._server
        if request.body and not values and not settings.required:
            return SignedRequest(request, None, None)
        try:
            if not request.body:
                _require_none(values)
                return SignedRequest(request, None, None)
            client, keys = yield from self._keys.of(token)
            verified = yield from verify_detached(
                values,
                Concealed(request.body),
                keys=keys,
                algorithms=settings.algorithms,
                expected=ExpectedSigner(
                    issuers=client.names,
                    anchors=settings.anchors,
                    now=server.clock(),
                    skew=server.skew,
                    max_age=settings.max_age,
                    forms=settings.accepts,
                ),
            )
        except JwtError as error:
            raise refused(error) from error
        return SignedRequest(request, client, verified)

    def sign(self, answer: HttpResponse, accepted: SignedRequest) -> Flow[HttpResponse]:
        del accepted  # the signature does not say for whom it is
        settings = self._settings
        value = yield from sign_detached(
            Concealed(answer.body),
            settings.signer,
            issuer=settings.issuer,
            anchor=settings.anchor,
            now=self._server.clock(),
            form=settings.form,
        )
        kept = tuple(pair for pair in answer.headers if pair[0].lower() != FIELD)
        return HttpResponse(answer.status, (*kept, (FIELD, value)), answer.body, answer.url)


def _require_none(values: Collection[str]) -> None:
    if values:
        raise DETACHED_JWS.fail(
            UnexpectedSignature, f"this request has no body, and its {FIELD} signs one", clause="UK-JWS 6"
        )


def _fields(request: HttpRequest) -> list[str]:
    return [value for name, value in request.headers if name.lower() == FIELD]


def refused(error: JwtError) -> RefusedSignature:
    """The refusal for an error of a signature, with the code that the specification has for it."""
    word = next((word for kind, word in _CODES if isinstance(error, kind)), "InvalidClaim")
    code = f"UK.OBIE.Signature.{word}"
    return RefusedSignature(
        error.message,
        code=code,
        clause=error.clause,
        facts=error.facts,
        members={
            "Code": "400",
            "Message": "Bad Request",
            "Errors": [{"ErrorCode": code, "Message": error.message}],
        },
    )
