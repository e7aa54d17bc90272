"""An authentication request: a client asks for a user whom it names, and no browser is redirected.

Its scopes, resources and details are checked by the rules of every authorization request. Parameters that CIBA does not
have are ignored. What costs something comes last: a guess of a user code is counted, a signed request is used up.

Spec: CIBA 7a, 7.1c, 7.1d, 7.1e, 7.1.1a, 7.1.1c, 7.2, 13a, 13b; FAPI-CIBA 5.2.2-2, 5.2.2-6, 5.2.2-8, 5.2.2-10
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from askit.clients import backchannel
from askit.clients.client import Client
from askit.config.values import User
from askit.core import Core
from askit.errors import DeniedByPolicy, InvalidRequest, InvalidScope, UnauthorizedClient, UnmetAuthentication
from askit.intents.named import read_intent
from askit.issuing.audience import choose_resource
from askit.messages import require_short
from askit.records import WaitingRequest
from askit.requests.authorization_request import common_members, typed_members
from askit.requests.backchannel import notification_token
from askit.requests.backchannel.binding_message import read_binding_message
from askit.requests.backchannel.named_user import HINTS, named_user
from askit.requests.backchannel.notification_token import read_notification_token
from askit.requests.backchannel.signed_request import (
    read_signed_request,
    require_first_use,
    require_nothing_outside,
)
from askit.requests.backchannel.user_code import require_user_code
from askit.requests.grant_management import ACTION, GRANT_ID
from askit.requests.request_uris import require_room
from askit.requests.requested_subject import read_subjects
from askit.users.levels import needed_level
from askit.users.managed_grants import require_changeable
from fapikit import strict_json
from fapikit.parameters import Parameters
from fapikit.secrets import Secret
from fapikit.urns import CIBA

REQUEST: Final = "request"
KNOWN: Final = frozenset(
    {
        *HINTS,
        notification_token.NAME,
        "scope",
        "acr_values",
        "claims",
        "binding_message",
        "user_code",
        "requested_expiry",
        "authorization_details",
        "resource",
        "request_context",
        ACTION,
        GRANT_ID,
    }
)
"""The parameters of CIBA Core 7.1, FAPI-CIBA 5.3, RFC 8707, RFC 9396 and grant management, and `claims` (OIDC 5.5)."""


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """A checked request: whom it names, and what will wait for that user. The token: of a ping or push client."""

    user: User
    waiting: WaitingRequest
    notification_token: Secret | None = None


async def read_authentication_request(
    core: Core, parameters: Parameters, client: Client, *, jkt: str | None, **http: Any
) -> AuthenticationRequest:
    """The request of an authenticated client. `jkt`: the key of its DPoP proof. `http`: what else the record has of
    the HTTP request. Raises Refused, JwtError, TransportError, StoreError.
    """
    mode = client.delivery_mode
    if mode is None:
        raise UnauthorizedClient(
            f"this client is not registered for CIBA: register {backchannel.DELIVERY_MODE} and the grant type",
            clause="CIBA 4a",
        )
    claims = await _signed_claims(core, parameters, client)
    form = {**dict(parameters.items()), "resource": list(parameters.all("resource")) or None}
    members = _members(core, form if claims is None else claims)
    typed = typed_members(core, members, client, signed=claims is not None)
    _require_openid(typed)
    intent = await read_intent(core, typed, client, signed=claims is not None)
    common = common_members(core, typed, client, jkt=jkt, intent=intent)
    user = await named_user(core, typed, client)
    await _require_one_user(core, typed, client, user)
    waiting = WaitingRequest(
        **{**common, "login_hint": None},
        subjects=(user.sub,),
        expires_at=common["created_at"] + _lifetime(core, typed),
        interval=core.config.polling_interval,
        grant_type=CIBA,
        signed=claims is not None,
        binding_message=_binding_message(core, typed, client),
        delivery_mode=mode,
        **http,
    )
    require_room(waiting, core.config.limits)
    await require_changeable(core, waiting, client)
    token = None if mode == "poll" else read_notification_token(typed.get(notification_token.NAME))
    if mode == "push":
        _require_one_api(core, waiting)
    _require_level(core, waiting, user)
    await require_user_code(core, user, typed.get("user_code"), client)
    if claims is not None:
        await require_first_use(core, claims, client)
    return AuthenticationRequest(user, waiting, token)


async def _signed_claims(core: Core, parameters: Parameters, client: Client) -> Mapping[str, Any] | None:
    """The claims of a signed request; None for a plain one. Raises InvalidRequest if this client may send none."""
    if "request_uri" in parameters:
        raise InvalidRequest("request_uri does not belong here: send request", clause="CIBA 7.1.1a")
    token: Secret | None = parameters.secret(REQUEST)
    profile = core.profile_of(client)
    if token is not None:
        require_nothing_outside(parameters, KNOWN)
        return await read_signed_request(core, token, client)
    if profile.request_object_required:
        raise InvalidRequest(
            "the authentication request must be signed: send it as request",
            clause=profile.clause("request_object_required"),
        )
    if client.alg(backchannel.SIGNING_ALG) is not None:
        raise InvalidRequest(
            "this client has registered that it signs its authentication requests", clause="CIBA 4d"
        )
    return None


def _members(core: Core, given: Mapping[str, Any]) -> dict[str, Any]:
    """The known members. One without a value is left out. Raises TooLarge."""
    members = {name: given[name] for name in KNOWN if given.get(name) not in (None, "")}
    for name, value in members.items():
        octets = value.encode() if isinstance(value, str) else strict_json.dump({name: value})
        require_short(name, len(octets), core.config.limits)
    return members


def _require_openid(members: Mapping[str, Any]) -> None:
    if "scope" not in members:
        raise InvalidRequest("scope is missing", clause="CIBA 7.1c")
    if "openid" not in members["scope"].split():
        raise InvalidScope("scope must have openid", clause="CIBA 7.1c")


def _binding_message(core: Core, members: Mapping[str, Any], client: Client) -> str:
    profile, text = core.profile_of(client), members.get("binding_message")
    if not isinstance(members.get("request_context", {}), dict):
        raise InvalidRequest("request_context must be a JSON object", clause="FAPI-CIBA 5.2.2-10")
    if text is not None:
        return read_binding_message(text)
    if profile.backchannel_context_required and "authorization_details" not in members:
        raise InvalidRequest(
            "binding_message is missing: a request without authorization_details needs it",
            clause=profile.clause("backchannel_context_required"),
        )
    return ""


async def _require_one_user(core: Core, members: Mapping[str, Any], client: Client, user: User) -> None:
    """Raise InvalidRequest if `claims` requests the `sub` of another user than the one whom the hint names."""
    named = await read_subjects(core, {"claims": members.get("claims", {})}, client)
    if named and user.sub not in named:
        raise InvalidRequest("the hint and claims name different users", clause="OIDC 5.5.1")


def _lifetime(core: Core, members: Mapping[str, Any]) -> float:
    """As long as requested, and at most as long as the settings say. Raises InvalidRequest."""
    asked, longest = members.get("requested_expiry"), core.config.auth_req_id_lifetime
    if asked is None:
        return longest
    if isinstance(asked, str) and asked.isascii() and asked.isdigit() and len(asked) <= 10:
        asked = int(asked)
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise InvalidRequest("requested_expiry must be a positive number of seconds", clause="CIBA 7.1.1c")
    return min(float(asked), longest)


def _require_one_api(core: Core, waiting: WaitingRequest) -> None:
    """Raise InvalidTarget unless it is clear which API a pushed access token is for: no request names it later."""
    choose_resource(
        core.config,
        asked=(),
        granted=waiting.resources,
        scopes=waiting.scopes,
        details=waiting.authorization_details,
    )


def _require_level(core: Core, waiting: WaitingRequest, user: User) -> None:
    """Raise DeniedByPolicy if the user can reach none of the requested levels: then nobody needs to be asked."""
    try:
        needed_level(core, waiting, user)
    except UnmetAuthentication as error:
        raise DeniedByPolicy(error.message) from error
