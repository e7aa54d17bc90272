"""The start of CIBA: the authentication request, sent plain or signed, and the reading of its acknowledgement.

A signed request has every parameter inside; beside it only the client authentication is sent. The notification token
is new for each request, and the caller cannot set it.

Spec: CIBA 7.1a, 7.1c, 7.1d, 7.1e, 7.1.1a, 7.1.1b, 7.1.2, 7.3b, 7.4, 13a;
    FAPI-CIBA 5.2.2-9, 5.2.3.1-1, 5.2.3.1-2; RFC 8707 2a; RFC 9396 2
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fapikit.errors import ConfigurationError, PeerRefused, Remedy
from fapikit.flow import Flow
from fapikit.http_message import HttpResponse, raise_error_in_body, read_json_object
from fapikit.jose.purposes import AUTHENTICATION_REQUEST
from fapikit.members import Members
from fapikit.secrets import Concealed, Secret, conceal, revealed
from rpkit.back_channel import call_endpoint
from rpkit.bank import Bank
from rpkit.decoupled.binding_message import require_showable
from rpkit.decoupled.ciba_request import CibaRequest
from rpkit.decoupled.hints import HINTS, hint_of
from rpkit.decoupled.notifications import expect_notification, name_notification
from rpkit.decoupled.polling import MAX_LIFETIME, interval_of
from rpkit.login.grant_management import GrantParameters, action_members, check_grant_management
from rpkit.login.id_token import IdToken
from rpkit.login.request_object import sign_parameters
from rpkit.login.request_parameters import (
    absolute_resources,
    check_parameters,
    require_verifiable_id_token,
    scope_of,
    typed_details,
    words_of_parameter,
)
from rpkit.login.send_request import form_of
from rpkit.login.verified_claims_request import check_verified_claims
from rpkit.tokens.certificate_binding import present_thumbprint
from rpkit.tokens.dpop_signer import new_dpop_key, signer_for

_CLAUSE: Final = "CIBA 7.3b"
_MAX_ID: Final = 4096
_OURS: Final = frozenset(
    [
        "aud",
        "client_id",
        "client_notification_token",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
        "request",
        "request_uri",
    ]
)
_REMEDIES: Final = {
    "access_denied": Remedy.CORRECT_THE_REQUEST,
    "expired_login_hint_token": Remedy.CORRECT_THE_REQUEST,
    "invalid_binding_message": Remedy.CORRECT_THE_REQUEST,
    "invalid_user_code": Remedy.CORRECT_THE_REQUEST,
    "missing_user_code": Remedy.CORRECT_THE_REQUEST,
    "unknown_user_id": Remedy.CORRECT_THE_REQUEST,
}


class AuthenticationParameters(GrantParameters, total=False):
    """Further parameters of an authentication request, by their registered names. Exactly one is a hint."""

    login_hint: str
    login_hint_token: Secret | str
    id_token_hint: IdToken | Secret | str
    binding_message: str
    user_code: Secret | str
    requested_expiry: int
    acr_values: str | Sequence[str]
    claims: Mapping[str, Any]
    request_context: Mapping[str, Any]


def request_authentication(
    bank: Bank,
    *,
    scope: str | Iterable[str] = "openid",
    resources: Iterable[str] = (),
    authorization_details: Iterable[Mapping[str, Any]] = (),
    parameters: Concealed[Mapping[str, Any]] | Mapping[str, Any],
) -> Flow[CibaRequest]:
    """Ask the server to ask the user.

    Raises ConfigurationError, ForbiddenByProfile, MissingMetadata, StoreError before anything is sent; then
    PeerRefused with the error code of the server, UnexpectedStatus, MalformedMessage, TransportError.
    """
    parameters = conceal(parameters)
    settings = bank.settings
    bank.require_backchannel()
    require_verifiable_id_token(bank)
    _check(bank, parameters.reveal())
    hint, subject = hint_of(parameters.reveal())
    scope, details = _with_openid(scope), typed_details(bank, authorization_details)
    check_verified_claims(bank, parameters.reveal(), scope)
    audiences = absolute_resources(resources)
    _require_context(bank, parameters.reveal(), details)
    mode = settings.backchannel_token_delivery_mode
    token = None if mode == "poll" else Secret(bank.random_string())
    members = Concealed(_members(parameters.reveal(), hint.reveal(), scope, audiences, details, token))
    form, request_object = form_of(members.reveal()), None
    if settings.backchannel_authentication_request_signing_alg is not None:
        request_object = Secret((yield from sign_parameters(bank, members, AUTHENTICATION_REQUEST)))
        form = (("request", request_object),)
    if token is not None:
        # Before the request is sent: a server may send the notification before its answer arrives here.
        yield from expect_notification(bank, token, mode)
    dpop, thumbprint, sent_at = new_dpop_key(bank), present_thumbprint(bank), bank.now()
    response = yield from call_endpoint(
        bank, "backchannel_authentication_endpoint", form, dpop=signer_for(bank, dpop)
    )
    acknowledged = _read(response, push=mode == "push")
    request = CibaRequest(
        issuer=bank.issuer,
        client_id=settings.client_id,
        reference=acknowledged.auth_req_id,
        delivery_mode=mode,
        notification_token=token,
        binding_message=parameters.reveal().get("binding_message"),
        dpop=dpop,
        x5t_s256=thumbprint,
        scope=scope,
        resources=audiences,
        authorization_details=details,
        acr_values=words_of_parameter("acr_values", parameters.reveal().get("acr_values")),
        max_age=None,
        claims=parameters.reveal().get("claims"),
        subject=subject,
        request_object=None if parameters.reveal().get("user_code") else request_object,
        interval=acknowledged.interval,
        expires_at=sent_at + acknowledged.expires_in,
        **action_members(parameters.reveal()),
    )
    if token is not None:
        yield from name_notification(bank, token, mode, request.reference, expires_at=request.expires_at)
    return request


@dataclass(frozen=True, slots=True)
class _Acknowledgement:
    auth_req_id: Secret
    expires_in: float
    interval: float


def _read(response: HttpResponse, *, push: bool) -> _Acknowledgement:
    """Raises PeerRefused, UnexpectedStatus, MalformedMessage."""
    try:
        answer = read_json_object(response, clause=_CLAUSE)
        members = Members(answer, document="the authentication request acknowledgement", clause=_CLAUSE)
        auth_req_id = members.text("auth_req_id", decides=True)
        if auth_req_id is None:
            raise_error_in_body(response, clause=_CLAUSE)
            raise members.refuse("auth_req_id", "is missing")
    except PeerRefused as error:
        error.remedy = _REMEDIES.get(error.peer_code, error.remedy)
        raise
    if not auth_req_id.isascii() or not auth_req_id.isprintable() or len(auth_req_id) > _MAX_ID:
        raise members.refuse("auth_req_id", f"is not 1 to {_MAX_ID} printable ASCII characters")
    expires_in = members.number("expires_in", decides=True)
    if expires_in is None or expires_in <= 0:
        raise members.refuse("expires_in", "is missing or not more than 0")
    interval = None if push else members.number("interval")
    return _Acknowledgement(Secret(auth_req_id), min(expires_in, MAX_LIFETIME), interval_of(interval))


def _check(bank: Bank, parameters: Mapping[str, Any]) -> None:
    """Raises ConfigurationError for a parameter that is not the caller's, or that the server could not take."""
    set_by_caller = sorted(_OURS & parameters.keys())
    if set_by_caller:
        raise ConfigurationError(
            f"ciba() makes {', '.join(set_by_caller)} itself, new for each request: leave it out",
            clause="CIBA 7.1d",
        )
    check_parameters(parameters, AuthenticationParameters, method="ciba")
    check_grant_management(bank, parameters)
    if parameters.get("binding_message") is not None:
        require_showable(parameters["binding_message"])
    expiry = parameters.get("requested_expiry")
    if expiry is not None and (type(expiry) is not int or expiry <= 0):
        raise ConfigurationError(
            f"requested_expiry is {expiry!r}: give a whole number of seconds, more than 0",
            clause="CIBA 7.1.1c",
        )
    if parameters.get("user_code") is not None and not bank.metadata.flag(
        "backchannel_user_code_parameter_supported"
    ):
        raise ConfigurationError(
            f"{bank.issuer} does not support user_code (backchannel_user_code_parameter_supported): leave it out",
            clause="CIBA 4c",
            facts={"member": "backchannel_user_code_parameter_supported"},
        )


