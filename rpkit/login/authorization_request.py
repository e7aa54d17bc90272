"""The start of a login: the request, and the transaction to keep. `send_request` sends the request.

PKCE S256, `state` and, with openid, `nonce` are new for each login. The caller cannot set them.

Spec: FAPI1-BL 5.2.3-1, -2, -6, -7, -8, -9; FAPI1-ADV 5.2.3-3, -15, 5.2.3.1-1;
    FAPI2-SP 5.3.3.1-12, -13, 5.3.3.2-3, -4, -7; RFC 8707 2a; RFC 9396 2
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

from fapikit import pkce
from fapikit.errors import ConfigurationError, ForbiddenByProfile
from fapikit.flow import Flow, store_check
from fapikit.secrets import Concealed, Secret, conceal
from rpkit.bank import Bank
from rpkit.errors import RetiredGrant
from rpkit.login.send_request import send_request
from rpkit.login.transaction import Transaction
from rpkit.tokens.dpop_signer import new_dpop_key

_OURS: Final = frozenset(
    [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "state",
    ]
)
_ELSEWHERE: Final = {
    "resource": "give begin() resources=[...], and complete() the first of them as resource=",
    "response_mode": "set it where the client is made",
}
_ALIKE: Final = 0.85


class RequestParameters(TypedDict, total=False):
    """Further parameters of an authorization request, by their registered names."""

    acr_values: str | Sequence[str]
    claims: Mapping[str, Any]
    display: str
    id_token_hint: str
    login_hint: str
    max_age: int
    prompt: str
    response_type: str
    ui_locales: str


@dataclass(frozen=True, slots=True)
class Start:
    """Send the browser to `url` (with a 303). Keep `transaction` sealed in the session of that browser."""

    _url: Secret
    transaction: Transaction

    @property
    def url(self) -> str:
        return self._url.reveal()


def begin(
    bank: Bank,
    *,
    scope: str | Iterable[str] = "openid",
    resources: Iterable[str] = (),
    authorization_details: Iterable[Mapping[str, Any]] = (),
    parameters: Concealed[Mapping[str, Any]] | Mapping[str, Any],
) -> Flow[Start]:
    """Start a login.

    Raises ConfigurationError, ForbiddenByProfile, StoreError before anything is sent; then the errors of PAR.
    """
    parameters = conceal(parameters)
    settings = bank.settings
    if settings.redirect_uri is None:
        raise ConfigurationError(
            "a login needs a redirect_uri, and this client has none: set redirect_uri where the client is made"
        )
    check_parameters(parameters.reveal())
    scope = scope if isinstance(scope, str) else " ".join(scope)
    details = _typed_details(bank, authorization_details)
    openid = "openid" in scope.split()
    if settings.hybrid and not openid:
        raise ConfigurationError(
            f"response_type {settings.response_type} needs the scope openid: add it to scope",
            clause="OIDC 3.3.2.1",
        )
    if openid:
        # A response that could not be verified is not requested: these calls raise MissingMetadata.
        bank.algorithms(settings.id_token_signed_response_alg, "id_token_signing_alg_values_supported")
    if openid or settings.jarm:
        bank.key_source()
    if settings.jarm:
        bank.algorithms(
            settings.authorization_signed_response_alg, "authorization_signing_alg_values_supported"
        )
    yield from store_check(settings.store)  # without a working store the response could not be accepted
    verifier = pkce.make_verifier(settings.random_bytes)
    dpop = new_dpop_key(bank)
    transaction = Transaction(
        issuer=bank.issuer,
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        response_type=_response_type(bank, parameters.reveal().get("response_type", settings.response_type)),
        response_mode=settings.response_mode,
        state=Secret(bank.random_string()),
        nonce=Secret(bank.random_string()) if openid else None,
        verifier=verifier,
        dpop=dpop,
        scope=scope,
        resources=_absolute(resources),
        authorization_details=details,
        acr_values=_words(parameters.reveal().get("acr_values", ())),
        max_age=parameters.reveal().get("max_age"),
        claims=_claims(bank, openid, parameters.reveal()),
        request_object=None,
        expires_at=bank.now() + settings.transaction_ttl,
    )
    members = Concealed(_members(transaction, parameters.reveal()))
    url, request_object = yield from send_request(bank, transaction, members)
    return Start(url, replace(transaction, request_object=request_object))


def _members(transaction: Transaction, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the request, with its JSON type."""
    members: dict[str, Any] = {
        "response_type": transaction.response_type,
        "client_id": transaction.client_id,
        "redirect_uri": transaction.redirect_uri,
        "scope": transaction.scope,
        "state": transaction.state.reveal(),
        "code_challenge": pkce.challenge_of(transaction.verifier),
        "code_challenge_method": pkce.METHOD,
    }
    if not transaction.scope:
        del members["scope"]
    if transaction.nonce is not None:
        members["nonce"] = transaction.nonce.reveal()
    if transaction.response_mode is not None:
        members["response_mode"] = transaction.response_mode
    if transaction.dpop is not None:
        members["dpop_jkt"] = transaction.dpop.jkt
    if transaction.authorization_details:
        members["authorization_details"] = [dict(detail) for detail in transaction.authorization_details]
    if transaction.resources:
        members["resource"] = list(transaction.resources)
    further = {name: value for name, value in parameters.items() if value is not None}
    if transaction.acr_values:
        further["acr_values"] = " ".join(transaction.acr_values)
    if transaction.claims is not None:
        further["claims"] = transaction.claims
    return {**further, **members}


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raises ConfigurationError for a parameter that `begin` does not take, or that could not be verified later."""
    max_age = parameters.get("max_age")
    if max_age is not None and (type(max_age) is not int or max_age < 0):
        raise ConfigurationError(
            f"max_age is {max_age!r}: give a whole number of seconds, 0 or more", clause="OIDC 3.1.2.1"
        )
    for name, instead in _ELSEWHERE.items():
        if name in parameters:
            raise ConfigurationError(
                f"{name} is not a parameter of begin(): {instead}", facts={"parameter": name}
            )
    ours = {"authorization_details", "resources", "scope", *RequestParameters.__annotations__}
    for name in parameters.keys() - ours:
        # Any other name is sent to the server, which ignores an unknown one. So a misspelt name is found here.
        if like := get_close_matches(name, ours, 1, _ALIKE):
            raise ConfigurationError(
                f"{name} is not a parameter of begin(): did you mean {like[0]}?", facts={"parameter": name}
            )
    set_by_caller = sorted(_OURS & parameters.keys())
    if set_by_caller:
        raise ConfigurationError(
            f"begin() makes {', '.join(set_by_caller)} itself, new for each request: leave it out",
            clause="FAPI2-SP 5.3.3.2-4",
        )


def _response_type(bank: Bank, response_type: str) -> str:
    if response_type == bank.settings.response_type:
        return response_type
    if "token" in response_type.split():
        raise RetiredGrant(
            f"response_type {response_type} sends an access token through the browser, which is forbidden: use code",
            clause="RFC 9700 2.1.2, 2.4",
            facts={"response_type": response_type},
        )
    raise ForbiddenByProfile(
        f"{bank.profile.name}: response_type {response_type} is not the one of this client, which is"
        f" {bank.settings.response_type}: set response_type where the client is made",
        clause=bank.profile.clause("response_types"),
        facts={"response_type": response_type},
    )


def _claims(bank: Bank, openid: bool, parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The `claims` parameter, with the levels asked for as an essential `acr` where the profile wants that."""
    claims: Mapping[str, Any] | None = parameters.get("claims")
    levels = _words(parameters.get("acr_values", ()))
    if not levels or not bank.profile.acr_essential:
        return claims
    bank.profile.require(
        openid, "acr_values are held against an ID token: ask for the scope openid", "acr_essential"
    )
    if not bank.metadata.flag("claims_parameter_supported", default=True):
        return claims
    of_id_token = (claims or {}).get("id_token") or {}
    acr = {"essential": True, "values": list(levels)}
    return {**(claims or {}), "id_token": {"acr": acr, **of_id_token}}


