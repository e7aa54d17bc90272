"""The start of a login: the request, and the transaction to keep. `send_request` sends the request.

PKCE S256, `state` and, with openid, `nonce` are new for each login. The caller cannot set them.

Spec: FAPI1-BL 5.2.3-1, -2, -6, -7, -8, -9; FAPI1-ADV 5.2.3-3, -15, 5.2.3.1-1;
    FAPI2-SP 5.3.3.1-12, -13, 5.3.3.2-3, -4, -7; RFC 8707 2a; RFC 9396 2
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fapikit import pkce
from fapikit.errors import ConfigurationError, ForbiddenByProfile
from fapikit.flow import Flow, store_check
from fapikit.secrets import Concealed, Secret, conceal
from rpkit.bank import Bank
from rpkit.errors import RetiredGrant
from rpkit.intents.named import require_signed_intent
from rpkit.login.grant_management import GrantParameters, action_members, check_grant_management
from rpkit.login.request_parameters import (
    absolute_resources,
    check_parameters,
    claims_with_levels,
    require_verifiable_id_token,
    scope_of,
    typed_details,
    words_of_parameter,
)
from rpkit.login.send_request import send_request
from rpkit.login.transaction import Transaction
from rpkit.login.verified_claims_request import check_verified_claims
from rpkit.tokens.dpop_signer import new_dpop_key


class RequestParameters(GrantParameters, total=False):
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
    check_parameters(parameters.reveal(), RequestParameters, method="begin")
    check_grant_management(bank, parameters.reveal())
    require_signed_intent(bank, parameters.reveal().get("claims"))
    scope = scope_of(scope)
    check_verified_claims(bank, parameters.reveal(), scope)
    details = typed_details(bank, authorization_details)
    openid = "openid" in scope.split()
    if settings.hybrid and not openid:
        raise ConfigurationError(
            f"response_type {settings.response_type} needs the scope openid: add it to scope",
            clause="OIDC 3.3.2.1",
        )
    if openid:
        require_verifiable_id_token(bank)
    if settings.jarm:
        bank.key_source()
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
        resources=absolute_resources(resources),
        authorization_details=details,
        acr_values=words_of_parameter("acr_values", parameters.reveal().get("acr_values")),
        max_age=parameters.reveal().get("max_age"),
        claims=claims_with_levels(bank, openid, parameters.reveal()),
        request_object=None,
        expires_at=bank.now() + settings.transaction_ttl,
        **action_members(parameters.reveal()),
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
