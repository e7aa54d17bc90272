"""The answer to a refused client: status, `WWW-Authenticate`, nonce, and a short JSON body; nothing else is sent.

Spec: RFC 6750 3, 3.1; RFC 9449 7.1b, 7.2b, 9; RFC 9470 3; RFC 9728 5.1; FAPI1-BL 6.2.1-7, -8, -9 (RS-16, RS-17)
Role: RS
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from math import ceil
from types import MappingProxyType
from typing import Any, Final

from fapikit.dpop import NonceIssuer
from fapikit.errors import (
    CertificateHeaderRefused,
    DPoPError,
    FapiError,
    HttpSignatureError,
    JwtError,
    NonceRequired,
    StoreForgot,
)
from fapikit.http_message import Headers
from rskit.decision import CannotDecide, Challenge, Refusal
from rskit.errors import (
    AccessRefused,
    InsufficientAuthentication,
    InsufficientDetails,
    InsufficientScope,
    RequestRefused,
)
from rskit.possession.credentials import DPOP

STATUS: Final = MappingProxyType(
    {
        None: 401,
        "invalid_request": 400,
        "invalid_token": 401,
        "invalid_dpop_proof": 401,
        "use_dpop_nonce": 401,
        "invalid_signature": 401,
        "insufficient_user_authentication": 401,
        "insufficient_scope": 403,
        "insufficient_authorization_details": 403,  # no RFC has it yet: draft-ietf-oauth-rar-metadata-remediation
    }
)
_NOT_DESCRIBABLE: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
_NO_STORE: Final = ("cache-control", "no-store")
_JSON: Final = ("content-type", "application/json")
_UNAVAILABLE: Final = {"error": "temporarily_unavailable"}
RETRY_AFTER: Final = 5
_MAX_ECHO: Final = 8192
"""A refusal repeats the needed details up to so many characters. A longer list is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeRules:
    """`offered`: the schemes under which tokens are accepted. `resource_metadata`: the URL of the RFC 9728 metadata."""

    offered: tuple[str, ...]
    algorithms: tuple[str, ...]
    resource_metadata: str
    nonces: NonceIssuer | None = field(repr=False)


def refuse(
    error: FapiError, scheme: str | None, rules: ChallengeRules, now: float
) -> Challenge | CannotDecide:
    """The answer for an error. An error that is not about this request is our outage: 503."""
    if isinstance(error, RequestRefused):
        members = {"error": error.code, "error_description": error.message, **error.members}
        return Challenge(error.status, _later(error.retry_after), _body(members), error)
    if isinstance(
        error, AccessRefused | JwtError | DPoPError | CertificateHeaderRefused | HttpSignatureError
    ):
        return challenge(error, scheme, rules, now)
    body = _body(_UNAVAILABLE | {"error_description": "the request cannot be decided now"})
    wait = ceil(error.retry_after) if isinstance(error, StoreForgot) else RETRY_AFTER
    return CannotDecide(503, _later(wait), body, error)


def _later(seconds: int | None) -> Headers:
    retry = () if seconds is None else (("retry-after", str(seconds)),)
    return (*retry, _NO_STORE, _JSON)


def challenge(error: FapiError, scheme: str | None, rules: ChallengeRules, now: float) -> Challenge:
    code = error.code
    if code not in STATUS:
        code = "invalid_token"
    if isinstance(error, AccessRefused) and code is None:
        scheme = None
    status = STATUS[code]
    parameters: dict[str, str] = {}
    if code is not None:
        parameters = {"error": code, "error_description": describe(error.message)} | _needs(error)
        scheme = scheme or rules.offered[0]
    # An error belongs to the scheme that was used. A 401 also offers the other schemes (RFC 9449 7.2b).
    schemes = [scheme] if scheme else []
    if status == 401:
        schemes += [offered for offered in rules.offered if offered != scheme]
    headers: list[tuple[str, str]] = [
        ("www-authenticate", _field(name, parameters if name == scheme else {}, rules)) for name in schemes
    ]
    nonce = _nonce(error, rules, now) if status == 401 else None
    if nonce is not None:
        headers.append(("dpop-nonce", nonce))
    if isinstance(error, HttpSignatureError) and error.wanted is not None:
        headers.append(("accept-signature", error.wanted))
    headers.append(_NO_STORE)
    if code is None:
        return Challenge(status, tuple(headers), b"", error)
    return Challenge(status, (*headers, _JSON), _body(_members(error, parameters)), error)


def describe(text: str) -> str:
    """Text in the characters that RFC 6750 3 allows in error_description."""
    return _NOT_DESCRIBABLE.sub("'", text)


def _needs(error: FapiError) -> dict[str, str]:
    """The parameters that say what the client would need."""
    match error:
        case InsufficientScope(scopes=scopes):
            return {"scope": " ".join(scopes)}
        case InsufficientAuthentication(acr=acr, max_age=max_age):
            needs = {"acr_values": " ".join(acr)} if acr else {}
            return needs | ({"max_age": str(max_age)} if max_age is not None else {})
    return {}


def _members(error: FapiError, parameters: dict[str, str]) -> dict[str, Any]:
    members: dict[str, Any] = dict(parameters)
    if isinstance(error, InsufficientDetails):
        # Exactly what the request asked for. RAR metadata remediation expects it in this member.
        needed = list(error.needed)
        if len(json.dumps(needed)) <= _MAX_ECHO:
            members["authorization_details"] = needed
    return members


def _field(scheme: str, parameters: dict[str, str], rules: ChallengeRules) -> str:
    members = dict(parameters)
    if scheme == DPOP:
        members["algs"] = " ".join(rules.algorithms)
    members["resource_metadata"] = rules.resource_metadata
    return f"{scheme} " + ", ".join(f'{name}="{describe(value)}"' for name, value in members.items())


def _nonce(error: FapiError, rules: ChallengeRules, now: float) -> str | None:
    if isinstance(error, NonceRequired):
        return error.nonce
    return rules.nonces.issue(now) if rules.nonces is not None else None


def _body(members: dict[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def headers_of(refusal: Refusal) -> Headers:
    """The refusal's headers with its content-length."""
    return (*refusal.headers, ("content-length", str(len(refusal.body))))
