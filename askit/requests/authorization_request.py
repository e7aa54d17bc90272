"""An authorization request, validated by the same rules whether it was pushed, signed or sent through the browser.

A request that nobody redirects (a device, CIBA) has the same parameters, but for those of the redirect:
`askit.decoupled` reads it with `read_members` and `common_members`.

Spec: RFC 6749 4.1.1; RFC 9126 2.1, 2.4; RFC 8707 2, 2.1; RFC 9101 5b, 6.3; OIDC 3.1.2.1, 5.5
Spec: FAPI2-SP 5.3.2.2-1, 5.3.2.2-6, 5.3.2.2-8, 5.3.2.2-14, 5.3.2.1-12, 5.3.2.2 N4
Spec: FAPI2-MS 5.3.1-1, 5.3.3, 5.4.1-1; GM 6.1
Spec: FAPI1-BL 5.2.2-9, 5.2.2-10, 5.2.2.1-1, 5.2.2.1-2, 5.2.2.2-1, 5.2.2.3-1; FAPI1-ADV 5.2.2-1
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from askit.clients.client import Client
from askit.config.settings import Config
from askit.config.values import CLIENT_SCOPES
from askit.core import Core
from askit.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
)
from askit.intents.named import NamedIntent, read_intent
from askit.messages import require_short
from askit.records import PushedRequest
from askit.requests.authorization_details import Details, check_details, details_for, parse_details
from askit.requests.code_challenge import read_code_challenge
from askit.requests.dpop import require_dpop
from askit.requests.grant_management import read_action
from askit.requests.request_object import read_request_object
from askit.requests.requested_subject import read_subjects
from askit.requests.requested_verified_claims import require_readable
from askit.requests.response_type import HYBRID, response_mode_of, response_type_of
from askit.users.managed_grants import require_changeable
from fapikit import pkce, strict_json
from fapikit.claim_requests import faults_in
from fapikit.parameters import Parameters
from fapikit.profiles import Profile

_CLIENT_AUTHENTICATION: Final = frozenset(
    {"client_id", "client_secret", "client_assertion", "client_assertion_type"}
)
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_STRINGS: Final = (
    "response_type", "redirect_uri", "scope", "state", "nonce", "response_mode", "code_challenge",
    "code_challenge_method", "dpop_jkt", "acr_values", "prompt", "login_hint", "id_token_hint", "ui_locales", "display",
    "grant_management_action", "grant_id",
)  # fmt: skip


async def read_authorization_request(
    core: Core, parameters: Parameters, client: Client, *, jkt: str | None = None
) -> PushedRequest:
    """Read and check a request. `jkt`: the key of its DPoP proof. Raises Refused, JwtError, TransportError."""
    if "request_uri" in parameters:
        raise InvalidRequest("request_uri does not belong here", clause="RFC 9126 2.1-2")
    request_object = parameters.get("request")
    members = await read_members(core, parameters, client, request_object)
    signed = request_object is not None
    return await check_members(core, members, client, signed=signed, pushed=True, jkt=jkt)


async def read_members(
    core: Core, parameters: Parameters, client: Client, request_object: str | None
) -> Mapping[str, Any]:
    """The members that count: those of the verified request object if there is one, else the parameters."""
    if request_object is not None:
        signed = await read_request_object(core, request_object, client)
        for name, value in signed.items():
            octets = value.encode() if isinstance(value, str) else strict_json.dump({name: value})
            require_short(name, len(octets), core.config.limits)
        return signed
    members: dict[str, Any] = {
        name: value for name, value in parameters.items() if name not in _CLIENT_AUTHENTICATION
    }
    if parameters.all("resource"):
        members["resource"] = list(parameters.all("resource"))
    return members


async def check_members(
    core: Core,
    members: Mapping[str, Any],
    client: Client,
    *,
    signed: bool,
    pushed: bool = False,
    jkt: str | None = None,
) -> PushedRequest:
    """The request with these members. Raises Refused, StoreError."""
    members = typed_members(core, members, client, signed=signed)
    intent = await read_intent(core, members, client, signed=signed)
    request = validate(core, members, client, signed=signed, pushed=pushed, jkt=jkt, intent=intent)
    request = replace(request, subjects=await read_subjects(core, members, client))
    await require_changeable(core, request, client)
    return request


def typed_members(
    core: Core, members: Mapping[str, Any], client: Client, *, signed: bool
) -> Mapping[str, Any]:
    """The members in their types: strings, and JSON where the parameter is JSON. Raises InvalidRequest.

    It is also refused that a request is not signed, if the profile or the client's registration requires that.
    """
    profile = core.profile_of(client)
    required = profile.request_object_required or client.flag("require_signed_request_object")
    if required and not signed:
        raise InvalidRequest(
            "the request must be a signed request object",
            clause=profile.clause("request_object_required"),
        )
    members = members if signed else _parsed(members)
    for name in _STRINGS:
        if name in members and not isinstance(members[name], str):
            raise InvalidRequest(f"{name} must be a string", clause="RFC 9101 4a")
    return members


def validate(
    core: Core,
    members: Mapping[str, Any],
    client: Client,
    *,
    signed: bool,
    pushed: bool,
    jkt: str | None,
    intent: NamedIntent | None = None,
) -> PushedRequest:
    """The one set of rules. `members`: as `typed_members` returns them. Raises Refused."""
    profile = core.profile_of(client)
    response_type = response_type_of(members, client, profile, core.response_types)
    common = common_members(core, members, client, jkt=jkt, intent=intent)
    scopes = common["scopes"]
    return PushedRequest(
        **common,
        redirect_uri=_redirect_uri(members, client),
        response_mode=response_mode_of(members, client, profile, core.response_modes, response_type),
        response_type=response_type,
        expires_at=common["created_at"] + profile.par_lifetime,
        state=_state(profile, members, scopes),
        nonce=_nonce(profile, members, scopes, response_type),
        code_challenge=read_code_challenge(profile, members, client, scopes, pushed=pushed),
        signed=signed,
    )


def common_members(
    core: Core,
    members: Mapping[str, Any],
    client: Client,
    *,
    jkt: str | None,
    intent: NamedIntent | None = None,
) -> dict[str, Any]:
    """The fields of an `AuthorizationRequest` that do not depend on how it is answered. Raises Refused.

    `intent`: what the request names. The caller adds `expires_at`, `nonce`, `signed`, and `subjects` (`read_subjects`).
    """
    scopes = _scopes(core, members, client, intent)
    resources = _resources(core, members, client)
    details = _details(core, members, client) if intent is None else (intent.detail,)
    return {
        "client_id": client.client_id,
        "scopes": scopes,
        "created_at": core.clock(),
        "resources": _in_use(resources, scopes, details, core.config),
        "authorization_details": details,
        "dpop_jkt": _dpop_jkt(core, members, jkt),
        "claims": _claims(members),
        "acr_values": tuple(members.get("acr_values", "").split()),
        "max_age": _max_age(members, client),
        "prompt": _prompt(members),
        "login_hint": members.get("login_hint"),
        "ui_locales": tuple(members.get("ui_locales", "").split()),
        **read_action(core, members, client),
        **({} if intent is None else {"intent_id": intent.intent_id, "intent_scope": intent.scope}),
    }


def _parsed(form: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of a form, in the types that a request object would have."""
    members = dict(form)
    if "authorization_details" in members:
        members["authorization_details"] = parse_details(members["authorization_details"])
    if "claims" in members:
        try:
            members["claims"] = strict_json.parse_object(members["claims"])
        except ValueError as error:
            raise InvalidRequest(f"claims must be a JSON object: {error}", clause="OIDC 5.5") from error
    if "max_age" in members:
        if (
            not members["max_age"].isascii()
            or not members["max_age"].isdigit()
            or len(members["max_age"]) > 10
        ):
            raise InvalidRequest("max_age must be a number of seconds", clause="OIDC 3.1.2.1")
        members["max_age"] = int(members["max_age"])
    return members