def _typed_details(bank: Bank, details: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The objects, each with a `type`. If the server lists types, `type` must be one of them."""
    found = (details,) if isinstance(details, Mapping) else tuple(details)
    listed = bank.metadata.strings("authorization_details_types_supported")
    for detail in found:
        kind = detail.get("type") if hasattr(detail, "get") else None
        if not isinstance(kind, str) or not kind:
            raise ConfigurationError(
                "authorization_details has an item without a type: give a list of objects, each with a type",
                clause="RFC 9396 2",
            )
        if listed is not None and kind not in listed:
            raise ConfigurationError(
                f"{bank.issuer} does not support authorization_details of type {kind}: it lists {', '.join(listed)}",
                clause="RFC 9396 5",
                facts={"type": kind},
            )
    return found


def _absolute(resources: Iterable[str]) -> tuple[str, ...]:
    if isinstance(resources, str):
        resources = (resources,)
    found = tuple(resources)
    for resource in found:
        if not urlsplit(resource).scheme or "#" in resource:
            raise ConfigurationError(
                f"the resource {resource!r} is not an absolute URI without fragment: correct resources",
                clause="RFC 8707 2a",
                facts={"resource": resource},
            )
    return found


def _words(value: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(value.split()) if isinstance(value, str) else tuple(value)
