"""The token exchange grant: a client hands in a token and gets another one, for the same subject and never for more.

The new token has no scope, no detail and no time that the subject token does not have. It is for the same API, or for
one that the configuration lists for this client. It is bound to the key or certificate of the client that asks.

Delegation is the rule: a client that hands in somebody else's token becomes the actor (`act`), with the actors before
it inside. Only a setting for the client lets it hand a token on without naming itself.

A bound token must be proven here as at an API, so a stolen one cannot be traded for another. There is one exception,
by a setting: the API that the token is for has checked the proof of the client that called it, and cannot make one.

Spec: RFC 8693 2.1a, 2.1b, 2.1c, 2.1d, 2.1e, 2.1f, 2.1.1, 2.2.1a, 2.2.2a, 2.2.2b, 4.1a, 4.4, 5, 6; RFC 8707 2.2;
    RFC 9396 6; RFC 9449 5; RFC 8705 3
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.config.exchange_rules import TOKEN_TYPES, ExchangeRule
from askit.config.values import IDENTITY_SCOPES, Resource
from askit.core import Core
from askit.errors import InvalidRequest, InvalidScope, UnauthorizedClient
from askit.grants.token_request import TokenRequest
from askit.issuing.audience import choose_resource, scopes_for
from askit.issuing.confirmation import Confirmation
from askit.issuing.handed_in import HandedIn, find_handed_in
from askit.issuing.tokens import issue_access_token
from askit.requests.authorization_details import Details, details_for, narrow
from askit.requests.dpop import use_proof
from askit.users.subjects import subjects_in_token
from fapikit.parameters import Parameters
from fapikit.urns import ACCESS_TOKEN_TYPE

MAX_ACTORS: Final = 8
"""How many actors a token may name. Each of them adds to every later token."""


async def redeem(core: Core, request: TokenRequest) -> dict[str, Any]:
    """The token response body. Raises InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient."""
    client, parameters = request.client, request.parameters
    if client.auth_method == "none":
        raise UnauthorizedClient(
            "a public client cannot exchange tokens: whoever finds one could trade it", clause="RFC 8693 2.1e"
        )
    _require_form(parameters)
    rule = core.config.exchange_rule(client.client_id)
    subject = await _find(core, request, rule, "subject_token")
    actor = await _find(core, request, rule, "actor_token") if "actor_token" in parameters else None
    issued_to = client if subject.is_own(client) else await core.clients.find(subject.client_id)
    act = _acting(core, client, rule, subject, actor, issued_to)
    scopes = _narrow_scopes(core, client, subject, parameters.get("scope"))
    details = narrow(subject.authorization_details, parameters.get("authorization_details"))
    details = tuple(detail for detail in details if client.may_have_details(detail["type"]))
    resource = _choose(core, rule, subject, parameters, scopes, details)
    await use_proof(core, request.proof, client)
    body = await issue_access_token(
        core,
        client=client,
        resource=resource,
        scopes=scopes,
        details=details,
        bound_to=request.bound_to,
        grant=None,
        about=subject.about._replace(act=act),
    )
    return {**body, "issued_token_type": ACCESS_TOKEN_TYPE}


def _require_form(parameters: Parameters) -> None:
    for name in ("subject_token", "subject_token_type"):
        if name not in parameters:
            raise InvalidRequest(f"{name} is missing", clause="RFC 8693 2.1a")
    if ("actor_token" in parameters) != ("actor_token_type" in parameters):
        raise InvalidRequest(
            "actor_token and actor_token_type must be sent both or not at all", clause="RFC 8693 2.1c"
        )
    if parameters.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
        raise InvalidRequest(
            f"this server issues access tokens only: leave requested_token_type out, or send {ACCESS_TOKEN_TYPE}",
            clause="RFC 8693 2.1b",
        )


async def _find(core: Core, request: TokenRequest, rule: ExchangeRule, name: str) -> HandedIn:
    """The token in a parameter, valid, of this client or received by it, and proven if it is bound."""
    types = [TOKEN_TYPES[each] for each in rule.token_types]
    token_type = request.parameters[f"{name}_type"]
    if token_type not in types:
        raise InvalidRequest(
            f"{name}_type must be one that this client may exchange: {' or '.join(types)}",
            clause="RFC 8693 2.1d",
            facts={"got": token_type[:100]},
        )
    found = await find_handed_in(core, request.client, request.parameters[name], token_type)
    received = name == "subject_token" and rule.received_tokens
    # One message for all: a client must not learn here whether a token of somebody else is valid.
    if found is None or not (
        found.is_own(request.client) or (received and found.is_received(core, request.client))
    ):
        raise InvalidRequest(
            f"{name} is unknown here, has ended, or is a token that this client may not hand in",
            clause="RFC 8693 2.2.2a",
        )
    trusts_api = rule.proof_checked_by_api and received and found.is_received(core, request.client)
    _require_proven(found.bound_to, request.bound_to, name, trusts_api=trusts_api)
    return found


def _require_proven(token: Confirmation, shown: Confirmation, name: str, *, trusts_api: bool) -> None:
    """Raise InvalidRequest unless the request proves what the token is bound to.

    `trusts_api`: a proof of the client's own key is enough, so that the new token is bound too.
    """
    if token == Confirmation():
        return
    if shown == Confirmation():
        raise InvalidRequest(
            f"{name} is bound, so the new token must be: send a DPoP proof, or show the certificate that this client's"
            " tokens are bound to",
            clause="RFC 9449 7",
        )
    if trusts_api:
        return
    if token.jkt is not None and token.jkt != shown.jkt:
        raise InvalidRequest(
            f"{name} is bound to another DPoP key: send a proof of its own key", clause="RFC 9449 7"
        )
    if token.x5t is not None and token.x5t != shown.x5t:
        raise InvalidRequest(
            f"{name} is bound to another certificate: connect with its own one", clause="RFC 8705 3b"
        )


def _acting(
    core: Core,
    client: Client,
    rule: ExchangeRule,
    subject: HandedIn,
    actor: HandedIn | None,
    issued_to: Client | None,
) -> Mapping[str, Any] | None:
    """The claim `act` of the new token: the actor of this request, with those before it inside."""
    before = subject.about.act
    if actor is None and subject.is_own(client):
        return before  # the client narrows its own token, and nobody new acts
    if actor is not None and actor.about.act is not None:
        raise InvalidRequest(
            "actor_token names an actor itself: send a token of the actor alone", clause="RFC 8693 4.1a"
        )
    name = client.client_id if actor is None else actor.about.sub
    _require_may_act(core, subject, name, issued_to)
    if actor is None and rule.impersonation:
        return before
    if before is not None and _count(before) >= MAX_ACTORS:
        raise InvalidRequest(
            f"subject_token names {MAX_ACTORS} actors already, and a token may not have more",
            clause="RFC 8693 4.1a",
        )
    return {"sub": name} if before is None else {"sub": name, "act": before}


def _count(act: Mapping[str, Any] | None) -> int:
    return 0 if act is None else 1 + _count(act.get("act"))


def _require_may_act(core: Core, subject: HandedIn, name: str, issued_to: Client | None) -> None:
    """`issued_to`: the client that registered `may_act`. It names a user by the `sub` that it knows."""
    if subject.may_act is None:
        return
    if issued_to is not None:
        name, _ = subjects_in_token(core, issued_to, None, name, None)
    actor = {"iss": core.config.issuer, "sub": name}
    if not all(actor.get(member) == value for member, value in subject.may_act.items()):
        raise InvalidRequest(
            "may_act of subject_token names another actor", clause="RFC 8693 4.4", facts={"actor": name[:100]}
        )


def _narrow_scopes(core: Core, client: Client, subject: HandedIn, asked: str | None) -> tuple[str, ...]:
    """The requested scopes, within those of the subject token. The scopes of UserInfo are not handed on."""
    own = subject.is_own(client)
    within = [scope for scope in subject.scopes if own or scope not in IDENTITY_SCOPES]
    if asked is None:
        return tuple(filter(client.may_have_scope, within))
    wanted = tuple(dict.fromkeys(asked.split()))
    for scope in wanted:
        if scope not in within:
            raise InvalidScope(
                "subject_token does not have a requested scope, or it is one of UserInfo",
                clause="RFC 8693 5",
                facts={"scope": scope[:80]},
            )
    core.require_scopes(wanted, client)
    return wanted


def _choose(
    core: Core,
    rule: ExchangeRule,
    subject: HandedIn,
    parameters: Parameters,
    scopes: tuple[str, ...],
    details: Details,
) -> Resource | None:
    """The API of the new token: that of the subject token, or one that is named in the request and in the rule."""
    asked = tuple(dict.fromkeys((*parameters.all("resource"), *parameters.all("audience"))))
    within = (*subject.audiences, *rule.resources) if asked else subject.audiences
    resource = choose_resource(core.config, asked=asked, granted=within, scopes=scopes, details=details)
    if resource is None:
        return None
    belonging = set(scopes_for(resource, scopes)) & set(resource.scopes)
    asked_by_name = core.config.is_asked_for_by_name(resource)
    if not belonging and not details_for(details, resource.uri, core.config) and not asked_by_name:
        raise InvalidScope("nothing of subject_token belongs to this API", clause="RFC 8693 5")
    return resource