def _redirect_uri(members: Mapping[str, Any], client: Client) -> str:
    uri = members.get("redirect_uri")
    if not uri:
        raise InvalidRequest("redirect_uri is missing", clause="FAPI2-SP 5.3.2.2-6")
    if not client.accepts_redirect_uri(uri):
        raise InvalidRequest("redirect_uri is not registered for this client", clause="FAPI1-BL 5.2.2-10")
    return str(uri)


def mode_of_refusal(core: Core, members: Mapping[str, Any], client: Client) -> str:
    """The response mode for a refused request: the requested one, if it is possible (JARM 2.1a)."""
    profile = core.profile_of(client)
    response_type = " ".join(sorted(str(members.get("response_type", "code")).split()))
    try:
        return response_mode_of(members, client, profile, core.response_modes, response_type)
    except InvalidRequest:
        if response_type == HYBRID and response_type in profile.response_types:
            return "fragment"  # the query must not have an ID token
        signed = profile.jarm_required or profile.response_signature_required
        return "query.jwt" if signed else "query"


def _scopes(
    core: Core, members: Mapping[str, Any], client: Client, intent: NamedIntent | None
) -> tuple[str, ...]:
    """The scopes, without the one that names an intent."""
    named = None if intent is None else intent.scope
    scopes = tuple(scope for scope in dict.fromkeys(members.get("scope", "").split()) if scope != named)
    core.require_scopes(scopes, client)
    if set(scopes) & set(CLIENT_SCOPES):
        raise InvalidScope(
            "no user grants the scopes of grant management and of shared signals: request them with client_credentials",
            clause="GM 6.1",
        )
    if not scopes and intent is None and "authorization_details" not in members:
        raise InvalidScope("the request needs a scope or authorization_details")
    return scopes


