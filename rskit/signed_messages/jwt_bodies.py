"""Requests and answers whose bodies are JWTs (`application/jwt`), as Open Finance Brazil has them.

Spec: BR-JWT 1, 2, 3, 4, 5, 6, 7, 8
Role: RS
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from fapikit.errors import ConfigurationError, JwtError
from fapikit.flow import Flow, store_add
from fapikit.http_message import Headers, HttpRequest, HttpResponse
from fapikit.jose.key_set import KeySource
from fapikit.jose.signer import Signer
from fapikit.secrets import Concealed
from fapikit.setting_types import check_text_settings
from fapikit.signed_messages.jwt_body import (
    MEDIA_TYPE,
    REMEMBERED,
    WINDOW,
    VerifiedBody,
    is_jwt,
    missing_body_signature,
    sign_body,
    verify_body,
)
from fapikit.signed_messages.settings import PS256, check_algorithms
from rskit.errors import RefusedSignature, TooManyProofs, UnknownSigner
from rskit.policy.body_budget import BodyBudget
from rskit.possession.proof_budget import ProofBudget, proofs_of_one_key
from rskit.signed_messages.clients import ClientKeys, SigningClient, SigningClients, check_clients
from rskit.signed_messages.message_signing import DEFAULT_BUDGET, SignedRequest, SigningServer
from rskit.tokens.token import Token

_CODE = "BAD_SIGNATURE"
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtBodies:
    """Verify requests whose body is a JWT, and answer with JWTs.

    `clients`: who signs, by client_id, or a function of the token; the first of its `names` is its organisation.
    `signer`, `issuer`: the key of the API, and the organisation that it belongs to. `required`: refuse a request whose
    body is no JWT, and answer every client with JWTs; with False a request decides it by its own body, or by `Accept`.
    `body`: how much of a request is kept to be verified, and how many octets an answer may have.
    `remembered`: the seconds in which a `jti` must not come again. `per_client`: how many of them are remembered for
    one client; more are refused with 429. Left out: a fifth of a store in memory, and 100 000 in any other.
    """

    clients: SigningClients = field(repr=False)
    signer: Signer = field(repr=False)
    issuer: str
    algorithms: Collection[str] = PS256
    required: bool = True
    body: BodyBudget = DEFAULT_BUDGET
    remembered: float = REMEMBERED
    per_client: int | None = None

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        check_clients(self.clients)
        if not self.issuer:
            raise ConfigurationError(
                "JwtBodies(issuer=): give the organisation of this API", clause="BR-JWT 4"
            )
        if not 2 * WINDOW <= self.remembered <= REMEMBERED:
            raise ConfigurationError(
                f"JwtBodies(remembered={self.remembered}): it must be {2 * WINDOW:.0f} to {REMEMBERED:.0f} s",
                clause="BR-JWT 6",
            )
        if self.per_client is not None and self.per_client < 1:
            raise ConfigurationError("JwtBodies(per_client=): it must be 1 or more", clause="BR-JWT 6")
        check_algorithms("JwtBodies", self.signer, self.algorithms, clause="BR-JWT 2")

    def at(self, server: SigningServer) -> JwtMessages:
        return JwtMessages(self, server)


class JwtMessages:
    """`JwtBodies` at work for one server."""

    once = True

    def __init__(self, settings: JwtBodies, server: SigningServer) -> None:
        self._settings = settings
        self._server = server
        self._keys = ClientKeys(settings.clients, server.clock, issuers=server.issuers)
        share = proofs_of_one_key(server.store) if settings.per_client is None else settings.per_client
        self._shares = ProofBudget(share, lifetime=settings.remembered)
        self.budget = settings.body

    def accept(self, request: HttpRequest, token: Token) -> Flow[SignedRequest]:
        required = self._settings.required
        signed = bool(request.body) and is_jwt(_value(request.headers, "content-type"))
        if not (required or signed or MEDIA_TYPE in (_value(request.headers, "accept") or "").lower()):
            return SignedRequest(request, None, None)
        client, keys = yield from self._client_of(token)
        if not signed:
            if request.body and required:
                raise refused(missing_body_signature())
            return SignedRequest(_as_json(request, request.body, of=("accept",)), client, None)
        try:
            verified = yield from verify_body(
                Concealed(request.body),
                keys=keys,
                algorithms=self._settings.algorithms,
                issuer=client.names[0],
                audiences=self._server.urls(request.url),
                now=self._server.clock(),
            )
        except JwtError as error:
            raise refused(error) from error
        yield from self._mark(verified, client.names[0])
        as_json = _as_json(request, verified.payload, of=("accept", "content-type"))
        return SignedRequest(as_json, client, verified)

    def _client_of(self, token: Token) -> Flow[tuple[SigningClient, KeySource]]:
        """Raises UnknownSigner, with the clause of this scheme."""
        try:
            return (yield from self._keys.of(token))
        except UnknownSigner as error:
            raise UnknownSigner(error.message, clause="BR-JWT 7", facts=error.facts) from error

    def _mark(self, verified: VerifiedBody, issuer: str) -> Flow[None]:
        """This comes last: a body that is refused for another reason stays unused."""
        server, now = self._server, self._server.clock()
        share = self._share(issuer, now)
        name = hashlib.sha256(f"{server.resource}\0{issuer}\0{verified.jti}".encode()).hexdigest()
        earliest = now - 2 * WINDOW  # what was signed before is refused by its iat
        key, ttl = f"body-jti:{name}", self._settings.remembered
        if not (yield from store_add(server.store, key, b"1", ttl, since=earliest)):
            raise RefusedSignature(
                "jti of this signed body was used before",
                code=_CODE,
                clause="BR-JWT 6",
                facts={"claim": "jti"},
                members=_members("jti of this signed body was used before"),
                status=403,
            )
        self._shares.spend(issuer, share, now)

    def _share(self, issuer: str, now: float) -> float:
        """Raises TooManyProofs."""
        try:
            return self._shares.require(issuer, now)
        except TooManyProofs as error:
            raise TooManyProofs(
                "this client has sent more signed bodies than are remembered for one client: retry later, or let the "
                "API raise JwtBodies(per_client=)",
                clause="BR-JWT 6",
                facts={"client": issuer},
            ) from error

    def sign(self, answer: HttpResponse, accepted: SignedRequest) -> Flow[HttpResponse]:
        client = accepted.client
        if client is None or (answer.status >= 400 and answer.media_type != _JSON):
            return answer  # a page of the framework about its own error has no members that could be claims
        jwt = yield from sign_body(
            Concealed(answer.body),
            self._settings.signer,
            issuer=self._settings.issuer,
            audience=client.names[0],
            now=self._server.clock(),
            random_bytes=self._server.random_bytes,
        )
        headers = (*_without(answer.headers, "content-type"), ("content-type", MEDIA_TYPE))
        return HttpResponse(answer.status, headers, jwt.encode("ascii"), answer.url)


def _as_json(request: HttpRequest, body: bytes, *, of: tuple[str, ...]) -> HttpRequest:
    """The request as the application gets it. It knows no JWTs: these fields of it say JSON."""
    headers = (*_without(request.headers, *of), *((name, _JSON) for name in of))
    return HttpRequest(request.method, request.url, headers, body)


def _without(headers: Headers, *names: str) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in names)


def _value(headers: Headers, wanted: str) -> str | None:
    return next((value for name, value in headers if name.lower() == wanted), None)


def refused(error: JwtError) -> RefusedSignature:
    return RefusedSignature(
        error.message, code=_CODE, clause=error.clause, facts=error.facts, members=_members(error.message)
    )


def _members(message: str) -> dict[str, object]:
    return {
        "errors": [{"code": _CODE, "title": "the signature of the body is not accepted", "detail": message}]
    }