def _with_openid(scope: str | Iterable[str]) -> str:
    scope = scope_of(scope)
    if "openid" not in scope.split():
        raise ConfigurationError("a CIBA request needs the scope openid: add it to scope", clause="CIBA 7.1c")
    return scope


def _require_context(
    bank: Bank, parameters: Mapping[str, Any], details: tuple[Mapping[str, Any], ...]
) -> None:
    """Whether the user can tell on the other device what this request is about."""
    context = details or parameters.get("binding_message") or parameters.get("request_context")
    bank.profile.require(
        bool(context) or not bank.profile.backchannel_context_required,
        "the user must see which request this is: give authorization_details, or binding_message=binding_message()",
        "backchannel_context_required",
    )


def _members(
    parameters: Mapping[str, Any],
    hint: Mapping[str, str],
    scope: str,
    resources: tuple[str, ...],
    details: tuple[Mapping[str, Any], ...],
    token: Secret | None,
) -> dict[str, Any]:
    """Every parameter of the request, with its JSON type."""
    members: dict[str, Any] = {
        name: value for name, value in parameters.items() if value is not None and name not in HINTS
    }
    if "user_code" in members:
        members["user_code"] = revealed(members["user_code"])
    if "acr_values" in members:
        members["acr_values"] = " ".join(words_of_parameter("acr_values", members["acr_values"]))
    if details:
        members["authorization_details"] = [dict(detail) for detail in details]
    if resources:
        members["resource"] = list(resources)
    if token is not None:
        members["client_notification_token"] = token.reveal()
    return {**members, **hint, "scope": scope}