def _resources(core: Core, members: Mapping[str, Any], client: Client) -> tuple[str, ...]:
    value = members.get("resource", [])
    asked = [value] if isinstance(value, str) else value
    if not isinstance(asked, list) or not all(isinstance(item, str) for item in asked):
        raise InvalidTarget("resource must be a URI or an array of URIs", clause="RFC 8707 2.1")
    for uri in asked:
        core.require_resource(uri, client)
    return tuple(dict.fromkeys(asked))


def _in_use(
    resources: tuple[str, ...], scopes: tuple[str, ...], details: Details, config: Config
) -> tuple[str, ...]:
    """The APIs at which the request needs anything. For others no token is issued, because the user is not shown them.

    An API with neither scopes nor types of its own is requested by its name alone. Raises InvalidTarget if none is
    left.
    """
    named = [resource for resource in config.resources if resource.uri in resources]
    found = tuple(
        resource.uri
        for resource in named
        if config.is_asked_for_by_name(resource)
        or not set(resource.scopes).isdisjoint(scopes)
        or details_for(details, resource.uri, config)
    )
    if resources and not found:
        raise InvalidTarget(
            "nothing is requested at these resources: add scopes or authorization_details of theirs",
            facts={"resource": resources[0][:200]},
        )
    return found


def _details(core: Core, members: Mapping[str, Any], client: Client) -> Details:
    if "authorization_details" not in members:
        return ()
    return check_details(members["authorization_details"], core.config, client)


def _state(profile: Profile, members: Mapping[str, Any], scopes: tuple[str, ...]) -> str | None:
    state: str | None = members.get("state")
    if state is None and "openid" not in scopes and profile.state_required:
        raise InvalidRequest(
            "state is missing: a request without openid needs it", clause=profile.clause("state_required")
        )
    return state


def _nonce(
    profile: Profile, members: Mapping[str, Any], scopes: tuple[str, ...], response_type: str
) -> str | None:
    nonce: str | None = members.get("nonce")
    if nonce is None and response_type == HYBRID:
        raise InvalidRequest(f"nonce is missing: response_type {HYBRID} needs it", clause="OIDC 3.3.2.11")
    if nonce is None and "openid" in scopes and profile.nonce_required:
        raise InvalidRequest(
            "nonce is missing: a request with openid needs it", clause=profile.clause("nonce_required")
        )
    if nonce is not None and len(nonce) > 1024:
        # FAPI2-SP 5.3.2.2-14: up to 64 characters must be accepted; longer ones may be refused, but are never cut.
        raise InvalidRequest("nonce is longer than 1024 characters", clause="FAPI2-SP 5.3.2.2-14")
    return nonce


def _dpop_jkt(core: Core, members: Mapping[str, Any], jkt: str | None) -> str | None:
    """The key that the code is bound to. The parameter and the proof must agree (RFC 9449 10.1)."""
    named = members.get("dpop_jkt")
    if named is not None:
        require_dpop(core.profile, "dpop_jkt")
    if named is not None and not pkce.is_challenge(named):
        raise InvalidRequest("dpop_jkt must be a SHA-256 thumbprint", clause="RFC 9449 10")
    if named is not None and jkt is not None and named != jkt:
        raise InvalidRequest("dpop_jkt differs from the key of the DPoP proof", clause="RFC 9449 10.1")
    return named or jkt


def _claims(members: Mapping[str, Any]) -> Mapping[str, Any]:
    claims: Mapping[str, Any] = members.get("claims", {})
    fault = next(faults_in(claims), None)
    if fault is not None:
        member, rule = fault
        raise InvalidRequest(f"{member[:120]} {rule}", clause="OIDC 5.5.1", facts={"member": member[:120]})
    require_readable(claims)
    return claims


def _max_age(members: Mapping[str, Any], client: Client) -> int | None:
    value = members.get("max_age", client.metadata.get("default_max_age"))
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise InvalidRequest("max_age must be a number of seconds", clause="OIDC 3.1.2.1")
    return value


def _prompt(members: Mapping[str, Any]) -> tuple[str, ...]:
    prompts = tuple(members.get("prompt", "").split())
    if not set(prompts) <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequest("prompt has an unknown value, or none with another value", clause="OIDC 3.1.2.1")
    return prompts
